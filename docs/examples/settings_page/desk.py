"""What a button has before it: who has pressed it, what is stored, what is typed, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

import tether_mailconf as mailconf
from tether_mailconf import CredentialKind, oauth, presets
from tether_mailconf.presets import Preset

from . import form
from .accounts import Account
from .drafts import Draft
from .host import Host

EMPTY = {"preset": presets.CUSTOM.id}
"""A page that nobody has filled in, or that was cleared."""

_PASSWORDS = {CredentialKind.PASSWORD: mailconf.Password, CredentialKind.APP_PASSWORD: mailconf.AppPassword}


@attrs.frozen(kw_only=True)
class Desk:
    """One person's request.

    Args:
        host: what all requests share.
        owner: whose account it is: from the session, never from the request.
        account: what is stored; None if nothing is.
        draft: what is not saved yet.
    """

    host: Host
    owner: str
    account: Account | None
    draft: Draft

    @property
    def typed(self) -> Mapping[str, str]:
        """What stands in the fields: what is typed, or else what is stored."""
        if self.draft.typed is not None:
            return self.draft.typed
        return EMPTY if self.account is None else form.written(self.account.settings)

    @property
    def preset(self) -> Preset:
        """What is picked."""
        return presets.get(self.typed["preset"])

    @property
    def kind(self) -> CredentialKind:
        """What is signed in with: the best that the provider takes and this application can do."""
        return form.kind_of(self.preset, self.host.clients)

    def read(self) -> tuple[mailconf.ConnectionSettings, mailconf.Credential | oauth.OAuthToken]:
        """Return what is typed as settings, and what they are signed in with.

        Raises:
            InvalidSettings: with everything that is wrong.
        """
        problems: list[mailconf.Problem] = []
        settings: mailconf.ConnectionSettings | None = None
        credential: mailconf.Credential | oauth.OAuthToken | None = None
        try:
            settings = form.parse(self.typed, self.kind)
        except mailconf.InvalidSettings as error:
            problems += error.problems
        try:
            credential = self._credential(settings)
        except mailconf.InvalidSettings as error:
            problems += error.problems
        if problems or settings is None or credential is None:
            raise mailconf.InvalidSettings(tuple(problems))
        return settings, credential

    def secret_for(self, settings: mailconf.ConnectionSettings | None) -> mailconf.Secret | None:
        """Return the password that was typed, or else the stored one, but never for other servers than it is for."""
        if self.kind not in _PASSWORDS:
            return None
        if "secret" in self.draft.secrets:
            return self.draft.secrets["secret"]
        stored = self.account if settings is None else self.stored_for(settings)
        return None if stored is None else stored.secret

    def stored_for(self, settings: mailconf.ConnectionSettings) -> Account | None:
        """Return what is stored, if it is for the same servers and user names."""
        if self.account is None or _where(self.account.settings) != _where(settings):
            return None
        return self.account

    def _credential(
        self, settings: mailconf.ConnectionSettings | None
    ) -> mailconf.Credential | oauth.OAuthToken | None:
        if self.kind is CredentialKind.OAUTH_TOKEN:
            return None if settings is None else self._token(settings)
        secret = self.secret_for(settings)
        try:
            return _PASSWORDS[self.kind](secret or "")
        except ValueError:
            raise wrong("secret", "secret.missing", "Type the password.") from None

    def _token(self, settings: mailconf.ConnectionSettings) -> oauth.OAuthToken:
        try:
            return self.host.sign_in(self.preset.oauth_issuer or "").token(settings.address, owner=self.owner)
        except mailconf.SignInNeeded as error:
            raise wrong("sign_in", error.code, error.sentence) from None


def _where(settings: mailconf.ConnectionSettings) -> tuple[object, ...]:
    return settings.smtp, settings.imap, settings.smtp_user, settings.imap_user


def wrong(field: str, code: str, message: str) -> mailconf.InvalidSettings:
    """Return the error that tells a problem beside a field."""
    return mailconf.InvalidSettings((mailconf.Problem(field=field, code=code, message=message),))
