"""Checking the submission server: may we in, and may we send as this address? Nothing is sent."""

from __future__ import annotations

import attrs

from .._ports import IO, Deadline
from .._wire.smtp import SmtpSession, open_smtp
from ..credentials import Credential
from ..delivery.outcome import Outcome
from ..errors import InvalidSettings, MailconfError, NotOffered, Refused, Step
from ..settings import ConnectionSettings
from .course import Course, warn_of_certificate, way_in
from .explain import explain
from .report import CheckedServer

FAREWELL_SECONDS = 2.0

_OF_THE_SENDER = frozenset({"sender.not_owned", "microsoft.send_as_denied", "zoho.sender_not_owned"})
"""What is said to RCPT and is about the sender: Postfix judges nobody before the first recipient."""


@attrs.frozen(kw_only=True)
class Submission:
    """What the submission server has shown.

    Args:
        server: the steps, and what it offers.
        size_limit: bytes of the largest message it takes; None if it does not say.
    """

    server: CheckedServer
    size_limit: int | None = None


async def check_submission(
    io: IO, settings: ConnectionSettings, credential: Credential | None, deadline: Deadline
) -> Submission:
    """Go as far as the server lets us.

    Args:
        io: the outside world.
        settings: the account.
        credential: what to sign in with; None: there is nothing, so we stop before.
        deadline: until when.

    Raises:
        InvalidSettings: the CA file cannot be used.
    """
    course, session = Course(deadline.clock), None
    facts = CheckedServer(protocol="smtp", endpoint=settings.smtp, steps=())
    try:
        session = await open_smtp(io, settings.smtp, deadline, course.done)
        warn_of_certificate(course, session.tls, settings.smtp, io.now())
        facts = attrs.evolve(facts, mechanisms=tuple(session.extensions.get("AUTH", "").upper().split()))
        if credential is not None:
            await session.sign_in(credential, settings.smtp_user, deadline)
            await _offer_sender(session, course, settings, deadline)
    except InvalidSettings:
        raise  # what was given to us is wrong, and no server has shown anything
    except MailconfError as error:
        course.failed(error, explain(error, settings))
    finally:
        if session is not None:
            await session.farewell(deadline.sooner(FAREWELL_SECONDS))
    plan = (*way_in(settings.smtp), Step.SENDER, Step.RECIPIENTS)
    return _seen(session, attrs.evolve(facts, steps=course.all_of(plan)))


async def _offer_sender(session: SmtpSession, course: Course, settings: ConnectionSettings, deadline: Deadline) -> None:
    """Begin a message from the account to itself, and take it back."""
    address = settings.address
    international = "" if address.isascii() else " SMTPUTF8"
    if international and "SMTPUTF8" not in session.extensions:
        text = "the address has letters outside ASCII before the @, and the server does not offer SMTPUTF8"
        raise session.failed(NotOffered(step=Step.SENDER, detail=text), Step.SENDER)
    await _command(session, Step.SENDER, f"MAIL FROM:<{address}>{international}", deadline)
    try:
        await _command(session, Step.RECIPIENTS, f"RCPT TO:<{address}>", deadline)
    except Refused as refusal:
        finding = explain(refusal, settings)
        if finding.cause in _OF_THE_SENDER:
            course.shown(Outcome.DOES_NOT_WORK, attrs.evolve(finding, step=Step.SENDER))
        else:
            # That nobody may write to the account says nothing about whether it may write to others.
            course.shown(Outcome.COULD_NOT_TELL, finding)
    await _command(session, Step.SENDER, "RSET", deadline)


async def _command(session: SmtpSession, step: Step, line: str, deadline: Deadline) -> None:
    await session.send(step, f"{line}\r\n".encode(), deadline, line)
    reply = await session.reply(step, deadline)
    session.settled()
    if not reply.code.startswith("2"):
        raise session.failed(Refused(step=step, reply=reply), step)


def _seen(session: SmtpSession | None, server: CheckedServer) -> Submission:
    if session is None:
        return Submission(server=server)
    offered = sorted(f"{keyword} {parameters}".strip() for keyword, parameters in session.extensions.items())
    limit = session.extensions.get("SIZE", "")
    known = limit.isascii() and limit.isdigit() and len(limit) <= 18 and int(limit) > 0
    seen = server.with_tls(session.tls)
    return Submission(server=attrs.evolve(seen, capabilities=tuple(offered)), size_limit=int(limit) if known else None)
