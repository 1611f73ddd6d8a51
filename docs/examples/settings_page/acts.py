"""What the buttons of the page do. Each takes what is typed and what is stored, and returns the draft that is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import EmailMessage

import attrs

import tether_mailconf as mailconf
from tether_mailconf import CredentialKind, oauth, presets

from . import form, lines
from .accounts import Account
from .corrections import corrections
from .desk import Desk, wrong
from .drafts import Draft


def save(desk: Desk) -> Draft:
    """Store what is typed."""
    settings, _ = desk.read()
    stored = desk.stored_for(settings)
    if stored is not None:
        settings = attrs.evolve(settings, sent=stored.settings.sent)  # what was learned about them stays
    desk.host.accounts.put(desk.owner, Account(settings=settings, secret=desk.secret_for(settings)))
    now = "Mail is sent through them." if settings.enabled else "Nothing is sent while they are switched off."
    return Draft(lines=(lines.good("Your mail settings are saved.", now),))


def test(desk: Desk) -> Draft:
    """Send a message from the account to itself; what is typed stays unsaved."""
    settings, credential = desk.read()
    settings = attrs.evolve(settings, enabled=True)  # a test is how one finds out whether to switch it on
    message = EmailMessage()
    message["To"] = settings.address
    message["Subject"] = "Test message"
    message.set_content("Your mail settings work.\n")
    try:
        with desk.host.mailer(settings, credential) as mailer:
            receipt = mailer.send(message)
    except mailconf.MailconfError as error:
        return attrs.evolve(desk.draft, problems=(), lines=(lines.bad(error, settings),))
    stored = desk.stored_for(settings)
    if stored is not None and receipt.learned is not None:
        learned = attrs.evolve(stored.settings, sent=receipt.learned.sent)
        desk.host.accounts.put(desk.owner, attrs.evolve(stored, settings=learned))
    said = lines.good("The test message was sent.", _TOLD.get(receipt.filing, receipt.filing_reason))
    return attrs.evolve(desk.draft, problems=(), lines=(said,))


_TOLD = {
    mailconf.Filing.BY_PROVIDER: "Your provider has put a copy into your Sent folder.",
    mailconf.Filing.APPENDED: "A copy is in your Sent folder.",
    mailconf.Filing.ALREADY_THERE: "A copy is in your Sent folder.",
}


def disable(desk: Desk) -> Draft:
    """Send nothing from now on, and keep everything."""
    if desk.account is not None:
        settings = attrs.evolve(desk.account.settings, enabled=False)
        desk.host.accounts.put(desk.owner, attrs.evolve(desk.account, settings=settings))
    return Draft(lines=(lines.good("Mail is switched off. Your settings are kept."),))


def clear(desk: Desk) -> Draft:
    """Forget everything: settings, password, sign-in."""
    said = [lines.good("Your mail settings are cleared.")]
    if desk.account is not None:
        settings = desk.account.settings
        if settings.credential is CredentialKind.OAUTH_TOKEN:
            issuer = presets.get(settings.preset).oauth_issuer or ""
            gone = desk.host.sign_in(issuer).disconnect(settings.address, owner=desk.owner)
            said.append(lines.hint(gone.sentence))
        desk.host.accounts.clear(desk.owner)
    return Draft(lines=tuple(said))


def choose(desk: Desk, preset_id: str) -> Draft:
    """Show the fields of another preset. A password that was typed is for the one before, and is forgotten.

    Raises:
        InvalidSettings: there is no such preset.
    """
    return Draft(typed={**desk.typed, "preset": presets.get(preset_id).id})


def correct(desk: Desk, field: str) -> Draft:
    """Put what was probably meant into a field."""
    meant = {one.field: one.value for one in corrections(desk.typed)}
    typed = {**desk.typed, field: meant[field]} if field in meant else desk.typed
    problems = tuple(problem for problem in desk.draft.problems if problem.field != field)
    return attrs.evolve(desk.draft, typed=typed, problems=problems)


def find(desk: Desk) -> Draft:
    """Fill in the servers of the address that is typed. The person looks at them, and saves them or does not."""
    found = desk.host.discover(desk.typed.get("address", ""))
    if not found.candidates:
        return attrs.evolve(desk.draft, lines=(lines.hint("No mail servers were found. Type their names."),))
    servers = form.written(found.candidates[0].settings)
    kept = {name: value for name, value in desk.typed.items() if name in ("preset", "display_name", "enabled")}
    said = lines.hint("These servers were found. Save them only if you know them.")
    return attrs.evolve(desk.draft, typed=servers | kept, problems=(), lines=(said,))


ACTS: Mapping[str, Callable[[Desk], Draft]] = {
    "save": save,
    "test": test,
    "disable": disable,
    "clear": clear,
    "find": find,
}
"""The buttons that need nothing but the page."""


def begin_sign_in(desk: Desk) -> oauth.PendingSignIn:
    """Begin a sign-in at the issuer of the preset that is picked.

    Raises:
        InvalidSettings: what is typed is no address, or there is no sign-in for what is picked.
    """
    if desk.kind is not CredentialKind.OAUTH_TOKEN:
        raise wrong("sign_in", "sign_in.not_offered", "There is no sign-in for this. Use a password.")
    settings = form.parse(desk.typed, desk.kind)
    return desk.host.sign_in(desk.preset.oauth_issuer or "").begin(settings.address, owner=desk.owner)


def complete_sign_in(desk: Desk, pending: oauth.PendingSignIn, callback_url: str) -> Draft:
    """Complete a sign-in; an account that used an app password until now is moved to it."""
    token = desk.host.sign_in(pending.issuer).complete(pending, callback_url, owner=desk.owner)
    said = lines.good(token.sentence)
    account = desk.account
    if account is None or not presets.get(account.settings.preset).is_old or account.settings.address != token.address:
        return attrs.evolve(desk.draft, lines=(said,))
    moved = desk.host.migrate(account.settings, mailconf.AppPassword(account.secret or ""), token)
    desk.host.accounts.put(desk.owner, Account(settings=moved))
    return Draft(lines=(said, lines.good("Your account has moved from the app password to the sign-in.")))
