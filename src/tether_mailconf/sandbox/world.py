"""What an `Internet` is while the sandbox runs: web sites, a name server, and the mail servers found through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from .http_session import HttpSession, WebAnswer, WebRequest
from .internet import PUBLIC_PORTS, Internet, Question
from .log import Log
from .name_server import NameServer
from .personality import Personality
from .server import Service
from .store import Store
from .zones import Zones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._drivers.guard import NetworkPolicy

_NOT_FOUND = WebAnswer(status=404, headers={"Content-Type": "text/plain"}, body=b"There is nothing here.\n")
_NOT_ALLOWED = WebAnswer(status=405, headers={"Allow": "GET, POST"})


class World:
    """An internet around the servers of one sandbox.

    Args:
        internet: what there is.

    Attributes:
        questions: what its name server was asked.
        requests: what its web sites were asked.
    """

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        self.questions = Log[Question]()
        self.requests = Log[WebRequest]()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that the server certificate is for."""
        untrusted = self._internet.untrusted
        covering = {f"*.{name.partition('.')[2]}" for name in untrusted}
        every = {*Zones(self._internet.zones).hosts, *self._internet.sites}
        return tuple(sorted(every - untrusted - covering))

    def open_name_server(self) -> NameServer:
        """Start its name server."""
        return NameServer(self._internet, self.questions)

    def services(self, mail: Sequence[Service], personality: Personality) -> tuple[Service, ...]:
        """Return the services for `PUBLIC_PORTS`, in their order, where this world has them listen.

        Args:
            mail: all of them but the web.
            personality: how servers behave.
        """
        # A store for each connection: its lock is held while a page is made, and a page may take its time, or look into
        # the sandbox.
        web = Service(
            name="web",
            open_session=lambda: HttpSession(Store(personality), personality, self._answer),
            is_implicit=True,
        )
        return tuple(
            attrs.evolve(service, addresses=self._addresses(port))
            for port, service in zip(PUBLIC_PORTS, (*mail, web), strict=True)
        )

    def seen_by(self, policy: NetworkPolicy, name_server: NameServer, ports: Sequence[int]) -> NetworkPolicy:
        """Return a policy that also finds this world's servers by name and at the usual ports.

        Args:
            policy: the policy.
            name_server: whom it asks.
            ports: where the services listen, first the public ones.
        """
        return attrs.evolve(
            policy,
            ports=policy.ports | frozenset(PUBLIC_PORTS),
            name_servers=(("127.0.0.1", name_server.port),),
            forwarded=dict(zip(PUBLIC_PORTS, ports, strict=False)),
        )

    def _addresses(self, public_port: int) -> tuple[str, ...]:
        others = (address for address, ports in self._internet.listens.items() if public_port in ports)
        return ("127.0.0.1", *others)

    def _answer(self, request: WebRequest) -> WebAnswer:
        self.requests.add(request)
        if request.method not in ("GET", "POST"):
            return _NOT_ALLOWED
        sites = self._internet.sites
        site = sites.get(request.host) or sites.get(f"*.{request.host.partition('.')[2]}") or {}
        page = site.get(request.path, _NOT_FOUND)
        if isinstance(page, bytes):
            return WebAnswer(body=page)
        return page if isinstance(page, WebAnswer) else page(request)


__all__ = ["World"]
