"""What is asked about, and the asking: every question of one discovery goes through `Asking`, which counts them.

A discovery runs inside a hosted application on a stranger's word. So it makes a dozen requests at most, follows three
redirects at most, and shows nobody more than the address.
"""

from __future__ import annotations

import contextlib
import copy
from urllib.parse import urljoin

import attrs

from .._ports import IO, Deadline, HttpRequest, HttpResponse, R
from ..address import read_address
from ..errors import (
    ConversationError,
    InvalidSettings,
    NotPermitted,
    Problem,
    ProtocolViolation,
    Step,
    TimedOut,
    TLSFailed,
    Unreachable,
)
from .offer import Answer, Heard, Source

MOST_REQUESTS = 12
"""Questions to name servers and requests to web servers, in one discovery."""

MOST_REDIRECTS = 3
REQUEST_SECONDS = 5.0
"""Longest that one question or request may take."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@attrs.frozen(kw_only=True)
class Query:
    """What is asked about.

    Args:
        address: the address, its domain as A-labels.
        account: the address to sign in with: `address` without a sub-address (RFC 5233).
        domain: the domain.
    """

    address: str
    account: str
    domain: str

    @property
    def local_part(self) -> str:
        """What stands before the @ of the account."""
        return self.account.rpartition("@")[0]


def read_query(address: object) -> Query:
    """Return what to ask about an address, as a person typed it.

    Raises:
        InvalidSettings: it is not an address, or not one that can be discovered.
    """
    if not isinstance(address, str):
        raise InvalidSettings((Problem(field="address", code="type.wrong", message="this must be text"),))
    found = read_address(address.strip(" "))
    if isinstance(found, Problem):
        raise InvalidSettings((attrs.evolve(found, field="address"),))
    local_part, _, domain = found.rpartition("@")
    base = local_part.partition("+")[0]
    return Query(address=found, account=f"{base or local_part}@{domain}", domain=domain)


def failed(source: Source, error: ConversationError) -> Heard:
    """Return what is heard of a source that could not be asked. All refusals read alike."""
    if isinstance(error, NotPermitted):
        return Heard(source=source, outcome=Answer.REFUSED, said=error.summary)
    return Heard(source=source, outcome=Answer.FAILED, said=str(error))


class Asking:
    """Asks name servers and web servers for one discovery.

    Args:
        io: the outside world.
        deadline: until when.

    Attributes:
        io: the outside world, for the probes of mail servers.
        deadline: until when.
    """

    def __init__(self, io: IO, deadline: Deadline) -> None:
        self.io = io
        self.deadline = deadline
        # Lists, because taking their last element is one step, also among threads.
        self._whole = [True] * MOST_REQUESTS
        self._share = self._whole
        self._closed: list[int] = []

    def share(self, count: int) -> Asking:
        """Return an asking for one source, which may make so many of the requests: nobody uses up another's."""
        part = copy.copy(self)
        part._share = [True] * count
        return part

    @property
    def count(self) -> int:
        """How many requests have been made."""
        return self._closed[0] if self._closed else MOST_REQUESTS - len(self._whole)

    def close(self) -> None:
        """Let nothing more be asked or dialled, by whoever was left behind."""
        self._closed.append(self.count)

    def check_open(self) -> None:
        """Raise `TimedOut` if nothing more is to be asked or dialled."""
        if self._closed:
            raise TimedOut(step=Step.DISCOVERY)

    async def records(self, name: str, kind: type[R]) -> tuple[R, ...]:
        """Return the records of a name.

        Raises:
            ConversationError: there is no answer.
        """
        self._take()
        return await self.io.resolve(name, kind, self.deadline.sooner(REQUEST_SECONDS))

    async def document(self, request: HttpRequest) -> tuple[str, HttpResponse]:
        """Make a request, go where it is redirected to, and return the last URL with its answer.

        Raises:
            ConversationError: there is no answer.
        """
        deadline = self.deadline.sooner(REQUEST_SECONDS)
        request = attrs.evolve(request, step=Step.DISCOVERY)
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._fetch(request, deadline)
            location = response.headers.get("location", "")
            if response.status not in _REDIRECTS or not location:
                return request.url, response
            request = attrs.evolve(request, url=_target(request.url, location))
        raise ProtocolViolation(step=Step.DISCOVERY, detail=f"more than {MOST_REDIRECTS} redirects")

    async def _fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        self._take()
        try:
            return await self.io.fetch(request, deadline)
        except (Unreachable, NotPermitted, TLSFailed):
            # Nobody was there to be asked, so that was no request.
            self._whole.append(True)
            if self._share is not self._whole:
                self._share.append(True)
            raise

    def _take(self) -> None:
        self.check_open()
        try:
            self._share.pop()
            if self._share is not self._whole:
                self._whole.pop()
        except IndexError:
            raise Unreachable(step=Step.DISCOVERY, detail="its share of the requests is used up") from None


def _target(url: str, location: str) -> str:
    target = ""
    # `urljoin` takes control characters out, and so goes where no other reader of the field would.
    if location.isprintable():
        with contextlib.suppress(ValueError):
            target = urljoin(url, location)
    if not target:
        raise ProtocolViolation(step=Step.DISCOVERY, detail="the redirect leads nowhere")
    return target
