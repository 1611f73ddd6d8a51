"""Whether a Sent folder may be made, by the rights that a server tells (RFC 4314; RFC 2086, which it obsoletes)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialogues.dialogue import read
from tests.dialogues.player import PASSWORD, USER, Stage
from tether_mailconf import (
    ConnectionSettings,
    CredentialKind,
    Endpoint,
    Filer,
    Finding,
    Outcome,
    Password,
    Security,
    SentPolicy,
    Step,
)
from tether_mailconf._ports import run_sync
from tether_mailconf.diagnosis.check_mailboxes import check_mailboxes

IMAP = Endpoint(host="imap.example.test", port=993, security=Security.TLS)
SETTINGS = ConnectionSettings(
    address=USER,
    smtp=Endpoint(host="smtp.example.test", port=465, security=Security.TLS),
    imap=IMAP,
    smtp_user=USER,
    imap_user=USER,
    credential=CredentialKind.PASSWORD,
    sent=SentPolicy(filer=Filer.CLIENT),
)

DIALOGUE = """\
# Rights to the folder below which Sent would be made (RFC 4314 section 3.8)
do: file

S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready
C: m1 AUTHENTICATE PLAIN «\\0ana@example.test\\0sesame"4711»
S: m1 OK [CAPABILITY IMAP4rev1 NAMESPACE {offered}] signed in
C: m2 NAMESPACE
C: m3 LIST "" "*"
S: * NAMESPACE (("INBOX." ".")) NIL NIL
S: m2 OK done
S: * LIST (\\HasNoChildren) "." INBOX
S: m3 OK done
C: m4 MYRIGHTS "INBOX"
{answer}
C: m5 LOGOUT
"""


def judged(folder: Path, offered: str, answer: str) -> tuple[Outcome, Finding | None]:
    """Play a check of the IMAP server, and return what it says about a copy."""
    file = folder / "rights.txt"
    file.write_text(DIALOGUE.format(offered=offered, answer=answer), "utf-8")
    stage = Stage(read(file), 65536)
    seen = run_sync(check_mailboxes(stage, SETTINGS, IMAP, Password(PASSWORD), stage.deadline(60)))
    stage.check_end()
    assert seen.sent is not None
    assert seen.sent.mailbox == "INBOX.Sent"
    (append,) = (one for one in seen.server.steps if one.step is Step.APPEND)
    return append.outcome, append.finding


@pytest.mark.parametrize(
    ("offered", "rights", "outcome"),
    [
        ("ACL RIGHTS=texk", "lrswipkxtecda", Outcome.WORKS),
        ("ACL RIGHTS=kxten", "lrk", Outcome.WORKS),
        ("ACL RIGHTS=texk", "lrswi", Outcome.DOES_NOT_WORK),
        ("ACL RIGHTS=texk", "lrswixcd", Outcome.DOES_NOT_WORK),
        ("ACL RIGHTS=texk", '""', Outcome.DOES_NOT_WORK),
        ("ACL", "lrswipcda", Outcome.WORKS),
        ("ACL ACL2=UNION", "acdilrsw", Outcome.WORKS),
        ("ACL ACL2=UNION", "ailrsw", Outcome.DOES_NOT_WORK),
        ("ACL", "lrswik", Outcome.WORKS),
    ],
    ids=[
        "all",
        "the new right alone",
        "none to make",
        "the old one stands for that to remove",
        "no rights at all",
        "the old right of an old server",
        "Courier's",
        "Courier's without it",
        "the new right, not announced",
    ],
)
def test_by_the_rights_it_is_known_before_it_is_tried(
    tmp_path: Path, offered: str, rights: str, outcome: Outcome
) -> None:
    shown, finding = judged(tmp_path, offered, f"S: * MYRIGHTS INBOX {rights}\nS: m4 OK done")
    assert finding is not None
    cause = "mailbox.would_be_made" if outcome is Outcome.WORKS else "mailbox.may_not_be_made"
    assert (shown, finding.cause) == (outcome, cause)
    assert finding.detail == "it would be called INBOX.Sent"


@pytest.mark.parametrize(
    "answer",
    ["S: m4 NO not for you", "S: m4 OK done", "S: * MYRIGHTS INBOX\nS: m4 OK done"],
    ids=["refused", "nothing told", "half a response"],
)
def test_rights_that_are_not_told_leave_it_open(tmp_path: Path, answer: str) -> None:
    shown, finding = judged(tmp_path, "ACL RIGHTS=texk", answer)
    assert finding is not None
    assert (shown, finding.cause) == (Outcome.COULD_NOT_TELL, "mailbox.would_be_made")
