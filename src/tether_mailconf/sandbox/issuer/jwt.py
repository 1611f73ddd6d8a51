"""JSON Web Tokens signed with RS256 (RFC 7515, RFC 7519): id tokens out, assertions in.

Keys are made on first use and once for the process, since making one takes a tenth of a second.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_ID = "sandbox"


@cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    """Return the private key of this name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(name: str) -> str:
    """Return that key as PEM, not encrypted."""
    return (
        key_of(name)
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


@cache
def certificate_of(name: str) -> x509.Certificate:
    """Return a certificate of that key, signed by itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"tether sandbox {name}")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key_of(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=12))
        .not_valid_after(now + dt.timedelta(hours=12))
        .sign(key_of(name), hashes.SHA256())
    )


def public_jwk(name: str) -> dict[str, str]:
    """Return the public half as a JSON Web Key (RFC 7517)."""
    numbers = key_of(name).public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KEY_ID,
        "n": encoded(numbers.n.to_bytes(256, "big")),
        "e": encoded(numbers.e.to_bytes(3, "big")),
    }


def signed(name: str, claims: Mapping[str, object]) -> str:
    """Return a token of these claims, signed with that key."""
    header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, dict(claims)))
    return f"{text}.{encoded(key_of(name).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def opened(token: str, name: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return header and claims of a token that was signed with that key; None if it was not."""
    text, _, signature = token.rpartition(".")
    try:
        key_of(name).public_key().verify(decoded(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        parts = [json.loads(decoded(part)) for part in text.split(".")]
    except (InvalidSignature, ValueError):
        return None
    if len(parts) != 2 or not all(isinstance(part, dict) for part in parts) or parts[0].get("alg") != "RS256":
        return None
    return cast("dict[str, Any]", parts[0]), cast("dict[str, Any]", parts[1])


def encoded(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return what base64url without padding stands for.

    Raises:
        ValueError: it is none.
    """
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
