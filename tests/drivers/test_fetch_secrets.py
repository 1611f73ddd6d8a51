"""No secret of a request or of its answer gets out by an error or by a log."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator

import attrs
import pytest

from tether_mailconf._ports import HttpRequest
from tether_mailconf.errors import ConversationError
from tether_mailconf.secret import Secret

from ..mailer.raw_server import Peer
from .asking import (
    ANSWER_SECRET,
    QUERY_SECRET,
    SECRETS,
    Colour,
    answering,
    for_ever,
    hanging_up_after,
    page,
    saying_goodbye_after,
)
from .conftest import Serve

BODY = f'{{"access_token": "{ANSWER_SECRET}"}}'.encode() * 20
BEHAVIOURS: dict[str, Callable[[Peer], None]] = {
    "cut body": saying_goodbye_after(page(BODY)[:-1]),
    "cut chunk": hanging_up_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + BODY),
    "cut at once": hanging_up_after(),
    "no HTTP": answering(BODY + b"\r\n\r\n"),
    "bad chunk": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY + b"\r\n\r\n"),
    "bad field": answering(b"HTTP/1.1 200 OK\r\n" + BODY + b"\r\n\r\n"),
    "too long": for_ever(b"HTTP/1.1 200 OK\r\n\r\n", BODY * 100),
    "coded": answering(page(BODY, "Content-Encoding: gzip")),
    "late": answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + BODY),
}


def family(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it is chained to."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
            yield one


def texts(error: BaseException) -> Iterator[str]:
    """Yield all that an error report could show of an error, local variables of our frames included."""
    for one in family(error):
        yield f"{one} {one!r} {one.args!r} {vars(one)!r}"
        frames = traceback.walk_tb(one.__traceback__)
        for frame, _ in frames:
            module = str(frame.f_globals.get("__name__"))
            assert module.partition(".")[0] not in ("requests", "urllib3", "http")
            if module.startswith("tether_mailconf."):
                yield repr(frame.f_locals)
                yield from (repr(vars(value)) for value in frame.f_locals.values() if hasattr(value, "__dict__"))


@pytest.mark.parametrize("kind", BEHAVIOURS)
def test_an_error_tells_no_secret(colour: Colour, serve: Serve, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    caplog.set_level(logging.DEBUG)
    web = serve(BEHAVIOURS[kind])
    with pytest.raises(ConversationError) as caught:
        web.ask(colour, web.secretive(limit=4096), deadline=1.0 if kind == "late" else 30.0)
    shown = [*texts(caught.value), *(repr(vars(record)) for record in caplog.records), caplog.text]
    assert len(shown) > 3
    assert [secret for secret in SECRETS for text in shown if secret in text] == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_answer_leaves_no_secret_in_the_log_or_in_a_repr(
    colour: Colour, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web = serve(answering(page(BODY)))
    request = web.secretive()
    response = web.ask(colour, request)
    assert response.body == Secret(BODY)
    shown = repr(response) + repr(request) + caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert [secret for secret in SECRETS if secret in shown] == []


def test_a_field_that_cannot_be_sent_is_not_quoted(colour: Colour, serve: Serve) -> None:
    web = serve(Peer.hear_all)
    request = attrs.evolve(web.secretive(), headers={"Authorization": Secret(f"{SECRETS[0]}\r\n")})
    with pytest.raises(ConversationError) as caught:
        web.ask(colour, request)
    assert [secret for secret in SECRETS for text in texts(caught.value) if secret in text] == []


def test_an_url_that_is_not_dialled_is_not_quoted(colour: Colour, serve: Serve) -> None:
    web = serve(Peer.hear_all)
    with pytest.raises(ConversationError) as caught:
        web.ask(colour, HttpRequest(method="GET", url=f"https://h:{QUERY_SECRET}/?a={QUERY_SECRET}"))
    for one in family(caught.value):
        assert QUERY_SECRET not in f"{one} {one!r} {one.args!r} {vars(one)!r}"
