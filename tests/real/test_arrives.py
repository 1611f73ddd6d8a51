"""What a program shows of a message is what was written, at the recipient's as in Sent, after real servers had it."""

from __future__ import annotations

import email
import email.policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from tests.servers.account import account_on
from tests.servers.plugin import Servers
from tether_mailconf import Security

from .conftest import Opened
from .post import MESSAGE_ID, parsed

SUBJECT = "Größe Änderung über die Straße Büro Köln Änderung Angebot über Straße für und Büro Größe"
PEOPLE = [Address("Änne Müller, Büro Köln", f"p{index}", "example.org") for index in range(5)]
LEAVE = f"<https://example.org/leave?token={'a' * 90}>"
HTML = "<p>" + "word " * 400 + "</p>"
SIGNED = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe \r\n"


def addressed(message: MIMEMultipart) -> EmailMessage:
    """Return the message as read from a file, with a sender, recipients, a subject and a way out."""
    made = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    made["From"] = "ana@example.test"
    made["To"] = PEOPLE
    made["Subject"] = SUBJECT
    made["List-Unsubscribe"] = LEAVE
    made["Message-ID"] = MESSAGE_ID
    return made


def sent_and_filed(servers: Servers, opened: Opened, message: EmailMessage) -> list[bytes]:
    """Send it through Postfix; return what arrived and what stands in Sent."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot), dovecot, Security.TLS)
    with opened(account) as mailer:
        mailer.send(message)
    (gone,) = account.received(1)
    (copy,) = account.copies("Sent")
    return [gone.content, copy]


def test_fields_and_long_lines_arrive_as_they_were_written(servers: Servers, opened: Opened) -> None:
    message = addressed(MIMEMultipart("alternative", _subparts=[MIMEText("hi"), MIMEText(HTML, "html")]))
    for content in sent_and_filed(servers, opened, message):
        found = parsed(content)
        assert (found["Subject"], found["List-Unsubscribe"]) == (SUBJECT, LEAVE)
        assert [(person.display_name, person.addr_spec) for person in found["To"].addresses] == [
            (person.display_name, person.addr_spec) for person in PEOPLE
        ]
        html = found.get_body(("html",))
        assert html is not None
        assert html.get_content().rstrip() == HTML


def test_what_is_signed_arrives_byte_for_byte(servers: Servers, opened: Opened) -> None:
    signed = MIMEMultipart("signed", protocol="application/pgp-signature")
    signed.attach(email.message_from_bytes(SIGNED))
    signed.attach(MIMEApplication(b"signature", "pgp-signature"))
    for content in sent_and_filed(servers, opened, addressed(signed)):
        assert SIGNED in content
