"""`LoopbackReceiver`: where the browser comes back to after a sign-in in a desktop application or a script."""

from __future__ import annotations

import threading
from typing import Self

from .._ports import Deadline
from ..errors import Step
from .callback import check_path
from .visitors import Visitors

_SLICE_SECONDS = 0.1
"""How soon a wait notices that another thread has closed the receiver."""


class LoopbackReceiver:
    """Receives the browser's callback on this machine (RFC 8252 section 7.3).

    It listens on 127.0.0.1, at a port that the system chooses, from its construction until it is closed, and it serves
    while `wait` is running; a browser that comes earlier waits until then. A context manager; no thread is used.

    Args:
        path: the path of the redirect URI.
        page: the sentence that the browser shows at the end. It is text, not HTML.

    Raises:
        ValueError: the path cannot be one of a redirect URI, or the page's sentence is no text that can be sent.
    """

    def __init__(self, *, path: str = "/callback", page: str = "You can close this window.") -> None:
        self._path = check_path(path)
        self._visitors = Visitors(path, page)
        self._waiting = threading.Lock()
        self._is_closed = False

    @property
    def redirect_uri(self) -> str:
        """The redirect URI to begin the sign-in with, and to register with issuers that compare more than the host."""
        return f"http://127.0.0.1:{self._visitors.port}{self._path}"

    def wait(self, state: str, *, deadline: float = 300.0) -> str:
        """Wait for the callback and return its whole URL. It holds a code: keep it out of logs.

        The first GET request for the path whose one `state` parameter is the awaited one ends the wait. Everybody else
        gets a short refusal.

        Args:
            state: the state of the sign-in that was begun.
            deadline: seconds to wait.

        Raises:
            TimedOut: no such callback came in time.
            ValueError: the state is empty.
            RuntimeError: the receiver is closed, was closed meanwhile, or another thread is waiting already.
        """
        if not state:
            raise ValueError("a callback is awaited by its state, and this one is empty")
        if not self._waiting.acquire(blocking=False):
            raise RuntimeError("one callback is awaited at a time")
        try:
            return self._wait(state, Deadline.after(deadline))
        finally:
            self._waiting.release()

    def _wait(self, state: str, limit: Deadline) -> str:
        while not self._is_closed:
            seconds = _SLICE_SECONDS
            if not self._visitors.has_found:
                seconds = min(seconds, limit.remaining(Step.SIGN_IN))
            if (found := self._visitors.step(state, seconds)) is not None:
                return found
        raise RuntimeError("the loopback receiver is closed")

    def close(self) -> None:
        """Stop listening; a wait in another thread ends. Does nothing the second time."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._waiting:
            self._visitors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
