"""What the buttons of the page do. Each takes what is typed and what is stored, and returns the draft that is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from tether_mailconf import CredentialKind, oauth, presets

from . import lines
from .desk import Desk, written, wrong
from .drafts import Draft

TEST_SECONDS = 20.0
"""How long a person waits for a test. What arrives later has been sent all the same."""


def save(desk: Desk) -> Draft:
    """Store what is typed."""
    parsed, _ = desk.read()
    desk.host.accounts.save(desk.owner, parsed.settings, parsed.credential)
    now = "Mail is sent through them." if parsed.settings.enabled else "Nothing is sent while they are switched off."
    return Draft(lines=(lines.good("Your mail settings are saved.", now),))


def test(desk: Desk) -> Draft:
    """Send a message from the account to itself; what is typed stays unsaved."""
    parsed, credential = desk.read()
    settings = parsed.settings.enable()  # a test is how one finds out whether to switch it on
    with desk.host.mailer(settings, credential) as mailer:
        trial = mailer.send_test(deadline=TEST_SECONDS)
    if desk.stored is not None and trial.receipt is not None:
        desk.host.accounts.note(desk.owner, trial.receipt)
    said = [lines.of(one, lines.Tone.HINT if trial.was_accepted else lines.Tone.BAD) for one in trial.findings]
    if trial.was_accepted:
        seen = (
            ["It has arrived in your inbox."] if trial.arrival is not None and trial.arrival.mailbox == "INBOX" else []
        )
        seen += ["A copy is in your Sent folder."] if trial.copies == 1 else []
        said.insert(0, lines.good("The test message was sent.", *seen))
    return attrs.evolve(desk.draft, problems=(), lines=tuple(said))


def disable(desk: Desk) -> Draft:
    """Send nothing from now on, and keep everything."""
    if desk.account is not None:
        desk.host.accounts.disable(desk.owner)
    return Draft(lines=(lines.good("Mail is switched off. Your settings are kept."),))


def clear(desk: Desk) -> Draft:
    """Forget everything: settings, password, sign-in."""
    said = [lines.good("Your mail settings are cleared.")]
    sign_in = None
    if desk.stored is not None and desk.stored.credential is CredentialKind.OAUTH_TOKEN:
        sign_in = desk.host.sign_in(presets.get(desk.stored.preset).oauth_issuer or "")
    cleared = desk.host.accounts.clear(desk.owner, sign_in=sign_in, owner=desk.owner)
    if cleared.disconnected is not None:
        said.append(lines.hint(cleared.disconnected.sentence))
    return Draft(lines=tuple(said))


def choose(desk: Desk, preset_id: str) -> Draft:
    """Show the fields of another preset. A password that was typed is for the one before, and is forgotten.

    Raises:
        InvalidSettings: there is no such preset.
    """
    return Draft(typed={**desk.typed, "preset": presets.get(preset_id).id})


def correct(desk: Desk, field: str) -> Draft:
    """Put what was probably meant into a field."""
    typed: Mapping[str, str] = desk.typed
    for advice in presets.lint(typed):
        if advice.problem.field == field:
            typed = {name: str(value) for name, value in advice.applied(typed).items()}
    problems = tuple(problem for problem in desk.draft.problems if problem.field != field)
    return attrs.evolve(desk.draft, typed=typed, problems=problems)


def find(desk: Desk) -> Draft:
    """Fill in the servers of the address that is typed. The person looks at them, and saves them or does not."""
    found = desk.host.discover(desk.typed.get("address", ""))
    if not found.candidates:
        return attrs.evolve(desk.draft, lines=(lines.hint("No mail servers were found. Type their names."),))
    servers = written(found.candidates[0].settings)
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
    parsed = presets.parse(desk.typed, settings=desk.stored, credential=desk.kind)
    return desk.host.sign_in(desk.preset.oauth_issuer or "").begin(parsed.settings.address, owner=desk.owner)


def complete_sign_in(desk: Desk, pending: oauth.PendingSignIn, callback_url: str) -> Draft:
    """Complete a sign-in; an account that used an app password until now is moved to it."""
    token = desk.host.sign_in(pending.issuer).complete(pending, callback_url, owner=desk.owner)
    said = lines.good(token.sentence)
    stored = desk.stored
    if stored is None or not presets.get(stored.preset).is_old or stored.address != token.address:
        return attrs.evolve(desk.draft, lines=(said,))
    desk.host.accounts.migrate(desk.owner, token)
    return Draft(lines=(said, lines.good("Your account has moved from the app password to the sign-in.")))
