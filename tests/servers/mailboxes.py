"""What is in an account's mailboxes, read with the standard library's imaplib.

It is a witness: it must not share a line of code with the library under test, so it also brings the few lines of
modified UTF-7 (RFC 3501 section 5.1.3) that imaplib lacks. It knows nothing of how the server was started.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from tether_mailconf.settings import Endpoint, Security

TIMEOUT = 60.0
LISTED = re.compile(rb'\((?P<attributes>[^)]*)\) (?:"(?:\\?.)"|NIL) (?P<name>.+)', re.DOTALL)


@attrs.frozen(kw_only=True)
class Mailboxes:
    """One user's mailboxes on one IMAP server. Every method signs in anew.

    Args:
        endpoint: the IMAP server.
        user: its name there.
        password: the password.
        ca_file: the authority whose certificates are believed.
    """

    endpoint: Endpoint
    user: str
    password: str
    ca_file: Path

    @contextlib.contextmanager
    def session(self) -> Iterator[imaplib.IMAP4]:
        """Sign in, and log out at the end."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        host, port = self.endpoint.host, self.endpoint.port
        imap: imaplib.IMAP4
        if self.endpoint.security is Security.TLS:
            imap = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=TIMEOUT)
        else:
            imap = imaplib.IMAP4(host, port, timeout=TIMEOUT)
        with imap:
            if self.endpoint.security is Security.STARTTLS:
                imap.starttls(context)
            imap.login(self.user, self.password)
            yield imap

    def folders(self) -> dict[str, frozenset[str]]:
        """Return every mailbox's decoded full name, with its attributes (`\\Sent` and the like)."""
        with self.session() as imap:
            return listed(imap.list('""', '"*"')[1])

    def subscribed(self) -> set[str]:
        """Return the decoded full names of the mailboxes that are subscribed to."""
        with self.session() as imap:
            return set(listed(imap.lsub('""', '"*"')[1]))

    def copies(self, mailbox: str) -> list[bytes]:
        """Return the messages of one mailbox, oldest first, as raw bytes.

        Raises:
            LookupError: if there is no such mailbox.
        """
        with self.session() as imap:
            looked_into(imap, mailbox)
            numbers = imap.search(None, "ALL")[1][0].split()
            return [message(imap, number) for number in numbers]

    def message_ids(self, mailbox: str) -> list[str]:
        """Return the Message-ID of each message of one mailbox, oldest first.

        Raises:
            LookupError: if there is no such mailbox.
        """
        with self.session() as imap:
            if looked_into(imap, mailbox) == 0:
                return []
            fetched = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]
        return [part[1].partition(b":")[2].strip().decode() for part in fetched if isinstance(part, tuple)]

    def permit(self, mailbox: str, rights: str) -> None:
        """Leave the owner these rights to a mailbox and no others (RFC 2086), as Courier names the owner.

        Raises:
            RuntimeError: the server does not.
        """
        with self.session() as imap:
            status, said = imap.setacl(quoted(mailbox), "owner", rights)
            if status != "OK":
                raise RuntimeError(f"no rights could be set: {said!r}")

    def clear(self, mailbox: str) -> None:
        """Remove every message of a mailbox."""
        with self.session() as imap:
            imap.select(quoted(mailbox))
            imap.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")
            imap.expunge()

    def all_copies(self) -> dict[str, list[bytes]]:
        """Return the messages of every mailbox that can be selected, by its decoded full name."""
        return {
            name: self.copies(name) for name, attributes in self.folders().items() if "\\noselect" not in attributes
        }

    def flags(self, mailbox: str) -> list[set[str]]:
        """Return the flags of each message of one mailbox, oldest first, without `\\Recent`."""
        with self.session() as imap:
            imap.select(quoted(mailbox), readonly=True)
            numbers = imap.search(None, "ALL")[1][0].split()
            answers = [imap.fetch(number.decode(), "(FLAGS)")[1][0] for number in numbers]
        found = [imaplib.ParseFlags(answer) for answer in answers if isinstance(answer, bytes)]
        return [{flag.decode() for flag in flags} - {"\\Recent"} for flags in found]

    def create(self, mailbox: str) -> None:
        """Create a mailbox and subscribe to it."""
        with self.session() as imap:
            expect_ok(imap.create(quoted(mailbox)))
            expect_ok(imap.subscribe(quoted(mailbox)))

    def append(self, mailbox: str, content: bytes, flags: str = "(\\Seen)") -> None:
        """Put a message into a mailbox."""
        with self.session() as imap:
            expect_ok(imap.append(quoted(mailbox), flags, "", content))


def expect_ok(answer: tuple[str, Sequence[object]]) -> None:
    """Hold that the server said OK."""
    status, said = answer
    if status != "OK":
        raise AssertionError(f"the server said {status} {said!r}")


def message(imap: imaplib.IMAP4, number: bytes) -> bytes:
    """Return one message of the selected mailbox."""
    for part in imap.fetch(number.decode(), "(BODY.PEEK[])")[1]:
        if isinstance(part, tuple):
            return bytes(part[1])
    raise AssertionError(f"the server gave no content for message {number!r}")


def looked_into(imap: imaplib.IMAP4, mailbox: str) -> int:
    """Open a mailbox to read it, and return how many messages it has.

    Raises:
        LookupError: if there is no such mailbox.
    """
    status, said = imap.select(quoted(mailbox), readonly=True)
    if status != "OK":
        raise LookupError(f"no mailbox {mailbox!r}: {said!r}")
    return int(said[0] or 0)


def listed(lines: Sequence[bytes | tuple[bytes, bytes] | None]) -> dict[str, frozenset[str]]:
    """Return names and lower-case attributes from the untagged LIST or LSUB responses."""
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        if line is None:
            continue
        # A name sent as a literal comes as a pair: the line before it, and the name.
        text = line[0] if isinstance(line, tuple) else line
        match = LISTED.match(text)
        if match is None:
            raise AssertionError(f"not a LIST response: {line!r}")
        name = line[1] if isinstance(line, tuple) else match["name"]
        found[decoded(unquoted(name))] = frozenset(match["attributes"].decode().lower().split())
    return found


def unquoted(name: bytes) -> bytes:
    """Return a mailbox name without the quotes of IMAP."""
    return re.sub(rb"\\(.)", rb"\1", name[1:-1]) if name.startswith(b'"') else name


def quoted(name: str) -> str:
    """Return a mailbox name as IMAP wants it: modified UTF-7 in quotes."""
    return '"' + encoded(name).replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded(name: str) -> str:
    """Return modified UTF-7."""

    def shifted(match: re.Match[str]) -> str:
        raw = base64.b64encode(match[0].encode("utf-16-be")).decode()
        return "&" + raw.rstrip("=").replace("/", ",") + "-"

    return re.sub(r"[^\x20-\x7e]+", shifted, name.replace("&", "&-"))


def decoded(name: bytes) -> str:
    """Return what modified UTF-7 stands for."""

    def unshifted(match: re.Match[str]) -> str:
        raw = match[1].replace(",", "/")
        return base64.b64decode(raw + "=" * (-len(raw) % 4)).decode("utf-16-be") if raw else "&"

    return re.sub(r"&([^-]*)-", unshifted, name.decode("ascii"))
