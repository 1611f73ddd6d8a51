"""What leads to every rule that no answer of `answers.toml` leads to: answers by number, and errors of our own side."""

from __future__ import annotations

import errno

from tether_mailconf import (
    Changed,
    Closed,
    ConnectionSettings,
    ConversationError,
    CredentialFailed,
    CredentialKind,
    CredentialRetired,
    Damaged,
    Delivery,
    Disabled,
    Dropped,
    Endpoint,
    Filing,
    InvalidMessage,
    InvalidSettings,
    IssuerFailed,
    JournalFailed,
    MailconfError,
    NoAccount,
    NotOffered,
    NotPermitted,
    Problem,
    ProtocolViolation,
    Receipt,
    RecipientsRefused,
    Refused,
    Reply,
    Security,
    SignInRefused,
    Step,
    StoreFailed,
    TimedOut,
    TLSFailed,
    Unreachable,
    UnsupportedSchema,
)
from tether_mailconf._drivers.dialling import refused
from tether_mailconf.delivery.settle import pending
from tether_mailconf.presets import CUSTOM, InvalidForm

from .conversation import Case

ANY = "mail.example.com"
SMTP = Endpoint(host=ANY, port=465, security=Security.TLS)
IMAP = Endpoint(host=ANY, port=993, security=Security.TLS)
SETTINGS = ConnectionSettings(
    address="ana@example.com",
    smtp=SMTP,
    imap=IMAP,
    smtp_user="ana@example.com",
    imap_user="ana",
    credential=CredentialKind.PASSWORD,
)
SENT = Receipt(
    delivery=Delivery.SENT,
    message_id="<offer-1@example.test>",
    date="Mon, 23 Nov 2026 08:00:00 +0000",
    digest="sha256:00",
    sender="ana@example.com",
)


def _case(step: str, answer: str, credential: str = "password", host: str = ANY) -> Case:
    protocol = "imap" if answer.startswith(("TAG", "*")) else "smtp"
    return Case(host=host, protocol=protocol, step=step, answer=f"{answer}\r\n".encode(), credential=credential)


SPOKEN: tuple[tuple[Case, str], ...] = (
    # -- numbers ---------------------------------------------------------------------------------------------------
    (_case("sign-in", "535 5.7.139 Authentication unsuccessful, a new reason", host="smtp.office365.com"),
     "microsoft.sign_in_refused"),
    (_case("sign-in", "504 what is that"), "sign_in.mechanism_unknown"),
    (_case("sign-in", "501 5.5.4 what is that"), "sign_in.malformed"),
    (_case("sign-in", "538 5.7.11 not like this"), "tls.required"),
    (_case("sign-in", "538 not like this"), "tls.required"),
    (_case("sender", "530 5.7.1 who are you"), "sign_in.needed"),
    (_case("sign-in", "TAG NO [EXPIRED] no longer"), "sign_in.password_expired"),
    (_case("sign-in", "535 5.7.13 switched off"), "sign_in.account_disabled"),
    (_case("sign-in", "TAG NO [AUTHORIZATIONFAILED] not yours"), "sign_in.not_authorised"),
    (_case("sign-in", "TAG NO [UNAVAILABLE] not now"), "server.unavailable"),
    (_case("mailbox", "TAG NO [CONTACTADMIN] call them"), "server.contact_administrator"),
    (_case("mailbox", "TAG NO [OVERQUOTA] no more"), "mailbox.over_quota"),
    (_case("mailbox", "TAG NO [NOPERM] not yours"), "mailbox.no_permission"),
    (_case("search", "TAG NO [NONEXISTENT] where is it"), "mailbox.missing"),
    (_case("mailbox", "TAG NO [LIMIT] so much and no more"), "server.limit"),
    (_case("sign-in", "535 5.7.8 no", "token"), "sign_in.token_refused"),
    (_case("sign-in", "535 5.7.8 no"), "sign_in.password_refused"),
    (_case("sender", "550 5.1.7 what is that"), "sender.bad_address"),
    (_case("recipients", "550 5.1.1 who is that"), "recipient.unknown"),
    (_case("recipients", "550 5.1.2 where is that"), "recipient.bad_domain"),
    (_case("recipients", "553 5.1.3 what is that"), "recipient.bad_address"),
    (_case("recipients", "452 4.2.2 no more"), "recipient.mailbox_full"),
    (_case("recipients", "550 5.2.1 switched off"), "recipient.disabled"),
    (_case("content", "552 5.3.4 no"), "message.too_big"),
    (_case("recipients", "452 4.5.3 no"), "recipients.too_many"),
    (_case("content", "452 4.3.1 no"), "server.storage_full"),
    (_case("recipients", "421 4.3.2 going down"), "server.closing"),
    # -- what is left ----------------------------------------------------------------------------------------------
    (_case("sign-in", "535 no", "token"), "sign_in.token_refused"),
    (_case("sign-in", "454 4.7.0 not now"), "sign_in.deferred"),
    (_case("sign-in", "TAG BAD what is that"), "sign_in.malformed"),
    (_case("sign-in", "535 no"), "sign_in.refused"),
    (_case("sign-in", "TAG NO no"), "sign_in.refused"),
    (_case("mailbox", "TAG BAD what is that"), "server.not_understood"),
    (_case("sender", "503 5.5.1 out of order"), "server.not_understood"),
    (_case("greeting", "451 not now"), "server.not_ready"),
    (_case("greeting", "* BYE not now"), "server.not_ready"),
    (_case("greeting", "554 not you"), "server.no_service"),
    (_case("sender", "451 4.3.0 not now"), "sender.deferred"),
    (_case("sender", "550 no"), "sender.refused"),
    (_case("recipients", "450 not now"), "recipients.deferred"),
    (_case("recipients", "550 5.7.1 no"), "recipients.refused"),
    (_case("content", "451 not now"), "message.deferred"),
    (_case("content", "554 5.7.1 no"), "message.refused"),
    (_case("body", "554 5.5.1 no"), "message.refused"),
    (_case("mailbox", "TAG NO no"), "mailbox.refused"),
    (_case("mailbox", "* BYE the machine is going down"), "connection.dropped"),
    (_case("greeting", "what is SMTP"), "protocol.violation"),
)  # fmt: skip
"""Answers that no provider is known for, with the cause that they have at their step."""

_NO = Reply(code="NO", text="no")
_PROBLEM = Problem(field="smtp.port", code="port.range", message="a port is a number from 1 to 65535")


def _offered(step: Step, detail: str, endpoint: Endpoint = SMTP) -> NotOffered:
    return NotOffered(step=step, detail=detail, endpoint=endpoint)


def _tls(reason: str) -> TLSFailed:
    return TLSFailed(step=Step.TLS, detail=reason, endpoint=SMTP)


def _pending(code: str, reason: str) -> Receipt:
    from attrs import evolve

    return evolve(SENT, filing=Filing.PENDING, filing_code=code, filing_reason=reason)


_MICROSOFT = Endpoint(host="outlook.office365.com", port=993, security=Security.TLS)

RAISED: tuple[tuple[MailconfError | Receipt, str], ...] = (
    # -- encryption ------------------------------------------------------------------------------------------------
    (_tls("the TLS handshake failed: wrong version number"), "tls.wrong_port"),
    (_tls("the server's certificate is not trusted: self-signed certificate"), "tls.self_signed"),
    (_tls("the server's certificate is not trusted: unable to get local issuer certificate"), "tls.self_signed"),
    (_tls("the server's certificate is not trusted: certificate has expired"), "tls.expired"),
    (_tls("the server's certificate is not trusted: certificate is not yet valid"), "tls.not_yet_valid"),
    (_tls("the server's certificate is not trusted: Hostname mismatch, certificate is not valid for 'a'"),
     "tls.wrong_name"),
    (_tls("the TLS handshake failed: unsupported protocol"), "tls.too_old"),
    (_tls("the TLS handshake failed: a new reason"), "tls.failed"),
    (_offered(Step.STARTTLS, "the server does not offer STARTTLS"), "starttls.missing"),
    # -- what is not offered ---------------------------------------------------------------------------------------
    (_offered(Step.SIGN_IN, "the server accepts no password"), "sign_in.password_not_taken"),
    (_offered(Step.SIGN_IN, "the server accepts no password", _MICROSOFT), "microsoft.basic_auth_off"),
    (_offered(Step.SIGN_IN, "the server offers XOAUTH2 for signing in; this credential can PLAIN, LOGIN"),
     "sign_in.mechanism_missing"),
    (_offered(Step.BODY, "the message has 999 bytes, the server takes at most 100"), "message.too_big"),
    (_offered(Step.APPEND, "the message has 999 bytes, the server files at most 100"), "message.too_big"),
    (_offered(Step.BODY, "the message has bytes outside ASCII, and the server does not offer 8BITMIME"),
     "capability.missing"),
    # -- the way there ---------------------------------------------------------------------------------------------
    (Unreachable(step=Step.LOOKUP, endpoint=SMTP, detail="the name does not resolve"), "network.name_unknown"),
    (refused(SMTP, OSError(errno.ETIMEDOUT, "Connection timed out")), "network.no_answer"),
    (refused(SMTP, TimeoutError()), "network.no_answer"),
    (refused(SMTP, OSError(errno.ECONNREFUSED, "Connection refused")), "network.closed_port"),
    (refused(SMTP, OSError(errno.ENETUNREACH, "Network is unreachable")), "network.unreachable"),
    (NotPermitted(step=Step.CONNECT, endpoint=SMTP), "network.not_permitted"),
    (TimedOut(step=Step.CONNECT, endpoint=SMTP), "network.no_answer"),
    (TimedOut(step=Step.QUEUE), "deadline.queue"),
    (TimedOut(step=Step.GREETING, endpoint=SMTP), "deadline.greeting"),
    (TimedOut(step=Step.BODY, endpoint=SMTP), "deadline.passed"),
    (Dropped(step=Step.BODY, endpoint=SMTP), "connection.dropped"),
    (ProtocolViolation(step=Step.GREETING, endpoint=SMTP), "protocol.violation"),
    (ConversationError(step=Step.SEARCH, endpoint=IMAP), "conversation.failed"),
    (CredentialFailed(step=Step.SIGN_IN, endpoint=SMTP), "credential.failed"),
    (IssuerFailed(detail="the issuer answered with HTTP status 503", status=503), "issuer.failed"),
    # -- refusals at other steps -----------------------------------------------------------------------------------
    (Refused(step=Step.APPEND, reply=Reply(code="NO", enhanced="TOOBIG", text="no"), endpoint=IMAP), "message.too_big"),
    (Refused(step=Step.SEARCH, reply=_NO, endpoint=IMAP), "search.refused"),
    (Refused(step=Step.APPEND, reply=_NO, endpoint=IMAP), "append.refused"),
    (Refused(step=Step.CLOSE, reply=Reply(code="451", text="no"), endpoint=SMTP), "server.deferred"),
    (Refused(step=Step.CLOSE, reply=Reply(code="550", text="no"), endpoint=SMTP), "server.refused"),
    (RecipientsRefused(step=Step.RECIPIENTS, refused={"a@b": Reply(code="550", text="no")}), "recipients.refused"),
    # -- our own side ----------------------------------------------------------------------------------------------
    (InvalidSettings((_PROBLEM,)), "settings.invalid"),
    (InvalidSettings((Problem(field="imap", code="imap.missing", message="there is none"),)), "imap.missing"),
    (InvalidMessage((_PROBLEM,)), "message.invalid"),
    (CredentialRetired(provider="Gmail", kind="password", since="2022-05-30", instead=("oauth_token",), source=""),
     "credential.retired"),
    (Disabled(), "settings.disabled"),
    (Closed(), "mailer.closed"),
    (JournalFailed(), "journal.failed"),
    (StoreFailed(), "store.failed"),
    (NoAccount("user-7"), "account.missing"),
    (Changed(), "account.changed"),
    (InvalidForm((Problem(field="address", code="address.invalid", message="no"),), CUSTOM.form()), "settings.invalid"),
    (Damaged("receipt", "it lacks a date"), "data.unreadable"),
    (UnsupportedSchema(7, 1), "schema.unsupported"),
    (MailconfError(), "error"),
    # -- receipts --------------------------------------------------------------------------------------------------
    (SENT, "delivery.sent"),
    (Receipt.from_dict(SENT.to_dict() | {"delivery": "not_sent"}), "delivery.not_sent"),
    (Receipt.from_dict(SENT.to_dict() | {"delivery": "unknown", "filing": "pending"}), "delivery.unknown"),
    (_pending("filing.not_yet", "the provider has not filed a copy yet"), "filing.not_yet"),
    (_pending("filing.failed", "filing failed with ValueError; the log says more"), "filing.failed"),
    (pending(SENT, Refused(step=Step.APPEND, reply=Reply(code="NO", enhanced="OVERQUOTA", text="no more"))),
     "mailbox.over_quota"),
    (pending(SENT, Refused(step=Step.APPEND, reply=Reply(code="NO", text="No space left"))), "append.refused"),
    (pending(SENT, SignInRefused(step=Step.SIGN_IN, reply=Reply(code="NO", enhanced="AUTHENTICATIONFAILED"))),
     "sign_in.password_refused"),
    (pending(SENT, TimedOut(step=Step.CONNECT)), "network.no_answer"),
)  # fmt: skip
"""Errors and receipts that no server's words explain, with their causes."""
