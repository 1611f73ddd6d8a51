"""One HTTPS request through `requests`, over a connection that was dialled by us.

urllib3 is handed our own TLS layer as its socket. So the deadline bounds every wait, however slowly a server dribbles;
the certificate is verified as everywhere else in the library, by a context that urllib3 never sees (it would add
authorities and an ALPN list to it, for the mail connections too); and nothing is dialled that the network policy has
not checked. Redirects, retries, proxies, cookies, compression and the environment play no part.

Errors of `requests` and urllib3 hold the whole request with its secrets. They never leave this module, not even as the
context of another error.

Imported at the first request: `requests` costs a tenth of a second.
"""

from __future__ import annotations

import io
import re
import ssl
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection

from .._ports import Deadline, HttpRequest, HttpResponse, run_sync
from ..errors import ConversationError, Dropped, ProtocolViolation, Step
from ..secret import Secret
from ..settings import Endpoint
from .stream import READ_SIZE, Stream
from .tls import TLSLayer

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

OVERHEAD = 256 * 1024
"""Bytes an answer may have besides its body: header fields, interim answers, chunk sizes, trailers."""

_CUT = "the server closed the connection in the middle of its answer"

_OURS = {"User-Agent": "tether_mailconf", "Accept-Encoding": "identity", "Connection": "close"}

# RFC 9110 sections 5.1 and 5.5, without what only old software sends.
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FIELD_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_LENGTH = re.compile(r"[0-9]{0,15}")


def exchange(
    stream: Stream, context: ssl.SSLContext, endpoint: Endpoint, request: HttpRequest, deadline: Deadline
) -> HttpResponse | ConversationError:
    """Do the TLS handshake and the request over a stream that was just connected, and close it.

    Blocks. The stream's waits must not suspend.

    Returns:
        The answer, or what went wrong; returned, not raised, so that no traceback leads back to the request's secrets.
    """
    try:
        tls = TLSLayer(stream, context, endpoint.host)
        run_sync(tls.handshake(deadline))
        wire = _Wire(tls, deadline, request.limit + OVERHEAD)
        outcome = _answer(wire, endpoint, request)
    except ConversationError as error:
        outcome = error.with_traceback(None)
        outcome.__context__ = outcome.__cause__
    finally:
        stream.close()
    return outcome


def _answer(wire: _Wire, endpoint: Endpoint, request: HttpRequest) -> HttpResponse | ConversationError:
    fields = _fields(request.headers)
    if fields is None:
        return ProtocolViolation(step=Step.TOKEN, detail="a header field of the request has characters HTTP forbids")
    with _Session(_Adapter(wire, endpoint)) as session:
        try:
            response = session.request(
                request.method,
                request.url,
                headers=fields,
                data=None if request.body is None else request.body.reveal_bytes(),
                allow_redirects=False,
                stream=True,
            )
            with response:
                body = _body(response, wire, request.limit)
                return HttpResponse(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=body,
                )
        except ConversationError:
            raise
        except Exception:  # noqa: BLE001 - three libraries read a stranger's bytes; what they raise holds the request
            # Made here and returned, so that it is neither caused by that nor raised in its context.
            return _nonsense(wire)


def _nonsense(wire: _Wire) -> ConversationError:
    if wire.has_ended:
        return Dropped(step=Step.TOKEN, detail=_CUT)
    return ProtocolViolation(step=Step.TOKEN, detail="the server's answer is not HTTP")


def _fields(given: Mapping[str, str | Secret]) -> CaseInsensitiveDict[str] | None:
    fields = CaseInsensitiveDict[str]()
    for name, value in given.items():
        fields[name] = value.reveal() if isinstance(value, Secret) else value
    fields.update(_OURS)
    if all(_FIELD_NAME.fullmatch(name) and _FIELD_VALUE.fullmatch(value) for name, value in fields.items()):
        return fields
    return None


def _body(response: requests.Response, wire: _Wire, limit: int) -> Secret:
    """Read the body as it stands, without decoding it."""
    raw = response.raw
    is_framed = "transfer-encoding" in raw.headers or raw.length_remaining is not None
    content = bytearray()
    while piece := raw.read(min(READ_SIZE, limit + 1 - len(content)), decode_content=False):
        content += piece
        if len(content) > limit:
            raise ProtocolViolation(step=Step.TOKEN, detail=f"the server's answer is longer than {limit} bytes")
    # A body that ends with the connection is whole only if the server said goodbye (RFC 9112 section 9.8).
    if wire.has_ended and (is_framed or wire.was_cut):
        raise Dropped(step=Step.TOKEN, detail=_CUT)
    return Secret(bytes(content))


class _Wire(io.RawIOBase):
    """What urllib3 takes for a socket, and http.client for the file it reads from.

    Errors are the library's own. They are no `OSError`, so the libraries in between let them pass.

    Args:
        tls: the verified connection.
        deadline: for all that is sent and received.
        limit: the most bytes that are received.
    """

    def __init__(self, tls: TLSLayer, deadline: Deadline, limit: int) -> None:
        super().__init__()
        self._tls = tls
        self._deadline = deadline
        self._left = limit
        self._arrived = b""
        self.has_ended = False

    @property
    def was_cut(self) -> bool:
        """Whether the connection ended without the goodbye that TLS asks for (RFC 8446 section 6.1)."""
        return self._tls.was_cut

    def sendall(self, data: ReadableBuffer) -> None:
        run_sync(self._tls.write(memoryview(data), self._deadline))

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(self, READ_SIZE)

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: the deadline is for the whole, not for a step."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._arrived:
            self._arrived = run_sync(self._tls.read(self._deadline))
            self._left -= len(self._arrived)
            self.has_ended = not self._arrived
        if self._left < 0:
            raise ProtocolViolation(step=Step.TOKEN, detail="the server's answer is too long")
        view = memoryview(buffer).cast("B")
        piece, self._arrived = self._arrived[: len(view)], self._arrived[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


class _Head(HTTPResponse):
    """Reads an answer's head, and checks that nobody can disagree about where its body ends."""

    def __init__(self, wire: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(wire, *arguments, **options)
        self._wire: _Wire = wire

    def begin(self, *arguments: Any, **options: Any) -> None:
        super().begin(*arguments, **options)
        if self._wire.has_ended:
            # http.client takes the end of the connection for the end of the header.
            raise Dropped(step=Step.TOKEN, detail=_CUT)
        if self.status < 200:
            raise ProtocolViolation(
                step=Step.TOKEN, detail=f"the server's last answer is an interim one: {self.status}"
            )
        if self.msg.defects or self.msg.get_payload() or not all(map(_FIELD_NAME.fullmatch, self.msg.keys())):
            raise ProtocolViolation(step=Step.TOKEN, detail="the header of the server's answer is not HTTP")
        coding, length = _joined(self, "transfer-encoding"), _joined(self, "content-length")
        if coding not in ("", "chunked") or not _LENGTH.fullmatch(length) or (coding and length):
            raise ProtocolViolation(step=Step.TOKEN, detail="the server's answer has no clear end")
        if _joined(self, "content-encoding") not in ("", "identity"):
            raise ProtocolViolation(
                step=Step.TOKEN, detail="the server's answer is encoded, though it was asked not to"
            )


def _joined(response: HTTPResponse, name: str) -> str:
    return ", ".join(response.msg.get_all(name, ())).strip().lower()


class _Connection(HTTPSConnection):
    """A connection that is there already.

    Args:
        wire: the connection.
        target: what is asked for, with its query; the pool is told the path only, because it logs what it is told.
    """

    response_class = _Head

    def __init__(self, *arguments: Any, wire: _Wire, target: str, **options: Any) -> None:
        super().__init__(*arguments, **options)  # pyright: ignore[reportUnknownMemberType]  # it may lack ssl
        self._wire = wire
        self._target = target

    def connect(self) -> None:
        self.sock = cast("Any", self._wire)
        self.is_verified = True

    def close(self) -> None:
        """Forget the connection; who opened it closes it."""
        self.sock = None
        super().close()

    def putrequest(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        super().putrequest(method, self._target, *arguments, **options)


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType]  # urllib3's own class does not fit it either


class _Adapter(HTTPAdapter):
    """Leads every request over one connection, whatever `requests` would have chosen."""

    def __init__(self, wire: _Wire, endpoint: Endpoint) -> None:
        super().__init__(max_retries=0)
        self._wire = wire
        self._endpoint = endpoint

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> HTTPSConnectionPool:
        return _Pool(self._endpoint.host, self._endpoint.port, wire=self._wire, target=request.path_url)

    def cert_verify(self, *_: object, **__: object) -> None:
        """Add no authorities: the connection is verified already."""

    def request_url(self, request: requests.PreparedRequest, *_: object, **__: object) -> str:
        return request.path_url.partition("?")[0]


class _Session(requests.Session):
    """A session for one request that looks at nothing but its arguments."""

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.adapters.clear()
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: to learn where a redirect leads, `requests` would read all of its body into memory."""
