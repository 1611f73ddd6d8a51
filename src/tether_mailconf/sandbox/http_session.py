"""The web server's end of one connection: bytes in, one request out, its answer back in pieces (RFC 9112).

One request a connection, as little of HTTP as an issuer or a page of settings needs, and the ways in which an answer
can go wrong.
"""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import attrs

from .personality import Personality
from .session import Session
from .store import Store

_MOST = 256 * 1024
"""Bytes of the longest request."""
_MOST_FIELDS = 100
_LENGTH = re.compile(r"[0-9]{1,7}")
_PORT = re.compile(r":[0-9]*\Z")
_FORM = "application/x-www-form-urlencoded"


@attrs.frozen(kw_only=True)
class WebRequest:
    """What a client asks for.

    Args:
        method: GET or POST.
        path: the path, without the query.
        parameters: those of the form if one was posted, else those of the query; of a repeated one, the last.
        repeated: the names of parameters that came more than once.
        client: the name and password of HTTP Basic, form-decoded (RFC 6749 section 2.3.1); None if there are none.
        bearer: the token of a Bearer field; empty if there is none.
        host: the host that was asked for, in lower case, without port and final dot.
        headers: the fields, names in lower case; of a repeated one, the last.
        body: what was posted, as it came.
    """

    method: str
    path: str
    parameters: Mapping[str, str]
    repeated: frozenset[str] = frozenset()
    client: tuple[str, str] | None = None
    bearer: str = ""
    host: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    body: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(kw_only=True)
class WebAnswer:
    """What it is answered.

    Args:
        status: the status code.
        headers: further fields, such as Location for a redirect or Content-Encoding for a body that is packed.
        body: the content, as it is sent.
        repeat: how many times the content is sent, one after the other.
        dribble: seconds between two bytes of the answer; 0.0 sends it at once.
        is_lost: whether the connection ends instead.
    """

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    body: bytes = attrs.field(default=b"", repr=False)
    repeat: int = 1
    dribble: float = 0.0
    is_lost: bool = False


class HttpSession(Session):
    """Hears one request and answers it.

    Args:
        store: what the sandbox remembers; its lock is held while a request is answered.
        answer: answers a request.
    """

    def __init__(self, store: Store, personality: Personality, answer: Callable[[WebRequest], WebAnswer]) -> None:
        super().__init__(store, personality)
        self._answer = answer
        self._pieces: Iterator[bytes] = iter(())
        self._dribble = 0.0

    @property
    def pause(self) -> float:
        """Seconds before the next piece."""
        return self._dribble or super().pause

    def take(self) -> bytes:
        """Return the next piece."""
        if not self.has_more or self.aborting:
            return super().take()
        piece = next(self._pieces, None)
        if piece is None:
            self.has_more = False
            self.closing = True
            return b""
        return piece

    def _open(self) -> None:
        """Say nothing: in HTTP the client begins."""

    def _forget(self) -> None:
        """Nothing was said in the clear."""

    def _advance(self) -> bool:
        if len(self._incoming) > _MOST:
            self.aborting = True
            return False
        head, mark, rest = bytes(self._incoming).partition(b"\r\n\r\n")
        if not mark:
            return False
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = fields.get("content-length", "0")
        words = lines[0].split(" ")
        if len(words) != 3 or not _LENGTH.fullmatch(length) or "transfer-encoding" in fields:
            request = None
        elif len(rest) < int(length):
            return False
        else:
            request = _request(words[0], words[1], fields, rest[: int(length)])
        self._begin(WebAnswer(status=400) if request is None else self._answer(request))
        self._incoming.clear()
        return False

    def _begin(self, answer: WebAnswer) -> None:
        if answer.is_lost:
            self.aborting = True
            return
        self._dribble = answer.dribble
        self._pieces = _pieces(answer)
        self.has_more = True


def _request(method: str, target: str, fields: Mapping[str, str], body: bytes) -> WebRequest | None:
    try:
        parts = urlsplit(target)
        is_form = method == "POST" and fields.get("content-type", _FORM).lower().startswith(_FORM)
        text = body.decode("utf-8", "replace") if is_form else parts.query
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    scheme, _, value = fields.get("authorization", "").partition(" ")
    return WebRequest(
        method=method,
        path=parts.path,
        parameters=dict(pairs),
        repeated=frozenset(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1),
        client=_basic(value) if scheme.lower() == "basic" else None,
        bearer=value.strip() if scheme.lower() == "bearer" else "",
        host=_PORT.sub("", fields.get("host", "")).removesuffix(".").lower(),
        headers=fields,
        body=body,
    )


def _basic(value: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(name), unquote_plus(password)


def _pieces(answer: WebAnswer) -> Iterator[bytes]:
    fields = {
        "Content-Length": str(len(answer.body) * answer.repeat),
        "Cache-Control": "no-store",
        "Connection": "close",
    } | dict(answer.headers)
    head = f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '')}\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in fields.items()
    )
    first = head.encode() + b"\r\n"
    if answer.dribble:
        yield from (bytes([one]) for one in first + answer.body)
        return
    yield first + answer.body
    for _ in range(answer.repeat - 1):
        yield answer.body


__all__ = ["HttpSession", "WebAnswer", "WebRequest"]
