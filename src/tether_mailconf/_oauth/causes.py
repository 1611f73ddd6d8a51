"""Why an issuer says no: its codes and words as data, each with a sentence, a remedy, and who can mend it.

Checked 2026-11 against the sources beside them, not against live issuers. An answer that is not known gets the general
cause of its OAuth error code, never a special one that might be wrong.
"""

from __future__ import annotations

import enum
import re

import attrs


class Mender(enum.Enum):
    """Who can mend it."""

    PERSON = "person"
    ADMINISTRATOR = "administrator"
    """of the person's organisation"""
    HOST = "host"
    """the application that uses this library"""
    PROVIDER = "provider"
    """whoever runs the server"""
    NOBODY = "nobody"
    """it passes by itself"""


@attrs.frozen(kw_only=True)
class Cause:
    """Why something about a sign-in failed.

    Args:
        code: a stable name for programs ("oauth.denied").
        sentence: what happened, for a person.
        remedy: what to do about it, for a person.
        mender: who can do it.
    """

    code: str
    sentence: str
    remedy: str
    mender: Mender = Mender.PERSON


_AGAIN = "Sign in again."

_CAUSES = (
    # -- the way there and back ------------------------------------------------------------------------------------
    Cause(code="oauth.denied", sentence="The sign-in was declined.", remedy="Sign in again and choose to allow it."),
    Cause(code="oauth.expired", sentence="The sign-in took longer than ten minutes.", remedy=_AGAIN),
    Cause(code="oauth.used", sentence="This sign-in was completed or given up before.", remedy=_AGAIN),
    Cause(
        code="oauth.state_mismatch",
        sentence="The answer does not belong to this sign-in.",
        remedy="Sign in again, in one browser window only. If nobody had begun to sign in, somebody has tried a trick.",
    ),
    Cause(
        code="oauth.pending_mismatch",
        sentence="This sign-in was begun for another account, person, redirect address or issuer.",
        remedy="Begin the sign-in again and complete it with what began it.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.issuer_mismatch",
        sentence="The answer comes from another issuer than the one that was asked (RFC 9207).",
        remedy="Sign in again. If it happens again, tell whoever runs this application.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.callback_malformed",
        sentence="The issuer's answer in the browser is not one that OAuth allows.",
        remedy="Sign in again. If it happens again, tell whoever runs this application.",
        mender=Mender.HOST,
    ),
    # -- what was granted ------------------------------------------------------------------------------------------
    Cause(
        code="oauth.scope_missing",
        sentence="The permission to use the mailbox was not given.",
        remedy="Sign in again and leave the box for mail ticked.",
    ),
    Cause(
        code="oauth.wrong_account",
        sentence="Another account was signed in to than the one asked for.",
        remedy="Sign in again and choose the account with the address that was typed.",
    ),
    Cause(
        code="oauth.identity_invalid",
        sentence="The issuer's word on who signed in cannot be trusted.",
        remedy="Sign in again. If it happens again, tell whoever runs this application.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.no_refresh_token",
        sentence="The issuer gave a token that ends within the hour, and nothing to renew it with.",
        remedy="Take away this application's access on the issuer's account page, then sign in again.",
    ),
    Cause(
        code="oauth.token_type",
        sentence="The issuer gave a kind of token that mail servers do not take.",
        remedy="Tell whoever runs this application.",
        mender=Mender.HOST,
    ),
    # -- the issuer says no ----------------------------------------------------------------------------------------
    Cause(
        code="oauth.code_refused",
        sentence="The issuer did not accept the code from the browser; it may have been used or be too old.",
        remedy=_AGAIN,
    ),
    Cause(
        code="oauth.revoked",
        sentence="The sign-in is no longer valid: it was withdrawn, expired or replaced.",
        remedy=_AGAIN,
    ),
    Cause(
        code="oauth.password_changed",
        sentence="The sign-in ended because the account's password was changed.",
        remedy=_AGAIN,
    ),
    Cause(code="oauth.inactive", sentence="The sign-in ended because it was not used for long.", remedy=_AGAIN),
    Cause(
        code="oauth.testing_mode",
        sentence="The sign-in ended after seven days, as Google's do while the application is in testing.",
        remedy="Publish the application in Google's console (or make it internal), then sign in again.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.interaction_required",
        sentence="The issuer wants to see the person again, for a second factor or a rule of the organisation.",
        remedy=_AGAIN,
    ),
    Cause(
        code="oauth.consent_required",
        sentence="Nobody has allowed this application to use the mailbox yet.",
        remedy="Sign in again and choose to allow it.",
    ),
    Cause(
        code="oauth.admin_consent",
        sentence="The organisation lets only its administrator allow this application.",
        remedy="Ask the administrator to allow the application for the organisation, then sign in again.",
        mender=Mender.ADMINISTRATOR,
    ),
    Cause(
        code="oauth.policy",
        sentence="A rule of the organisation forbids this sign-in.",
        remedy="Ask the administrator to allow it.",
        mender=Mender.ADMINISTRATOR,
    ),
    Cause(
        code="oauth.account_kind",
        sentence="The application is registered for other kinds of accounts than this one.",
        remedy="Register it for organisations and personal accounts, and use the authority that fits.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.client_secret_expired",
        sentence="The application's client secret at the issuer has expired.",
        remedy="Make a new client secret at the issuer and give it to the application.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.client_invalid",
        sentence="The issuer does not accept the application's client id or secret.",
        remedy="Check the client id, the client secret and the kind of client at the issuer.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.redirect_mismatch",
        sentence="The redirect address is not registered at the issuer.",
        remedy="Register exactly this redirect address, with scheme, host, port and path, at the issuer.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.scope_invalid",
        sentence="The issuer does not know the permissions asked for, or gives them only one resource at a time.",
        remedy="Ask for the scopes of one resource only, and enable them for the application at the issuer.",
        mender=Mender.HOST,
    ),
    Cause(
        code="oauth.service_account",
        sentence="The issuer does not let this service account act for the mailbox.",
        remedy="Grant the service account's client id the mail scope for the whole domain in the Admin console.",
        mender=Mender.ADMINISTRATOR,
    ),
    Cause(
        code="oauth.refused",
        sentence="The issuer refused.",
        remedy="Read the issuer's own words, which come with this error.",
        mender=Mender.HOST,
    ),
    # -- what is stored --------------------------------------------------------------------------------------------
    Cause(code="oauth.never_signed_in", sentence="Nobody has signed in to this account yet.", remedy="Sign in."),
    Cause(
        code="oauth.client_changed",
        sentence="The application has another client id now than when the person signed in.",
        remedy=_AGAIN,
    ),
    # -- device code -----------------------------------------------------------------------------------------------
    Cause(
        code="oauth.device_expired",
        sentence="The code was not entered in time.",
        remedy="Begin again and enter the new code.",
    ),
)

_BY_CODE = {cause.code: cause for cause in _CAUSES}

# Microsoft's numbers: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes, threads
# simonrob/email-oauth2-proxy#281 and nextcloud/mail#13270.
_AADSTS = {
    "28000": "oauth.scope_invalid",
    "28003": "oauth.scope_invalid",
    "50011": "oauth.redirect_mismatch",
    "50020": "oauth.account_kind",
    "50076": "oauth.interaction_required",
    "50078": "oauth.interaction_required",
    "50079": "oauth.interaction_required",
    "50105": "oauth.policy",
    "50126": "oauth.refused",
    "50133": "oauth.password_changed",
    "50158": "oauth.interaction_required",
    "50173": "oauth.password_changed",
    "50194": "oauth.account_kind",
    "53000": "oauth.policy",
    "53001": "oauth.policy",
    "53003": "oauth.policy",
    "65001": "oauth.consent_required",
    "65004": "oauth.denied",
    "70008": "oauth.inactive",
    "70011": "oauth.scope_invalid",
    "70043": "oauth.interaction_required",
    "70044": "oauth.interaction_required",
    "90094": "oauth.admin_consent",
    "90097": "oauth.admin_consent",
    "700016": "oauth.client_invalid",
    "700082": "oauth.inactive",
    "700084": "oauth.inactive",
    "7000112": "oauth.client_invalid",
    "7000215": "oauth.client_invalid",
    "7000218": "oauth.client_invalid",
    "7000222": "oauth.client_secret_expired",
    "9002313": "oauth.refused",
}
_AADSTS_NUMBER = re.compile(r"\bAADSTS(\d{4,8})\b")

# RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core section 3.1.2.6, RFC 8628 section 3.5, and Google's own codes:
# https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
_ERRORS = {
    "access_denied": "oauth.denied",
    "account_selection_required": "oauth.interaction_required",
    "admin_policy_enforced": "oauth.policy",
    "consent_required": "oauth.consent_required",
    "expired_token": "oauth.device_expired",
    "interaction_required": "oauth.interaction_required",
    "invalid_client": "oauth.client_invalid",
    "invalid_scope": "oauth.scope_invalid",
    "login_required": "oauth.interaction_required",
    "org_internal": "oauth.policy",
    "redirect_uri_mismatch": "oauth.redirect_mismatch",
    "unauthorized_client": "oauth.client_invalid",
}

_ENDED = frozenset(
    {
        "oauth.consent_required",
        "oauth.inactive",
        "oauth.interaction_required",
        "oauth.password_changed",
        "oauth.revoked",
        "oauth.testing_mode",
    }
)
"""Causes after which a refresh token is of no use, and only the person can help."""

_GIVEN_LESS = "oauth.scope_missing"
"""The person has taken the mailbox out of what they allow, and may put it back: the refresh token is still good."""

_TEMPORARY = frozenset({"server_error", "temporarily_unavailable"})


def known(code: str) -> Cause:
    """Return the cause with this code, the general one if a newer version wrote a code that is not known here."""
    return _BY_CODE.get(code, _BY_CODE["oauth.refused"])


def codes() -> tuple[str, ...]:
    """Return the codes of all causes."""
    return tuple(_BY_CODE)


def is_temporary(error: str) -> bool:
    """Whether an OAuth error code says that the same request may work later."""
    return error in _TEMPORARY


def ends_a_grant(cause: Cause) -> bool:
    """Whether nothing but a new sign-in helps."""
    return cause.code in _ENDED


def is_told(cause: Cause) -> bool:
    """Whether a sign-in is to be told as over: it is, or no token of it opens the mailbox any more."""
    return ends_a_grant(cause) or may_be_given_again(cause.code)


def may_be_given_again(code: str) -> bool:
    """Whether the issuer is worth asking again, though the sign-in is told as over."""
    return code == _GIVEN_LESS


def of_answer(error: str, description: str, *, invalid_grant: str) -> Cause:
    """Return the cause of an issuer's error answer.

    Args:
        error: the OAuth error code.
        description: the issuer's words.
        invalid_grant: the code of the cause where the issuer says no more than that the grant is invalid.
    """
    # The sentences before the codes: Microsoft says invalid_grant for a dozen things that it tells apart by number.
    for number in _AADSTS_NUMBER.findall(description):
        if number in _AADSTS:
            return _BY_CODE[_AADSTS[number]]
    if error == "invalid_request" and "redirect_uri" in description:
        return _BY_CODE["oauth.redirect_mismatch"]
    if error == "invalid_grant":
        if "invalid_rapt" in description:
            return _BY_CODE["oauth.interaction_required"]
        return _BY_CODE[invalid_grant]
    return _BY_CODE[_ERRORS.get(error, "oauth.refused")]
