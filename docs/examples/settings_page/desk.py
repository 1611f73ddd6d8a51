"""What a button has before it: who has pressed it, what is stored, what is typed, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

import tether_mailconf as mailconf
from tether_mailconf import CredentialKind, oauth, presets
from tether_mailconf.presets import Form, Preset

from .drafts import Draft
from .host import Host

EMPTY = {"preset": presets.CUSTOM.id}
"""A page that nobody has filled in, or that was cleared."""

_ALL = presets.CUSTOM.form().fields
NAMES = tuple(field.name for field in _ALL if not field.is_secret)
"""The fields that pages have."""
SECRETS = tuple(field.name for field in _ALL if field.is_secret)
"""Those of them whose values never come back to the browser."""


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
    account: mailconf.StoredAccount | None
    draft: Draft

    @property
    def stored(self) -> mailconf.ConnectionSettings | None:
        """The settings that are stored."""
        return None if self.account is None else self.account.settings

    @property
    def typed(self) -> Mapping[str, str]:
        """What stands in the fields: what is typed, or else what is stored."""
        if self.draft.typed is not None:
            return self.draft.typed
        return EMPTY if self.stored is None else written(self.stored)

    @property
    def preset(self) -> Preset:
        """What is picked."""
        return presets.get(self.typed["preset"])

    @property
    def kind(self) -> CredentialKind:
        """What is signed in with: the best that the provider takes and this application can do."""
        can_sign_in = self.preset.oauth_issuer in self.host.clients
        works = (kind for kind in self.preset.works if can_sign_in or kind is not CredentialKind.OAUTH_TOKEN)
        return next(works, CredentialKind.PASSWORD)

    @property
    def form(self) -> Form:
        """What the page shows for what is picked."""
        return self.preset.form(self.stored, credential=self.kind)

    def read(self) -> tuple[presets.Parsed, mailconf.Credential | oauth.OAuthToken]:
        """Return what is typed, and what to sign in with.

        Raises:
            InvalidSettings: with everything that is wrong.
        """
        secrets = {name: secret.reveal() for name, secret in self.draft.secrets.items()}
        parsed = presets.parse({**self.typed, **secrets}, settings=self.stored, credential=self.kind)
        if self.kind is CredentialKind.OAUTH_TOKEN:
            return parsed, self._token(parsed.settings.address)
        credential = parsed.credential or (None if self.account is None else self.account.credential)
        if credential is None:
            raise wrong("secret", "secret.missing", "Type the password.")
        return parsed, credential

    def _token(self, address: str) -> oauth.OAuthToken:
        try:
            return self.host.sign_in(self.preset.oauth_issuer or "").token(address, owner=self.owner)
        except mailconf.SignInNeeded as error:
            raise wrong("sign_in", error.code, error.sentence) from None


def written(settings: mailconf.ConnectionSettings) -> dict[str, str]:
    """Return settings as a browser would have them typed."""
    data = presets.form_data(settings)
    return {name: "on" if value is True else str(value) for name, value in data.items() if value is not False}


def wrong(field: str, code: str, message: str) -> mailconf.InvalidSettings:
    """Return the error that tells a problem beside a field."""
    return mailconf.InvalidSettings((mailconf.Problem(field=field, code=code, message=message),))
