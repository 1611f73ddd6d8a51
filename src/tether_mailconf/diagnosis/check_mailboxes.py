"""Checking the IMAP server: may we in, which folder is the Sent folder, and does a copy go into it? Makes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from .._ports import IO, Deadline
from .._wire.imap import ImapSession, open_imap
from .._wire.imap_response import Completed
from ..credentials import Credential
from ..delivery import file
from ..delivery.account import known_filer
from ..delivery.outcome import Outcome
from ..delivery.sent_folder import SentFolder, SentReason
from ..errors import InvalidSettings, MailconfError, Refused, Step
from ..settings import ConnectionSettings, Endpoint, Filer
from .check_submission import FAREWELL_SECONDS
from .course import Course, warn_of_certificate, way_in
from .explain import explain, found
from .report import CheckedServer, Quota

NEARLY_FULL = 0.95
"""The part of the storage from which on a mailbox is nearly full."""

_MAY_INSERT = b"i"
"""The right to APPEND (RFC 4314 section 2.1)."""

_MAY_CREATE = b"k"
"""The right to make mailboxes below one (RFC 4314 section 2.1)."""

_MAY_CREATE_ONCE = b"c"
"""What that right is called by servers of RFC 2086, such as Courier. A newer one names it too if we have no more than
the right to remove the mailbox, and is not to be believed then (RFC 4314 section 2.1.1)."""

_NUMBER = re.compile(rb"[0-9]{1,15}")
_KIBIBYTE = 1024


@attrs.frozen(kw_only=True)
class Mailboxes:
    """What the IMAP server has shown.

    Args:
        server: the steps, and what it offers.
        sent: the Sent folder; None if we did not come so far.
        quota: how full the mailbox is; None if the server does not say.
    """

    server: CheckedServer
    sent: SentFolder | None = None
    quota: Quota | None = None


async def check_mailboxes(
    io: IO, settings: ConnectionSettings, endpoint: Endpoint, credential: Credential | None, deadline: Deadline
) -> Mailboxes:
    """Go as far as the server lets us.

    Args:
        io: the outside world.
        settings: the account.
        endpoint: its IMAP server.
        credential: what to sign in with; None: there is nothing, so we stop before.
        deadline: until when.

    Raises:
        InvalidSettings: the CA file cannot be used.
    """
    course, session = Course(deadline.clock), None
    facts = CheckedServer(protocol="imap", endpoint=endpoint, steps=())
    seen = Mailboxes(server=facts)
    try:
        session = await open_imap(io, endpoint, deadline, course.done)
        warn_of_certificate(course, session.tls, endpoint, io.now())
        offered = sorted(name[5:] for name in session.capabilities if name.startswith("AUTH="))
        facts = attrs.evolve(facts, mechanisms=tuple(offered))
        if credential is not None:
            await session.sign_in(credential, settings.imap_user, deadline)
            seen = await _look_at_sent(session, course, settings, seen, deadline)
    except InvalidSettings:
        raise  # what was given to us is wrong, and no server has shown anything
    except MailconfError as error:
        course.failed(error, explain(error, settings))
    finally:
        if session is not None:
            await session.farewell(deadline.sooner(FAREWELL_SECONDS))
    we_file = known_filer(settings)[0] in (Filer.CLIENT, Filer.UNKNOWN)
    plan = (*way_in(endpoint), Step.MAILBOX, *((Step.APPEND,) if we_file else ()))
    server = attrs.evolve(facts, steps=course.all_of(plan))
    if session is not None:
        server = attrs.evolve(server.with_tls(session.tls), capabilities=tuple(sorted(session.capabilities)))
    return attrs.evolve(seen, server=server)


async def _look_at_sent(
    session: ImapSession, course: Course, settings: ConnectionSettings, seen: Mailboxes, deadline: Deadline
) -> Mailboxes:
    named = settings.sent.mailbox
    if named is None:
        sent = await file.choose(session, deadline)
    else:
        sent = SentFolder(mailbox=await file.introduce(session, named, deadline), reason=SentReason.SETTINGS)
    opened = await _open(session, sent, deadline)
    if sent.reason is SentReason.SETTINGS and not opened.is_ok:
        # A copy would not fail for that: the Mailer looks for the folder again, and so do we.
        sent = await file.choose(session, deadline)
        opened = await _open(session, sent, deadline)
    seen = attrs.evolve(seen, sent=sent, quota=_quota(opened))
    if not opened.is_ok and sent.exists:
        raise session.failed(Refused(step=Step.MAILBOX, reply=opened.status.reply()), Step.MAILBOX)
    if known_filer(settings)[0] in (Filer.CLIENT, Filer.UNKNOWN):
        _judge(course, session, seen, sent, opened)
    return seen


async def _open(session: ImapSession, sent: SentFolder, deadline: Deadline) -> Completed:
    """Open the folder as one that is written to, and ask for rights and storage in the same flight.

    Returns:
        How opening ended, with all that was said. If the folder is not there yet, the rights are those to where it
        would be made.
    """
    asked = session.mailbox(sent.mailbox if sent.exists else "INBOX")
    commands = [f"SELECT {asked}"] if sent.exists else []
    commands += [f"GETQUOTAROOT {asked}"] if "QUOTA" in session.capabilities else []
    if "ACL" in session.capabilities:
        commands.append(f"MYRIGHTS {asked if sent.exists else session.mailbox(sent.parent)}")
    return (await session.run(Step.MAILBOX, deadline, *(commands or ["NOOP"])))[0]


def _judge(course: Course, session: ImapSession, seen: Mailboxes, sent: SentFolder, opened: Completed) -> None:
    """Note whether a copy would go into the folder, as far as can be known without putting one there."""
    endpoint, quota = session.endpoint, seen.quota
    if not sent.exists:
        _judge_making(course, session, sent, opened)
    elif opened.status.code == "READ-ONLY" or not all(_MAY_INSERT in rights for rights in _rights(opened)):
        detail = f"the folder is {sent.mailbox}"
        finding = found("mailbox.no_permission", Step.APPEND, endpoint=endpoint, detail=detail)
        course.shown(Outcome.DOES_NOT_WORK, finding)
    elif quota is not None and quota.is_full:
        detail = f"{quota.used} of {quota.limit} bytes are used"
        course.shown(Outcome.DOES_NOT_WORK, found("mailbox.full", Step.APPEND, endpoint=endpoint, detail=detail))
    else:
        course.done(Step.APPEND)
        if quota is not None and quota.used >= NEARLY_FULL * quota.limit:
            detail = f"{quota.used} of {quota.limit} bytes are used"
            course.warned(found("mailbox.nearly_full", Step.APPEND, endpoint=endpoint, detail=detail))


def _judge_making(course: Course, session: ImapSession, sent: SentFolder, opened: Completed) -> None:
    """Note whether a folder that is not there may be made: by our rights where it would be, if the server tells them.

    Few servers do. Without that, only making it would show it.
    """
    endpoint, detail = session.endpoint, f"it would be called {sent.mailbox}"
    would_be_made = found("mailbox.would_be_made", Step.APPEND, endpoint=endpoint, detail=detail)
    rights = _rights(opened)
    if not rights:
        course.shown(Outcome.COULD_NOT_TELL, would_be_made)
    elif _MAY_CREATE in rights[0] or (_MAY_CREATE_ONCE in rights[0] and not _has_new_rights(session)):
        course.done(Step.APPEND)
        course.warned(would_be_made)
    else:
        finding = found("mailbox.may_not_be_made", Step.APPEND, endpoint=endpoint, detail=detail)
        course.shown(Outcome.DOES_NOT_WORK, finding)


def _has_new_rights(session: ImapSession) -> bool:
    """Whether the server tells the rights of RFC 4314, which its section 5.1.1 has it announce (`RIGHTS=texk`)."""
    return any(name.startswith("RIGHTS=") for name in session.capabilities)


def _rights(opened: Completed) -> list[bytes]:
    """Return our rights, as the server lists them; nothing, if it does not say."""
    rights = [data.tokens[1] for data in opened.named("MYRIGHTS") if len(data.tokens) > 1]
    return [right for right in rights if isinstance(right, bytes)]


def _quota(opened: Completed) -> Quota | None:
    """Return the storage that has the least room, of all that the folder counts against (RFC 9208 section 5.1)."""
    found: list[Quota] = []
    for data in opened.named("QUOTA"):
        match data.tokens:
            case (_, [*resources]):
                found += _storage(resources)
            case _:
                pass
    return min(found, key=lambda quota: quota.limit - quota.used, default=None)


def _storage(resources: Sequence[object]) -> list[Quota]:
    triples = zip(resources[::3], resources[1::3], resources[2::3], strict=False)
    return [
        Quota(used=int(used) * _KIBIBYTE, limit=int(limit) * _KIBIBYTE)
        for name, used, limit in triples
        if isinstance(name, bytes) and isinstance(used, bytes) and isinstance(limit, bytes)
        if name.upper() == b"STORAGE" and _NUMBER.fullmatch(used) and _NUMBER.fullmatch(limit)
    ]
