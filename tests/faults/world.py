"""What the two tenants send through, and what it has seen: the sandbox behind a bad network, or Dovecot and Postfix."""

from __future__ import annotations

import abc
import contextlib
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import attrs

from tests.faults.letters import TENANTS
from tests.faults.servant import Servant
from tether_mailconf import (
    ConnectionSettings,
    CredentialKind,
    Endpoint,
    Filer,
    NetworkPolicy,
    Password,
    Security,
    SentPolicy,
)

PASSWORDS = {TENANTS[0]: "ana's own secret", TENANTS[1]: "bob's own secret"}


@attrs.frozen(kw_only=True)
class Witnessed:
    """One thing that a server has seen.

    Args:
        message_id: of which message.
        user: who had signed in; for a copy, whose mailbox it is in.
        digest: of the content ("sha256:..."); None where the server stores it in another form.
    """

    message_id: str
    user: str
    digest: str | None = None


@attrs.frozen(kw_only=True)
class Seen:
    """All that the servers have seen.

    Args:
        accepted: each message that was accepted for submission.
        copies: each message in a Sent folder.
    """

    accepted: tuple[Witnessed, ...]
    copies: tuple[Witnessed, ...]


@attrs.frozen(kw_only=True)
class Access:
    """How the tenants reach their accounts. As plain data it goes to other processes.

    Args:
        settings: each tenant's, by the address.
        ca_file: the authority that is trusted.
        ports: what may be dialled.
    """

    settings: Mapping[str, ConnectionSettings]
    ca_file: str
    ports: frozenset[int]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        settings = {tenant: one.to_dict() for tenant, one in self.settings.items()}
        return {"settings": settings, "ca_file": self.ca_file, "ports": sorted(self.ports)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Access:
        """Return what `to_dict` described."""
        settings = {tenant: ConnectionSettings.from_dict(one) for tenant, one in data["settings"].items()}
        return cls(settings=settings, ca_file=data["ca_file"], ports=frozenset(data["ports"]))

    def mailer_arguments(self, tenant: str) -> dict[str, Any]:
        """Return the arguments of a tenant's Mailer."""
        network = NetworkPolicy(networks=("127.0.0.0/8",), ports=self.ports)
        credential = Password(PASSWORDS[tenant])
        return {
            "settings": self.settings[tenant],
            "credential": credential,
            "network": network,
            "ca_file": self.ca_file,
        }


def settings_of(tenant: str, smtp: Endpoint, imap: Endpoint, filer: Filer) -> ConnectionSettings:
    """Return a tenant's settings."""
    return ConnectionSettings(
        address=tenant,
        smtp=smtp,
        imap=imap,
        smtp_user=tenant,
        imap_user=tenant,
        credential=CredentialKind.PASSWORD,
        sent=SentPolicy(filer=filer),
    )


class World(abc.ABC):
    """Servers for two tenants. Use it as a context manager.

    Attributes:
        access: how they are reached.
        provider_files: whether the servers file a copy of what is submitted by themselves.
    """

    access: Access
    provider_files: ClassVar[bool] = False

    def __init__(self) -> None:
        self.held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.held.close()

    def worsen(self) -> None:
        """Let the network be bad from now on, if it is one of those that can."""

    def heal(self) -> None:
        """Let all be well again."""

    @abc.abstractmethod
    def restart(self, chance: random.Random) -> None:
        """End a server, one way or another, and begin it again."""

    @abc.abstractmethod
    def seen(self) -> Seen:
        """Return what the servers have seen, once all that was said to them is dealt with."""

    def struck(self) -> dict[str, int]:
        """Return how often something was struck, by what was done."""
        return {}


class SandboxWorld(World):
    """The sandbox in a process of its own, behind a relay in another one.

    Args:
        seed: of the relay's random numbers.
    """

    personality: ClassVar = "PLAIN"
    filers: ClassVar[tuple[Filer, Filer]] = (Filer.CLIENT, Filer.CLIENT)

    def __init__(self, seed: str) -> None:
        super().__init__()
        self._servers = self.held.enter_context(Servant("tests.faults.sandbox_server"))
        self._relay = self.held.enter_context(Servant("tests.faults.relay", seed))
        opened = self._servers.ask("open", behaviour=self.personality, users=PASSWORDS)
        ports = self._relay.ask("listen", targets=targets(opened["ports"]))
        ends = [
            Endpoint(host="127.0.0.1", port=port, security=security)
            for port, security in zip(ports, [Security.TLS] * 2 + [Security.STARTTLS] * 2, strict=True)
        ]
        settings = {
            tenant: settings_of(tenant, smtp, imap, filer)
            for tenant, smtp, imap, filer in zip(TENANTS, ends[::2], ends[1::2], self.filers, strict=True)
        }
        self.access = Access(settings=settings, ca_file=opened["ca_file"], ports=frozenset(ports))
        self._restarts = 0

    def worsen(self) -> None:
        self._relay.ask("worsen")

    def heal(self) -> None:
        self._relay.ask("heal")

    def restart(self, chance: random.Random) -> None:
        self._restarts += 1
        if chance.random() < 0.3:
            self._servers.ask("close")
        self._relay.ask("retarget", targets=targets(self._servers.ask("restart")))

    def seen(self) -> Seen:
        self._relay.ask("wait_until_idle")
        self._servers.ask("wait_until_idle")
        told = self._servers.ask("seen")
        accepted, copies = (
            tuple(Witnessed(message_id=message_id, user=user, digest=digest) for message_id, user, digest in told[what])
            for what in ("accepted", "copies")
        )
        return Seen(accepted=accepted, copies=copies)

    def struck(self) -> dict[str, int]:
        return {**self._relay.ask("counts"), "restarts": self._restarts}


class FilingSandboxWorld(SandboxWorld):
    """One that files by itself; one tenant's settings know it, the other's find out."""

    personality = "FILES_ITSELF"
    filers = (Filer.PROVIDER, Filer.UNKNOWN)
    provider_files = True


def targets(ports: list[int]) -> list[tuple[str, int]]:
    """Return where the sandbox's servers are."""
    return [("127.0.0.1", port) for port in ports]


def file_in(folder: Path, tenant: str, kind: str) -> Path:
    """Return a file of one tenant's."""
    return folder / f"{tenant.partition('@')[0]}.{kind}"
