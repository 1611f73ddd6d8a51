"""Signing in without a person: Google's domain-wide delegation, and Microsoft's client credentials.

Such tokens are not renewed by a refresh token but asked for anew, with the application's own key. Everything else, the
lease and the store included, is `token.OAuthToken`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs

from .._ports import HttpRequest
from ..address import read_address
from ..errors import InvalidSettings, Problem
from ..secret import Secret
from . import causes
from .client import Client, form
from .exchange import Denied
from .issuer import is_scope, url_problem
from .keeping import Keeping
from .record import Record, key
from .token import OAuthToken

_ASSERTION_SECONDS = 600.0
"""Seconds that an assertion of ours is good for. Google allows an hour at most, Microsoft recommends ten minutes."""

GOOGLE_SCOPE = "https://mail.google.com/"
_GOOGLE_TOKEN_ENDPOINT = "https://oauth2.googleapis.com/token"  # noqa: S105 - a URL


@attrs.frozen(kw_only=True)
class GoogleGrant:
    """By a service account that may act for a whole Workspace domain.

    https://developers.google.com/identity/protocols/oauth2/service-account#httprest

    Args:
        client_id: the service account's address.
        key_id: the id of its key.
        private_key: the key (PEM).
        token_endpoint: where tokens are asked for.
        subject: the mailbox that it acts for.
        scopes: what is asked for.
    """

    client_id: str
    key_id: str
    private_key: Secret
    token_endpoint: str
    subject: str
    scopes: tuple[str, ...]

    issuer_id = "accounts.google.com/service-account"

    def request(self, record: Record, now: float) -> HttpRequest:
        """Return the request with a signed assertion (RFC 7523 section 2.1)."""
        claims = {
            "iss": self.client_id,
            "sub": self.subject,
            "aud": self.token_endpoint,
            "scope": " ".join(self.scopes),
            "iat": int(now),
            "exp": int(now + _ASSERTION_SECONDS),
        }
        assertion = _signed(self.private_key, claims, {"kid": self.key_id})
        return HttpRequest(
            method="POST",
            url=self.token_endpoint,
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            body=form({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion": assertion}),
        )

    def cause(self, denied: Denied, record: Record, now: float) -> causes.Cause:
        """Return why it was denied. Google says `unauthorized_client` while the domain has not delegated."""
        if denied.error in ("unauthorized_client", "access_denied", "invalid_grant"):
            return causes.known("oauth.service_account")
        return causes.of_answer(denied.error, denied.description, invalid_grant="oauth.service_account")

    def blank(self) -> Record:
        """Return a record without any token yet."""
        return Record(
            issuer=self.issuer_id,
            client_id=self.client_id,
            address=self.subject,
            login=self.subject,
            owner="",
            is_verified=True,
        )


@attrs.frozen(kw_only=True)
class MicrosoftGrant:
    """By an application's own permission to send for mailboxes of its tenant.

    https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow

    Args:
        client: the application; its secret, or none with a certificate.
        certificate: the certificate (PEM) registered for it; empty with a secret.
        private_key: the certificate's key (PEM); None with a secret.
        address: the mailbox.
        resource: the scope to ask for.
    """

    client: Client
    certificate: bytes
    private_key: Secret | None
    address: str
    resource: str
    scopes: tuple[str, ...] = ()

    @property
    def issuer_id(self) -> str:
        """The issuer's id, marked: what it gives is not what a person's sign-in gives."""
        return f"{self.client.issuer.id}/application"

    @property
    def client_id(self) -> str:
        """The application's client id."""
        return self.client.id

    def request(self, record: Record, now: float) -> HttpRequest:
        """Return the request, with the secret or with a signed assertion (RFC 7523 section 2.2)."""
        endpoint = self.client.issuer.token_endpoint
        fields = {"grant_type": "client_credentials", "scope": self.resource}
        if self.private_key is None:
            return self.client.post(endpoint, fields, {})
        claims = {
            "iss": self.client.id,
            "sub": self.client.id,
            "aud": endpoint,
            "jti": secrets.token_hex(16),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + _ASSERTION_SECONDS),
        }
        assertion = _signed(self.private_key, claims, _thumbprints(self.certificate))
        fields["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return self.client.post(endpoint, fields, {"client_assertion": assertion})

    def cause(self, denied: Denied, record: Record, now: float) -> causes.Cause:
        """Return why it was denied."""
        return causes.of_answer(denied.error, denied.description, invalid_grant="oauth.refused")

    def blank(self) -> Record:
        """Return a record without any token yet."""
        return Record(
            issuer=self.issuer_id,
            client_id=self.client.id,
            address=self.address,
            login=self.address,
            owner="",
            is_verified=True,
        )


def google_service_account(keeping: Keeping, info: Mapping[str, Any], subject: str) -> OAuthToken:
    """Return the credential of a service account for the mailbox `subject`.

    Raises:
        InvalidSettings: the key file's content or the address cannot be right.
    """
    try:
        grant = _google_grant(info, subject)
    finally:
        del info  # an error shows no variable that holds the key
    if not isinstance(grant, GoogleGrant):
        raise InvalidSettings(grant)
    return _token(grant, keeping, grant.subject)


def _google_grant(info: object, subject: str) -> GoogleGrant | tuple[Problem, ...]:
    if not isinstance(info, Mapping):
        text = "the key file's content is given as a dictionary: json.loads of the file"
        return (Problem(field="info", code="service_account.incomplete", message=text),)
    problems: list[Problem] = []
    names = ("client_email", "private_key", "private_key_id", "token_uri")
    found = {name: _ascii(cast("Mapping[str, object]", info).get(name)) for name in names}
    del info
    key = Secret(found.pop("private_key"))
    for name, value in {**found, "private_key": bool(key)}.items():
        if not value and name != "token_uri":
            text = f"the service account's key file has no {name}"
            problems.append(Problem(field=name, code="service_account.incomplete", message=text))
    endpoint = found["token_uri"] or _GOOGLE_TOKEN_ENDPOINT
    if url_problem(endpoint):
        text = "the token endpoint is no https URL"
        problems.append(Problem(field="token_uri", code="service_account.token_uri", message=text))
    address = _checked_address(subject, "subject", problems)
    if key and not _is_key(key):
        text = "the private key cannot be read"
        problems.append(Problem(field="private_key", code="service_account.key", message=text))
    if problems:
        return tuple(problems)
    return GoogleGrant(
        client_id=found["client_email"],
        key_id=found["private_key_id"],
        private_key=key,
        token_endpoint=endpoint,
        subject=address,
        scopes=(GOOGLE_SCOPE,),
    )


def _ascii(value: object) -> str:
    return value if isinstance(value, str) and value.isascii() else ""


def microsoft_application(
    keeping: Keeping, client: Client, address: str, resource: str, certificate: bytes, private_key: Secret | None
) -> OAuthToken:
    """Return the credential of an application for the mailbox `address`.

    Raises:
        InvalidSettings: something of it cannot be right.
    """
    problems: list[Problem] = []
    address = _checked_address(address, "address", problems)
    if not is_scope(resource):
        text = "what a token is asked for is one scope (RFC 6749 section 3.3)"
        problems.append(Problem(field="resource", code="application.resource", message=text))
    if (client.secret is None) == (private_key is None):
        text = "an application signs in with its secret, or with certificate and private key"
        problems.append(Problem(field="client_secret", code="application.secret_or_certificate", message=text))
    if private_key is not None and not _is_certificate(certificate):
        text = "the certificate cannot be read; it is given as PEM"
        problems.append(Problem(field="certificate", code="application.certificate", message=text))
    if private_key is not None and not _is_key(private_key):
        text = "the certificate's private key cannot be read; it is an RSA key, given as PEM without a passphrase"
        problems.append(Problem(field="private_key", code="application.private_key", message=text))
    if problems:
        raise InvalidSettings(tuple(problems))
    grant = MicrosoftGrant(
        client=client, certificate=certificate, private_key=private_key, address=address, resource=resource
    )
    return _token(grant, keeping, address)


def _token(grant: GoogleGrant | MicrosoftGrant, keeping: Keeping, address: str) -> OAuthToken:
    return OAuthToken(
        grant,
        keeping,
        key(grant.issuer_id, grant.client_id, address),
        address=address,
        owner="",
        account_verified=True,
        code="oauth.service_account_ready",
        sentence=f"The application may ask for tokens for {address}.",
    )


def _checked_address(text: object, field: str, problems: list[Problem]) -> str:
    found = read_address(text if isinstance(text, str) else "")
    if isinstance(found, Problem):
        problems.append(attrs.evolve(found, field=field))
        return ""
    return found


def _is_key(pem: Secret) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        # RS256 is what both issuers want, so no other kind of key can sign.
        return isinstance(load_pem_private_key(pem.reveal_bytes(), password=None), RSAPrivateKey)
    except (ValueError, TypeError):
        return False


def _is_certificate(pem: bytes) -> bool:
    try:
        _thumbprints(pem)
    except ValueError:
        return False
    return True


def _signed(private_key: Secret, claims: Mapping[str, Any], header: Mapping[str, str]) -> Secret:
    """Return a JSON Web Token signed with RS256."""
    from google.auth import jwt

    encode: Callable[..., bytes] = vars(jwt)["encode"]  # it comes without types
    return Secret(encode(_signer(private_key.reveal()), dict(claims), header=dict(header)))


def _signer(pem: str) -> Any:
    from google.auth import crypt

    make: Callable[[str], Any] = vars(crypt)["RSASigner"].from_string  # it comes without types
    return make(pem)


def _thumbprints(certificate: bytes) -> dict[str, str]:
    """Return what names a certificate in a header (RFC 7515 sections 4.1.7 and 4.1.8).

    https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials
    """
    import base64

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    der = x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.DER)
    sha1 = hashlib.sha1(der, usedforsecurity=False).digest()
    return {
        name: base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        for name, digest in (("x5t", sha1), ("x5t#S256", hashlib.sha256(der).digest()))
    }
