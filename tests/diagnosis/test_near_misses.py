"""What looks like an answer that is known, and is not, gets a general cause."""

from __future__ import annotations

import pytest

from tether_mailconf import explain

from .conversation import Case, play

GOOGLE, MICROSOFT, ANY = "smtp.gmail.com", "smtp.office365.com", "mail.example.com"

NEAR = (
    # host, step, answer, by, the cause that it has instead
    (GOOGLE, "sign-in", "454 4.7.0 Temporary authentication failure", "password", "sign_in.deferred"),
    (GOOGLE, "sign-in", "534 5.7.9 Password required", "password", "sign_in.refused"),
    (GOOGLE, "sign-in", "535 5.7.8 Username not accepted", "password", "sign_in.password_refused"),
    (GOOGLE, "sign-in", "535 5.7.1 See https://example.com/?q=InvalidSecondFactor", "password", "sign_in.refused"),
    (GOOGLE, "content", "550 5.4.5 Daily receiving quota exceeded.", "password", "message.refused"),
    (GOOGLE, "recipients", "550 5.2.1 Daily user sending is fine, quota was exceeded by the recipient", "password",
     "recipient.disabled"),
    (GOOGLE, "content", "550 5.7.1 Our system has detected that this message is likely unsolicited mail.", "password",
     "message.refused"),
    (GOOGLE, "recipients", "550 5.1.1 The email account that you tried to reach does not exist.", "password",
     "recipient.unknown"),
    (GOOGLE, "recipients", "550 5.1.1 <too-many-login-attempts@example.com> who", "password", "recipient.unknown"),
    (GOOGLE, "sender", "421 4.7.0 We said: Try again later, closing connection.", "password", "server.closing"),
    (GOOGLE, "sign-in", "TAG NO [AUTHENTICATIONFAILED] Not the invalid credentials (Failure) of yesterday", "password",
     "sign_in.password_refused"),
    (GOOGLE, "sign-in", "TAG NO Too many simultaneous connection-like things", "password", "sign_in.refused"),
    (GOOGLE, "mailbox", "TAG NO [OVERQUOTA] Account exceeded storage limits.", "password", "mailbox.over_quota"),
    (MICROSOFT, "sign-in", "535 5.7.139 Authentication unsuccessful, basic authentication is enabled", "password",
     "microsoft.sign_in_refused"),
    (MICROSOFT, "sign-in", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "token",
     "microsoft.sign_in_refused"),
    (MICROSOFT, "sign-in", "535 5.7.8 Authentication unsuccessful", "password", "sign_in.password_refused"),
    (MICROSOFT, "content", "554 5.2.2 mailbox full", "password", "message.refused"),
    (MICROSOFT, "content", "550 5.7.708x traffic was accepted from this IP", "password", "message.refused"),
    (MICROSOFT, "recipients", "550 5.1.90 You have reached your limit", "password", "recipients.refused"),
    (MICROSOFT, "content", "554 5.2.0 STOREDRV.Submission.Exception:QuotaException", "password", "message.refused"),
    (MICROSOFT, "sign-in", "TAG NO LOGIN failed because the disk is full", "password", "sign_in.refused"),
    (MICROSOFT, "mailbox", "TAG NO User is not connected.", "token", "mailbox.refused"),
    ("smtp.mail.yahoo.com", "recipients", "450 Requested mail action not taken: mailbox unavailable.", "password",
     "recipients.deferred"),
    ("smtp.mail.yahoo.com", "content", "554 Message not allowed - [PH02] no", "password", "message.refused"),
    ("imap.mail.me.com", "sign-in", "TAG NO [UNAVAILABLE] Authentication failed for now", "password",
     "server.unavailable"),
    ("smtp.mail.me.com", "content", "550 5.7.1 You have not exceeded your daily limit.", "password", "message.refused"),
    ("smtp.zoho.com", "recipients", "553 Relaying disallowed", "password", "recipients.refused"),
    ("smtp.zoho.com", "content", "554 5.1.8 Email blocked", "password", "message.refused"),
    ("smtp.yandex.com", "sign-in", "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", "password",
     "sign_in.password_refused"),
    ("imap.yandex.com", "sign-in", "TAG NO [AUTHENTICATIONFAILED] LOGIN invalid credentials", "password",
     "sign_in.password_refused"),
    ("smtp.mail.ru", "sender", "550 local sender over smtp", "password", "sender.refused"),
    ("smtp.qq.com", "sign-in", "535 Login Fail.", "password", "sign_in.refused"),
    ("smtp.qq.com", "sign-in", "535 See http://service.mail.qq.com/cgi-bin/help?no=10012567", "password",
     "sign_in.refused"),
    ("smtp.163.com", "content", "550 User has permission", "password", "message.refused"),
    ("smtp.163.com", "sign-in", "535 Error: authentication failed, system busy", "password", "sign_in.refused"),
    ("smtp.web.de", "recipients", "550 Recipient address is not allowed", "password", "recipients.refused"),
    (ANY, "sender", "530 5.7.0 No need to issue a STARTTLS command", "password", "sign_in.needed"),
    (ANY, "recipients", "550 5.7.1 <bob@message-too-large.example.org> no", "password", "recipients.refused"),
    (ANY, "content", "550 5.7.1 see https://example.com/message-too-large", "password", "message.refused"),
    (ANY, "recipients", "450 4.1.1 the greylistedness of it", "password", "recipients.deferred"),
    (ANY, "sign-in", "535 5.7.8 Error: authentication failed: the database is gone", "token", "sign_in.token_refused"),
    (ANY, "content", "552 5.2.2 the recipient has no room", "password", "message.refused"),
    (ANY, "recipients", "550 5.7.1 Relay access denied", "password", "recipients.refused"),
    (ANY, "mailbox", "TAG NO LOGIN failed", "password", "mailbox.refused"),
    (ANY, "recipients", "550 5.1.1 smtp.gmail.com says: Application-specific password required", "password",
     "recipient.unknown"),
    ("smtp.gmail.com.example.org", "sign-in", "534 5.7.9 Application-specific password required", "password",
     "sign_in.refused"),
    ("notgmail.com", "sign-in", "534 5.7.9 Application-specific password required", "password", "sign_in.refused"),
)  # fmt: skip


@pytest.mark.parametrize("near", NEAR, ids=[f"{host}-{answer[:40]}" for host, _, answer, _, _ in NEAR])
def test_what_only_looks_like_it_is_not_taken_for_it(near: tuple[str, str, str, str, str]) -> None:
    host, step, answer, credential, cause = near
    case = Case(
        host=host,
        protocol="imap" if answer.startswith("TAG") else "smtp",
        step=step,
        answer=f"{answer}\r\n".encode(),
        credential=credential,
    )
    assert explain(play(case), case.settings).cause == cause
