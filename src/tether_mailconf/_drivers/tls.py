"""TLS for both colours: one engine over memory buffers, fed by whatever stream lies below.

Memory buffers (`ssl.MemoryBIO`) instead of a wrapped socket, because then every wait is ours to bound by the deadline,
the handshake included, and because an idle connection keeps a tenth of what asyncio's own TLS keeps. Verification is
always on; a host may add a certificate authority, and nothing can take one step of the verification away.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

from .._ports import Buffer, Deadline, TLSFacts
from ..errors import Dropped, InvalidSettings, Problem, Step, TimedOut, TLSFailed
from .stream import READ_SIZE, Stream

_FLUSH_SIZE = 256 * 1024
"""Bytes of ciphertext gathered before they are written, so that memory stays bounded whatever the message's size."""

_IDLE_READS = 16
"""Reads without a byte for us after which what has arrived is not looked through any further: who sends us session
tickets (RFC 8446 section 4.6.1) for ever would keep us for ever, since nothing here waits or looks at a deadline."""

_BUILDING = threading.Lock()


def trust(ca_file: str | Path | None) -> ssl.SSLContext:
    """Return the context that trusts the system's authorities and those in `ca_file` (PEM).

    Building one costs tens of milliseconds and a megabyte, so there is one for a process and CA file.

    Raises:
        InvalidSettings: the file cannot be read or holds no certificate.
        TLSFailed: the process has no descriptor left to read it with.
    """
    try:
        changed = 0 if ca_file is None else Path(ca_file).stat().st_mtime_ns
        with _BUILDING:
            return _context(None if ca_file is None else str(ca_file), changed)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise TLSFailed(step=Step.TLS, detail=f"no certificate authority can be read: {error.strerror}") from error
        message = f"the CA file cannot be used: {error.strerror or error}"
        raise _unusable(message) from error
    except ValueError as error:
        # A name with NUL in it, or one that the system's file names cannot spell.
        raise _unusable("the CA file cannot be used: it has a name that no file has") from error


def _unusable(message: str) -> InvalidSettings:
    return InvalidSettings((Problem(field="ca_file", code="ca_file.unusable", message=message),))


@functools.lru_cache(maxsize=16)
def _context(ca_file: str | None, _changed: int) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9525 section 2: only subject alternative names identify a server.
    context.hostname_checks_common_name = False
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class TLSLayer:
    """TLS over a stream. Construct it, `handshake`, then read and write.

    Attributes:
        was_cut: whether the stream ended without the peer's goodbye (close_notify, RFC 8446 section 6.1).
    """

    def __init__(self, stream: Stream, context: ssl.SSLContext, host: str) -> None:
        self._stream = stream
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.was_cut = False
        self._has_ended = False

    async def handshake(self, deadline: Deadline) -> None:
        """Agree on keys and verify the server.

        Raises:
            TLSFailed: the certificate does not verify, or the handshake failed.
        """
        try:
            await self._handshake(deadline)
        except (TimedOut, Dropped) as error:
            error.step = Step.TLS
            raise

    async def _handshake(self, deadline: Deadline) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush(deadline)
                await self._feed(deadline)
            except ssl.SSLCertVerificationError as error:
                await self._alert(deadline)
                detail = f"the server's certificate is not trusted: {error.verify_message}"
                raise TLSFailed(step=Step.TLS, detail=detail) from error
            except (ssl.SSLError, ssl.CertificateError) as error:
                await self._alert(deadline)
                raise TLSFailed(step=Step.TLS, detail=f"the TLS handshake failed: {_reason(error)}") from error
        await self._flush(deadline)

    def facts(self) -> TLSFacts:
        """Return what was agreed on, once the handshake is done."""
        cipher = self._tls.cipher()
        ends = (self._tls.getpeercert() or {}).get("notAfter")
        expires_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None
        return TLSFacts(version=self._tls.version() or "", cipher=cipher[0] if cipher else "", expires_at=expires_at)

    async def write(self, data: Buffer, deadline: Deadline) -> None:
        view = memoryview(data)
        while view:
            try:
                written = self._tls.write(view)
            except ssl.SSLError as error:
                raise TLSFailed(step=Step.TLS, detail=f"TLS failed: {_reason(error)}") from error
            view = view[written:]
            if self._outgoing.pending >= _FLUSH_SIZE:
                await self._flush(deadline)
        await self._flush(deadline)

    async def read(self, deadline: Deadline) -> bytes:
        while (data := self._decrypted()) is None:
            self._accept(await self._stream.read(deadline))
        return data

    def read_waiting(self) -> bytes | None:
        for _ in range(_IDLE_READS):
            if (data := self._decrypted()) is not None:
                return data
            raw = self._stream.read_waiting()
            if raw is None:
                return None
            self._accept(raw)
        raise TLSFailed(step=Step.TLS, detail="the server does not stop sending, and says nothing")

    def _decrypted(self) -> bytes | None:
        if self._has_ended:
            return b""
        if not (self._incoming.pending or self._incoming.eof or self._tls.pending()):
            return None
        try:
            data = self._tls.read(READ_SIZE)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLEOFError:
            # Mail protocols say themselves where an answer ends, so a missing close_notify truncates nothing unnoticed.
            self.was_cut = True
            data = b""
        except ssl.SSLError as error:
            raise TLSFailed(step=Step.TLS, detail=f"TLS failed: {_reason(error)}") from error
        self._has_ended = not data
        return data

    def _accept(self, raw: bytes) -> None:
        if raw:
            self._incoming.write(raw)
        else:
            self._incoming.write_eof()

    async def _feed(self, deadline: Deadline) -> None:
        raw = await self._stream.read(deadline)
        if not raw:
            raise TLSFailed(step=Step.TLS, detail="the server closed the connection during the TLS handshake")
        self._incoming.write(raw)

    async def _flush(self, deadline: Deadline) -> None:
        if self._outgoing.pending:
            await self._stream.write(memoryview(self._outgoing.read()), deadline)

    async def _alert(self, deadline: Deadline) -> None:
        with contextlib.suppress(Dropped):
            await self._flush(deadline)


def _reason(error: ssl.SSLError | ssl.CertificateError) -> str:
    reason = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if isinstance(reason, str) else str(error)
