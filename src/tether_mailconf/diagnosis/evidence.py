"""What an error or a receipt has to tell, in one form for all of them: who said what to whom, at which step.

Knows where the library's own errors keep a server's words, and nothing of what the words mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from ..delivery.receipt import Delivery, Filing, Receipt
from ..errors import (
    ConversationError,
    Dropped,
    InvalidMessage,
    InvalidSettings,
    MailconfError,
    RecipientsRefused,
    Refused,
    Reply,
    Step,
)
from ..errors import SignInRefused as _SignInRefused
from ..settings import ConnectionSettings, CredentialKind, Endpoint, Security
from .normalise import readings

_SMTP_SAID = re.compile(r"S: ([45][0-9]{2}) ([0-9]\.[0-9]{1,3}\.[0-9]{1,3})? ?(.*)", re.DOTALL)
_IMAP_SAID = re.compile(r"S: [^ ]{1,40} (NO|BAD|BYE|OK) \[([^\]]{0,100})\] (.*)", re.DOTALL)
_ESCAPED_CONTROL = re.compile(r"\\(?:[trn]|x[01][0-9a-f]|x7f)")
_SIGN_IN_LINE = re.compile(r"C: (?:[^ ]+ )?(?:AUTH(?:ENTICATE)? (?P<mechanism>[A-Z0-9-]+)|LOGIN )")
_TOKEN_MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
_IMAP_PORTS = (143, 993)


@attrs.frozen(kw_only=True)
class Said:
    """One thing that was said.

    Args:
        code: the SMTP reply code or the IMAP status; empty if it was no answer of a server.
        enhanced: the enhanced status code or the IMAP response code.
        words: as a person may read it; empty for the library's own words.
        readings: its text, normalised, in each character set that it may be in.
    """

    code: str = ""
    enhanced: str = ""
    words: str = ""
    readings: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Evidence:
    """What there is to go by.

    Args:
        step: what was being done.
        error: the stable code of the error.
        said: the answer first, then what else was said around it; never empty.
        protocol: "smtp" or "imap"; empty if it was neither.
        credential: "token" or "password"; empty if it is not known which was used.
        endpoint: the server that answered.
        is_trusted: whether it answered over a verified connection.
        detail: what the library says about this case beside the server's words.
    """

    step: Step
    error: str
    said: tuple[Said, ...]
    protocol: str = ""
    credential: str = ""
    endpoint: Endpoint | None = None
    is_trusted: bool = True
    detail: str = ""


def gather(error: MailconfError | Receipt, settings: ConnectionSettings | None) -> Evidence:
    """Return what an error or a receipt has to tell.

    Args:
        error: the error or the receipt.
        settings: those that were used, if they are at hand.
    """
    if isinstance(error, Receipt):
        return _of_receipt(error, settings)
    if isinstance(error, ConversationError):
        return _of_conversation(error, settings)
    code = error.code
    if isinstance(error, InvalidSettings) and [problem.code for problem in error.problems] == ["imap.missing"]:
        code = "imap.missing"
    problems = error.problems if isinstance(error, InvalidSettings | InvalidMessage) else None
    return Evidence(
        step=Step.PREPARE,
        error=code,
        said=(Said(),),
        detail=str(error) if problems is None else "; ".join(f"{one.field}: {one.message}" for one in problems),
    )


# -- errors -----------------------------------------------------------------------------------------------------------


def _of_conversation(error: ConversationError, settings: ConnectionSettings | None) -> Evidence:
    endpoint = error.endpoint or _endpoint_of(error.step, settings)
    said = [*_answers(error), *_around(error.transcript)]
    is_answer = bool(said) and bool(said[0].words)
    return Evidence(
        step=error.step,
        error=error.code,
        said=tuple(said) or (Said(),),
        protocol=_protocol(error, endpoint, settings),
        credential=_credential(error, settings),
        endpoint=endpoint,
        is_trusted=_is_trusted(error.step, endpoint, error.transcript),
        detail="" if is_answer else error.detail,
    )


def _answers(error: ConversationError) -> list[Said]:
    if isinstance(error, RecipientsRefused):
        return list(map(_of_reply, error.refused.values()))
    if isinstance(error, Refused):
        challenge = error.challenge if isinstance(error, _SignInRefused) else ""
        return [_of_reply(error.reply, challenge)]
    if isinstance(error, Dropped) and error.reply is not None:
        return [_of_reply(error.reply)]
    return [Said(readings=readings(error.detail))] if error.detail else [Said()]


def _of_reply(reply: Reply, challenge: str = "") -> Said:
    heard = readings(reply.text) + (readings(challenge) if challenge else ())
    words = f"{reply.shown} ({challenge})" if challenge else reply.shown
    return Said(code=reply.code, enhanced=reply.enhanced, words=words, readings=heard)


def _readings_of_shown(text: str) -> tuple[str, ...]:
    return readings(_ESCAPED_CONTROL.sub(" ", text))


def _around(transcript: Iterable[str]) -> list[Said]:
    """Return the refusals among what the server said since we spoke last: the reason often comes beside the answer."""
    lines: list[str] = []
    for line in transcript:
        lines = [] if line.startswith("C: ") and line != "C: ***" else [*lines, line]
    found: list[Said] = []
    for line in lines:
        match = _IMAP_SAID.fullmatch(line) or _SMTP_SAID.fullmatch(line)
        if match is not None and (match[1] != "OK" or match[2] == "ALERT"):
            words = line.removeprefix("S: ")
            found.append(
                Said(code=match[1], enhanced=match[2] or "", words=words, readings=_readings_of_shown(match[3]))
            )
    return found


def _protocol(error: ConversationError, endpoint: Endpoint | None, settings: ConnectionSettings | None) -> str:
    if isinstance(error, Refused):
        return "imap" if error.reply.code in ("NO", "BAD", "BYE") else "smtp"
    if settings is not None and endpoint is not None and settings.smtp != settings.imap:
        if endpoint == settings.smtp:
            return "smtp"
        if endpoint == settings.imap:
            return "imap"
    return "imap" if endpoint is not None and endpoint.port in _IMAP_PORTS else "smtp"


def _credential(error: ConversationError, settings: ConnectionSettings | None) -> str:
    """Return what was signed in with, as the conversation shows it, or else as the settings say."""
    if isinstance(error, _SignInRefused) and error.challenge:
        return "token"
    for line in reversed(error.transcript):
        if match := _SIGN_IN_LINE.match(line):
            return "token" if match["mechanism"] in _TOKEN_MECHANISMS else "password"
    return _kind(settings)


def _kind(settings: ConnectionSettings | None) -> str:
    if settings is None or settings.credential is CredentialKind.HOST:
        return ""
    return "token" if settings.credential is CredentialKind.OAUTH_TOKEN else "password"


def _is_trusted(step: Step, endpoint: Endpoint | None, transcript: Iterable[str] = ()) -> bool:
    """Whether the server had proved who it is when it said that."""
    if step in (Step.LOOKUP, Step.CONNECT, Step.TLS):
        return False
    if endpoint is None or endpoint.security is Security.TLS:
        return True
    if step is Step.CAPABILITIES:
        # EHLO is said before TLS and again after it.
        return any(line.startswith("C: ") and line.endswith("STARTTLS") for line in transcript)
    return step not in (Step.GREETING, Step.STARTTLS)


def _endpoint_of(step: Step, settings: ConnectionSettings | None) -> Endpoint | None:
    """Return the server that an error without one can only have come from."""
    if settings is None:
        return None
    if step in (Step.SENDER, Step.RECIPIENTS, Step.BODY):
        return settings.smtp
    return settings.imap if step in (Step.MAILBOX, Step.SEARCH, Step.APPEND) else None


# -- receipts ---------------------------------------------------------------------------------------------------------


def _of_receipt(receipt: Receipt, settings: ConnectionSettings | None) -> Evidence:
    smtp = None if settings is None else settings.smtp
    if receipt.delivery is not Delivery.SENT:
        answers = tuple(map(_of_reply, receipt.refused.values()))
        code = "delivery.unknown" if receipt.delivery is Delivery.UNKNOWN else "delivery.not_sent"
        if answers and receipt.delivery is Delivery.NOT_SENT:
            return Evidence(
                step=Step.RECIPIENTS, error="recipients.refused", said=answers, protocol="smtp", endpoint=smtp
            )
        return Evidence(step=Step.BODY, error=code, said=(Said(),), endpoint=smtp, detail=receipt.filing_reason)
    if receipt.refused:
        answers = tuple(map(_of_reply, receipt.refused.values()))
        return Evidence(step=Step.RECIPIENTS, error="recipients.refused", said=answers, protocol="smtp", endpoint=smtp)
    if receipt.filing is Filing.PENDING:
        return _of_pending(receipt, settings)
    return Evidence(step=Step.CLOSE, error="delivery.sent", said=(Said(),), endpoint=smtp)


def _of_pending(receipt: Receipt, settings: ConnectionSettings | None) -> Evidence:
    """Return what a receipt tells of a copy that could not be filed."""
    imap = None if settings is None else settings.imap
    trouble = receipt.filing_trouble
    code = receipt.filing_code or "filing.failed"
    if trouble is None:
        # The sentence may have been stored by a version that kept nothing else, so it is heard too.
        return Evidence(
            step=Step.APPEND,
            error=code,
            said=(Said(readings=readings(receipt.filing_reason)),),
            protocol="imap",
            credential=_kind(settings),
            endpoint=imap,
            detail=receipt.filing_reason,
        )
    said = Said(readings=readings(trouble.detail)) if trouble.reply is None else _of_reply(trouble.reply)
    return Evidence(
        step=trouble.step,
        error=code,
        said=(said,),
        protocol="imap",
        credential=_kind(settings),
        endpoint=trouble.endpoint,
        is_trusted=_is_trusted(trouble.step, trouble.endpoint),
        detail="" if said.words else trouble.detail,
    )
