"""`demo`: the main job on the embedded sandbox, told step by step.

It uses nothing but the public names, so that it can be read as an example.
"""

from __future__ import annotations

import argparse
from email.message import EmailMessage

import attrs

from .. import ConnectionSettings, Delivery, Filer, Mailer, Receipt, SentPolicy, oauth
from ..sandbox import Sandbox
from ..sandbox.personality import DROPS_AFTER_BODY, FILES_ITSELF, GERMAN, Personality
from .options import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "demo",
        help="send and file on the embedded sandbox, and show each step",
        description="Show the main job on mail servers that live inside the process. Contacts nobody.",
        epilog="Exit status: 0 if each part ended as it should.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)


def run(_chosen: argparse.Namespace) -> int:
    """Show three situations of filing and a sign-in without a password; return 0 if each ended as it should."""
    outcomes = [
        _show(
            "1. A server that does not file. Its Sent folder is called 'Gesendete Objekte'; we put the copy there.",
            GERMAN,
            Filer.CLIENT,
        ),
        _show(
            "2. A server that files by itself. Nobody told us: we look, find its copy, and learn.",
            FILES_ITSELF,
            Filer.UNKNOWN,
        ),
        _show(
            "3. A server that takes the message and drops the connection before it says so.",
            DROPS_AFTER_BODY,
            Filer.UNKNOWN,
        ),
        _show_sign_in("4. No password: Ana signs in at an OAuth issuer, and her mail goes out from then on."),
    ]
    return 0 if all(outcomes) else 1


def _show(title: str, personality: Personality, filer: Filer) -> bool:
    print(f"\n{title}\n")
    with Sandbox(personality) as sandbox:
        settings = attrs.evolve(sandbox.settings, sent=SentPolicy(filer=filer))
        with Mailer(settings, sandbox.credential, network=sandbox.network, ca_file=sandbox.ca_file) as mailer:
            message = _message(settings)
            receipt = mailer.send(message)
            for step, seconds in receipt.timings.items():
                print(f"  {step:<14} {seconds * 1000:8.1f} ms")
            _print_receipt(receipt)
            if receipt.delivery is Delivery.UNKNOWN:
                print("  nobody can know yet, so we look into the Sent folder:")
                receipt = mailer.resolve(receipt, message)
                _print_receipt(receipt)
        copies = sandbox.sent()
        print(f"  copies in Sent: {len(copies)}; accepted by the server: {len(sandbox.submissions)} time(s)")
        if personality is GERMAN:
            print("  the copy as it stands there:\n")
            print("".join(f"    | {line}\n" for line in copies[0].content.decode().splitlines()))
        return receipt.delivery is Delivery.SENT and len(copies) == 1 and len(sandbox.submissions) == 1


def _show_sign_in(title: str) -> bool:
    print(f"\n{title}\n")
    with Sandbox(GERMAN) as sandbox:
        network, ca_file = sandbox.network, sandbox.ca_file
        sign_in = oauth.SignIn(
            sandbox.oauth.issuer,
            client_id=sandbox.oauth.client_id,
            client_secret=sandbox.oauth.client_secret,
            redirect_uri=sandbox.oauth.redirect_uri,
            network=network,
            ca_file=ca_file,
        )
        settings = attrs.evolve(sandbox.settings_oauth, sent=SentPolicy(filer=Filer.CLIENT))
        pending = sign_in.begin(settings.address)
        print(f"  begin          the browser is sent to {pending.url.partition('?')[0]}")
        callback_url = sandbox.oauth.consent(pending.url)
        print(f"  consent        it comes back to {callback_url.partition('?')[0]}")
        token = sign_in.complete(pending, callback_url)
        print(f"  complete       {token.sentence}")
        with Mailer(settings, token, network=network, ca_file=ca_file) as mailer:
            _print_receipt(mailer.send(_message(settings)))
        sandbox.oauth.expire_tokens()
        print("  an hour later  the access token has ended; the next send renews it:")
        with Mailer(settings, token, network=network, ca_file=ca_file) as mailer:
            _print_receipt(mailer.send(_message(settings)))
        print(f"  disconnect     {sign_in.disconnect(settings.address).sentence}")
        print(f"  status         {sign_in.status(settings.address).sentence}")
        copies = sandbox.sent()
        print(f"  copies in Sent: {len(copies)}; accepted by the server: {len(sandbox.submissions)} time(s)")
        return len(copies) == len(sandbox.submissions) == 2


def _message(settings: ConnectionSettings) -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"{settings.display_name} <{settings.address}>"
    message["To"] = "Bo <bo@example.org>"
    message["Bcc"] = "archive@example.org"
    message["Subject"] = "Grüße from the demo"
    message.set_content(
        "This message was sent from Ana's own mailbox,\nand one copy of it stands in her Sent folder.\n"
    )
    return message


def _print_receipt(receipt: Receipt) -> None:
    print(f"  delivery       {receipt.delivery.value}")
    print(f"  filing         {receipt.filing.value}" + (f" ({receipt.mailbox})" if receipt.mailbox else ""))
    if receipt.filing_reason:
        print(f"                 {receipt.filing_reason}")
    if receipt.reply is not None:
        print(f"  server         {receipt.reply.shown}")
    if receipt.learned is not None:
        print(f"  learned        filer={receipt.learned.sent.filer.value}, mailbox={receipt.learned.sent.mailbox}")
