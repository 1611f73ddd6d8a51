"""`LoopbackReceiver` for asyncio."""

from __future__ import annotations

import asyncio
from typing import Self

from .._ports import Deadline
from ..errors import Step
from .callback import check_path
from .visitors import Visitors

_LOOK_SECONDS = 0.05
"""How often is looked whether somebody has come.

Not all loops can watch a socket that is not theirs, and a person's browser does not notice so short a delay.
"""


class LoopbackReceiver:
    """Receives the browser's callback on this machine (RFC 8252 section 7.3).

    It listens on 127.0.0.1, at a port that the system chooses, from its construction until it is closed, and it serves
    while `wait` is running; a browser that comes earlier waits until then. An async context manager; no thread is used.

    Args:
        path: the path of the redirect URI.
        page: the sentence that the browser shows at the end. It is text, not HTML.

    Raises:
        ValueError: the path cannot be one of a redirect URI, or the page's sentence is no text that can be sent.
    """

    def __init__(self, *, path: str = "/callback", page: str = "You can close this window.") -> None:
        self._path = check_path(path)
        self._visitors = Visitors(path, page)
        self._is_waiting = False
        self._is_closed = False

    @property
    def redirect_uri(self) -> str:
        """The redirect URI to begin the sign-in with, and to register with issuers that compare more than the host."""
        return f"http://127.0.0.1:{self._visitors.port}{self._path}"

    async def wait(self, state: str, *, deadline: float = 300.0) -> str:
        """Wait for the callback and return its whole URL. It holds a code: keep it out of logs.

        The first GET request for the path whose one `state` parameter is the awaited one ends the wait. Everybody else
        gets a short refusal.

        Args:
            state: the state of the sign-in that was begun.
            deadline: seconds to wait.

        Raises:
            TimedOut: no such callback came in time.
            ValueError: the state is empty.
            RuntimeError: the receiver is closed, was closed meanwhile, or another task is waiting already.
        """
        if not state:
            raise ValueError("a callback is awaited by its state, and this one is empty")
        if self._is_waiting:
            raise RuntimeError("one callback is awaited at a time")
        self._is_waiting = True
        try:
            return await self._wait(state, Deadline.after(deadline))
        finally:
            self._is_waiting = False

    async def _wait(self, state: str, limit: Deadline) -> str:
        while not self._is_closed:
            if (found := self._visitors.step(state, 0.0)) is not None:
                return found
            if not self._visitors.has_found:
                limit.remaining(Step.SIGN_IN)
            await asyncio.sleep(_LOOK_SECONDS)
        raise RuntimeError("the loopback receiver is closed")

    async def close(self) -> None:
        """Stop listening; a wait in another task ends. Does nothing the second time."""
        if not self._is_closed:
            self._is_closed = True
            self._visitors.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
