"""What the two tenants send through, and what it has seen: the sandbox behind a bad network, or Dovecot and Postfix."""

from __future__ import annotations

import abc
import contextlib
import random
from collections.abc import Mapping, Sequence
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

RELAY = "127.0.0.1"
"""Where the relay listens, as far as clients are concerned."""
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
    """Servers for two tenants, behind a relay in a process of its own. Use it as a context manager.

    Args:
        seed: of the relay's random numbers.

    Attributes:
        access: how they are reached.
        provider_files: whether the servers file a copy of what is submitted by themselves.
        blow: what `strike` does.
    """

    access: Access
    provider_files: ClassVar[bool] = False
    blow: ClassVar = "restarts"
    filers: ClassVar[tuple[Filer, Filer]] = (Filer.CLIENT, Filer.UNKNOWN)

    def __init__(self, seed: str) -> None:
        self._strikes = 0
        with contextlib.ExitStack() as started:
            self.relay = started.enter_context(Servant("tests.faults.relay", seed))
            self.access = self.start(started)
            self._held = started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @abc.abstractmethod
    def start(self, held: contextlib.ExitStack) -> Access:
        """Start the servers; everything that must be ended goes onto `held`."""

    @abc.abstractmethod
    def hurt(self, chance: random.Random) -> None:
        """End a server, one way or another, and begin it again; or what else `blow` says."""

    @abc.abstractmethod
    def seen(self) -> Seen:
        """Return what the servers have seen, once all that was said to them is dealt with."""

    def reached(self, targets: Sequence[tuple[str, int]], ca_file: str) -> Access:
        """Return how the tenants reach servers through the relay: one with TLS from the start, the other by STARTTLS.

        Args:
            targets: where the servers are: submission and IMAP with TLS, submission and IMAP with STARTTLS.
            ca_file: the authority of their certificate.
        """
        ports: list[int] = self.relay.ask("listen", targets=targets)
        settings = {}
        for index, (tenant, filer) in enumerate(zip(TENANTS, self.filers, strict=True)):
            security = (Security.TLS, Security.STARTTLS)[index]
            smtp, imap = (Endpoint(host=RELAY, port=port, security=security) for port in ports[2 * index :][:2])
            settings[tenant] = settings_of(tenant, smtp, imap, filer)
        return Access(settings=settings, ca_file=ca_file, ports=frozenset(ports))

    def worsen(self) -> None:
        """Let the network be bad from now on."""
        self.relay.ask("worsen")

    def heal(self) -> None:
        """Let all be well again."""
        self.relay.ask("heal")

    def strike(self, chance: random.Random) -> None:
        """Let something happen to the servers themselves."""
        self._strikes += 1
        self.hurt(chance)

    def struck(self) -> dict[str, int]:
        """Return how often something was struck, by what was done."""
        return {**self.relay.ask("counts"), self.blow: self._strikes}


class SandboxWorld(World):
    """The sandbox in a process of its own."""

    personality: ClassVar = "PLAIN"
    servers: Servant

    def start(self, held: contextlib.ExitStack) -> Access:
        self.servers = held.enter_context(Servant("tests.faults.sandbox_server"))
        opened = self.servers.ask("open", behaviour=self.personality, users=PASSWORDS)
        return self.reached(targets(opened["ports"]), opened["ca_file"])

    def hurt(self, chance: random.Random) -> None:
        if chance.random() < 0.3:
            self.servers.ask("close")
        self.relay.ask("retarget", targets=targets(self.servers.ask("restart")))

    def seen(self) -> Seen:
        self.relay.ask("wait_until_idle")
        self.servers.ask("wait_until_idle")
        told = self.servers.ask("seen")
        accepted, copies = (
            tuple(Witnessed(message_id=message_id, user=user, digest=digest) for message_id, user, digest in told[what])
            for what in ("accepted", "copies")
        )
        return Seen(accepted=accepted, copies=copies)


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
