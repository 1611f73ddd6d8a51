"""What a browser, or a stranger, says to a loopback receiver, and what it is answered. Pure."""

from __future__ import annotations

import hmac
import html
import re
from http import HTTPStatus
from urllib.parse import parse_qsl

import attrs

MAX_HEAD = 16 * 1024
"""Bytes of a request before its body; a code has some hundred characters, a browser's cookies some thousand."""

HEAD_END = b"\r\n\r\n"

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_MAX_PARAMETERS = 64


@attrs.frozen(kw_only=True)
class Awaited:
    """The callback that ends a wait.

    Args:
        port: where we listen on 127.0.0.1.
        path: the path of the redirect URI.
        state: the `state` parameter it must have (RFC 6749 section 10.12).
    """

    port: int
    path: str
    state: str = attrs.field(repr=False)


def check_path(path: str) -> str:
    """Return the path.

    Raises:
        ValueError: it cannot be the path of a redirect URI.
    """
    if not _PATH.fullmatch(path):
        raise ValueError("the path begins with a slash and has letters, digits and ._~/- only")
    return path


def check_page(sentence: str) -> str:
    """Return the sentence that a page shows.

    Raises:
        ValueError: a browser could not be sent it, and would wait for an answer in vain.
    """
    if any("\ud800" <= character <= "\udfff" for character in sentence):
        raise ValueError("the page's sentence has a character that UTF-8 does not have")
    return sentence


def judged(head: bytes, awaited: Awaited) -> HTTPStatus | str:
    """Return the request's target if it is the awaited callback, else the status to refuse it with.

    Args:
        head: the request line and the header fields.
        awaited: what is waited for.
    """
    request_line, *fields = head.decode("latin-1").split("\r\n")
    parts = _REQUEST_LINE.fullmatch(request_line)
    if parts is None or not _is_for_us(fields, awaited.port):
        return HTTPStatus.BAD_REQUEST
    method, target = parts.groups()
    path, _, query = target.partition("?")
    if path != awaited.path:
        return HTTPStatus.NOT_FOUND
    if method != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED
    if "#" in target or not _has_state(query, awaited.state):
        return HTTPStatus.BAD_REQUEST
    return target


def _is_for_us(fields: list[str], port: int) -> bool:
    """Whether the one Host field names us; a page that rebinds its own name to 127.0.0.1 sends that name."""
    pairs = [field.partition(":") for field in fields if field]
    hosts = [value.strip().lower() for name, _, value in pairs if name.lower() == "host"]
    return len(hosts) == 1 and hosts[0] in (f"127.0.0.1:{port}", f"localhost:{port}")


def _has_state(query: str, state: str) -> bool:
    try:
        parameters = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return False
    states = [value for name, value in parameters if name == "state"]
    return len(states) == 1 and hmac.compare_digest(states[0].encode(), state.encode())


def answer(status: HTTPStatus, sentence: str) -> bytes:
    """Return a small page that loads nothing, is kept nowhere and tells no other site where it was."""
    text = html.escape(sentence)
    page = f'<!doctype html><meta charset="utf-8"><title>{text}</title><p>{text}</p>\n'.encode()
    fields = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(page)}",
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "Content-Security-Policy: default-src 'none'",
        "X-Content-Type-Options: nosniff",
        *(("Allow: GET",) if status is HTTPStatus.METHOD_NOT_ALLOWED else ()),
        "Connection: close",
    )
    return "\r\n".join(fields).encode() + HEAD_END + page
