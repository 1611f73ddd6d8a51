"""What can be done to a connection that is still in the clear, on the way to STARTTLS: an attack for each row.

A row says what the server, or somebody between it and us, says in answer to each line of ours, and what the client may
have sent in the clear by the end: those bytes and no others.
"""

from __future__ import annotations

import attrs

EHLO = b"EHLO [127.0.0.1]\r\n"
STARTTLS = b"STARTTLS\r\n"
TAGGED = b"m1 STARTTLS\r\n"
OFFER = b"250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n"


@attrs.frozen(kw_only=True)
class InClear:
    """One attack.

    Args:
        greeting: what is said first.
        answers: what is said after each line, in turn; nothing more is said after the last of them.
        heard: all that the client may say in the clear. What it says after these bytes is a TLS handshake, or nothing.
        error: the class of the error.
        is_upgraded: whether the client begins a handshake: nothing after that is in the clear.
        hangs_up: whether the server closes after the last answer, rather than being silent.
    """

    greeting: bytes
    answers: tuple[bytes, ...] = ()
    heard: bytes = b""
    error: str = "ProtocolViolation"
    is_upgraded: bool = False
    hangs_up: bool = False


def _greeted(greeting: bytes, error: str = "ProtocolViolation") -> InClear:
    return InClear(greeting=greeting, error=error)


def _smtp(answer: bytes, error: str = "ProtocolViolation", **more: bool) -> InClear:
    """Return an attack that begins with the answer to STARTTLS."""
    return InClear(greeting=b"220 mail.test\r\n", answers=(OFFER, answer), heard=EHLO + STARTTLS, error=error, **more)


def _offer(offer: bytes, error: str = "NotOffered") -> InClear:
    """Return an attack on what EHLO is answered."""
    return InClear(greeting=b"220 mail.test\r\n", answers=(offer,), heard=EHLO, error=error)


GO = b"220 2.0.0 go ahead\r\n"

SMTP = {
    # -- stripped, refused, hidden
    "not_offered": _offer(b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n"),
    "offered_with_other_letters": _offer(b"250-mail.test\r\n250-AUTH PLAIN\r\n250 STARTTLSX\r\n"),
    "stripped_by_x": _offer(b"250-mail.test\r\n250-AUTH PLAIN\r\n250 XXXXXXXX\r\n"),
    "hidden_behind_a_name": _offer(b"250-mail.test STARTTLS\r\n250 AUTH PLAIN\r\n"),
    "ehlo_refused": _offer(b"502 5.5.1 what?\r\n", "Refused"),
    "helo_only": _offer(b"500 5.5.2 use HELO\r\n", "Refused"),
    "refused_for_now": _smtp(b"454 4.7.0 not now\r\n", "Refused"),
    "refused_for_good": _smtp(b"502 5.5.1 what?\r\n", "Refused"),
    "sign_in_wanted_first": _smtp(b"530 5.7.0 sign in first\r\n", "Refused"),
    "told_to_go_away": _smtp(b"421 4.3.2 closing\r\n", "Refused", hangs_up=True),
    # -- answered oddly
    "other_good_code": _smtp(b"250 2.0.0 go ahead\r\n", "Refused"),
    "asked_for_more": _smtp(b"334 \r\n", "Refused"),
    "go_ahead_in_two_codes": _smtp(b"220-go\r\n250 ahead\r\n"),
    "go_ahead_without_an_end": _smtp(b"220 go ahead", "TimedOut"),
    "go_ahead_in_imap": _smtp(b"m1 OK go ahead\r\n"),
    "half_a_go_ahead": _smtp(b"220-go ahead\r\n", "TimedOut"),
    "hung_up": _smtp(b"", "Dropped", hangs_up=True),
    "hung_up_after_go_ahead": _smtp(GO, "TLSFailed", is_upgraded=True, hangs_up=True),
    "silent_after_go_ahead": _smtp(GO, "TimedOut", is_upgraded=True),
    # -- injected before the upgrade
    "reply_injected": _smtp(GO + b"235 2.7.0 signed in\r\n"),
    "ehlo_injected": _smtp(GO + b"250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n250 CHUNKING\r\n"),
    "whole_conversation_injected": _smtp(GO + OFFER + b"235 yes\r\n250 yes\r\n250 yes\r\n354 go\r\n250 taken\r\n"),
    "fragment_injected": _smtp(GO + b"2"),
    "line_feed_injected": _smtp(GO + b"\n"),
    "blank_injected": _smtp(GO + b" "),
    "nul_injected": _smtp(GO + b"\0"),
    "line_end_injected": _smtp(GO + b"\r\n"),
    "alert_injected": _smtp(GO + b"\x15\3\3\0\2\2\x28"),
    "server_hello_injected": _smtp(GO + b"\x16\3\3\0\x30\2\0\0\x2c\3\3" + b"a" * 42),
    "go_ahead_twice": _smtp(GO + GO),
    # -- said before it was asked for
    "go_ahead_before_it_is_asked_for": InClear(greeting=b"220 mail.test\r\n", answers=(OFFER + GO + GO,), heard=EHLO),
    "all_in_the_greeting": _greeted(b"220 mail.test\r\n" + OFFER + GO + b"250 and more\r\n"),
    "all_in_the_greeting_and_silent": _greeted(b"220 mail.test\r\n" + OFFER + GO),
    "signed_in_by_the_greeting": _greeted(b"220 mail.test\r\n250-mail.test\r\n250 AUTH PLAIN\r\n235 welcome\r\n"),
}


def _imap(answer: bytes, error: str = "ProtocolViolation", **more: bool) -> InClear:
    return InClear(greeting=b"* OK mail.test\r\n", answers=(answer,), heard=TAGGED, error=error, **more)


DONE = b"m1 OK begin\r\n"
PLANTED = b'* LIST (\\Sent) "/" Attacker\r\n'

IMAP = {
    # -- stripped, refused, hidden
    "refused": _imap(b"m1 NO not now\r\n", "NotOffered"),
    "not_understood": _imap(b"m1 BAD what?\r\n", "NotOffered"),
    "signed_in_already": _greeted(b"* PREAUTH [CAPABILITY IMAP4rev1] welcome, ana\r\n"),
    "signed_in_already_with_starttls": _greeted(b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome\r\n"),
    "goodbye": _greeted(b"* BYE not today\r\n", "Refused"),
    "goodbye_for_an_answer": _imap(b"* BYE not today\r\n", "Dropped", hangs_up=True),
    "referral_in_the_greeting": _greeted(b"* BYE [REFERRAL imap://attacker.test/] go there\r\n", "Refused"),
    "referral_for_an_answer": _imap(b"m1 NO [REFERRAL imap://attacker.test/] go there\r\n", "NotOffered"),
    # -- answered oddly
    "other_tag": _imap(b"m2 OK begin\r\n"),
    "asked_for_more": _imap(b"+ go on\r\n"),
    "answered_in_smtp": _imap(b"220 go ahead\r\n"),
    "signed_in_by_the_answer": _imap(b"* PREAUTH welcome\r\n" + DONE + b"* OK\r\n"),
    "go_ahead_without_an_end": _imap(b"m1 OK begin", "TimedOut"),
    "go_ahead_with_a_literal": _imap(b"m1 OK begin {10}\r\n0123456789"),
    "hung_up": _imap(b"", "Dropped", hangs_up=True),
    "hung_up_after_go_ahead": _imap(DONE, "TLSFailed", is_upgraded=True, hangs_up=True),
    "silent_after_go_ahead": _imap(DONE, "TimedOut", is_upgraded=True),
    # -- injected before the upgrade
    "capability_injected": _imap(DONE + b"* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED\r\n"),
    "sign_in_injected": _imap(DONE + b"m2 OK [CAPABILITY IMAP4rev1] welcome\r\n"),
    "list_injected": _imap(DONE + PLANTED),
    "literal_injected": _imap(DONE + b'* LIST (\\Sent) "/" {20}\r\n'),
    "fragment_injected": _imap(DONE + b"*"),
    "line_feed_injected": _imap(DONE + b"\n"),
    "nul_injected": _imap(DONE + b"\0"),
    "line_end_injected": _imap(DONE + b"\r\n"),
    "alert_injected": _imap(DONE + b"\x15\3\3\0\2\2\x28"),
    "whole_conversation_injected": _imap(DONE + b"m2 OK a\r\nm3 OK b\r\nm4 OK c\r\n"),
    # -- said before it was asked for
    "go_ahead_in_the_greeting": _greeted(b"* OK mail.test\r\n" + DONE),
    "all_in_the_greeting": _greeted(b"* OK mail.test\r\n" + DONE + PLANTED),
}

ATTACKS = {f"smtp-{name}": attack for name, attack in SMTP.items()} | {
    f"imap-{name}": attack for name, attack in IMAP.items()
}
