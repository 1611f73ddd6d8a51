"""Certificates that should not be believed, as data, and the authority that signs them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
from collections.abc import Mapping
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.servers.authority import common_name, usage

_DAY = dt.timedelta(days=1)


@attrs.frozen(kw_only=True)
class Shown:
    """A certificate that a server shows.

    Args:
        names: its subject alternative names; one that begins with "ip:" is an address.
        common_name: its subject.
        begins: days from now.
        ends: days from now.
        usage: what it is for (RFC 5280 section 4.2.1.12); empty for no such extension.
        is_authority: whether it may sign others.
        signed_by: "authority", the one that is trusted; "stranger"; "itself"; or "server", an ordinary certificate of
            the trusted authority.
    """

    names: tuple[str, ...] = ()
    common_name: str = "mail.acme.test"
    begins: int = -2
    ends: int = 60
    usage: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    is_authority: bool = False
    signed_by: str = "authority"


HOST = "mail.acme.test"
GOOD: Mapping[str, Shown] = {
    "its name": Shown(names=(HOST,)),
    "its name in capitals": Shown(names=("MAIL.ACME.TEST",)),
    "its name among others": Shown(names=("other.test", "*.other.test", HOST), common_name="other.test"),
    "a wildcard": Shown(names=("*.acme.test",), common_name="x"),
    "no usage": Shown(names=(HOST,), usage=()),
}
BAD: Mapping[str, Shown] = {
    "signed by itself": Shown(names=(HOST,), signed_by="itself"),
    "signed by a stranger": Shown(names=(HOST,), signed_by="stranger"),
    "signed by a server": Shown(names=(HOST,), signed_by="server"),
    "of another host": Shown(names=("mail.attacker.test",)),
    "of another host, with our name in its subject": Shown(names=("mail.attacker.test",), common_name=HOST),
    "of the domain": Shown(names=("acme.test",)),
    "of a host below": Shown(names=("x.mail.acme.test",)),
    "expired": Shown(names=(HOST,), begins=-9, ends=-1),
    "not yet valid": Shown(names=(HOST,), begins=1),
    "for clients only": Shown(names=(HOST,), usage=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
    "for signing code": Shown(names=(HOST,), usage=(ExtendedKeyUsageOID.CODE_SIGNING,)),
    "with a common name only": Shown(),
    "with an address for a name": Shown(names=("ip:127.0.0.1",), common_name=HOST),
    "with our name and more behind a NUL": Shown(names=(f"{HOST}\0.attacker.test",)),
    "with our name and more": Shown(names=(f"{HOST}.attacker.test",)),
    "wildcard of everything": Shown(names=("*",)),
    "wildcard of a top-level domain's hosts": Shown(names=("*.test",)),
    "wildcard of two labels": Shown(names=("*.*.test",)),
    "wildcard in the middle": Shown(names=("mail.*.test",)),
    "wildcard at the end": Shown(names=("mail.acme.*",)),
    "wildcard of hosts below": Shown(names=("*.mail.acme.test",)),
    "wildcard in part of a label": Shown(names=("m*.acme.test",)),
    "wildcard at the end of a label": Shown(names=("*l.acme.test",)),
    "wildcard twice in a label": Shown(names=("**.acme.test",)),
    "wildcard in an international label": Shown(names=("xn--*.acme.test",)),
    "wildcard in the common name": Shown(common_name="*.acme.test"),
}
ADDRESS: Mapping[str, Shown] = {
    "address as a name": Shown(names=("127.0.0.1",)),
    "address as a common name": Shown(common_name="127.0.0.1"),
    "wildcard over the address": Shown(names=("*.0.0.1",)),
    "another address": Shown(names=("ip:127.0.0.2",)),
    "a name": Shown(names=(HOST,)),
}
"""Shown to a client that knows the server by its address."""


class Signer:
    """Makes certificates, and the file of the authority to trust.

    Args:
        folder: where to write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._issuers = {name: self._issuer(name) for name in ("authority", "stranger")}
        key = ec.generate_private_key(ec.SECP256R1())
        signer = self._issuers["authority"][1]
        self._issuers["server"] = (self._certificate(Shown(names=("other.test",)), key, signer), key)
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(_pem(self._issuers["authority"][0]))

    def chain(self, shown: Shown) -> Path:
        """Write a certificate with its key, and whatever stands between it and the authority; return the file."""
        key = ec.generate_private_key(ec.SECP256R1())
        signer = key if shown.signed_by == "itself" else self._issuers[shown.signed_by][1]
        chain = _pem(self._certificate(shown, key, signer))
        if shown.signed_by == "server":
            chain += _pem(self._issuers["server"][0])
        path = self._folder / f"server-{next(self._numbers)}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + chain
        )
        return path

    def _issuer(self, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        shown = Shown(common_name=name, usage=(), is_authority=True, signed_by="itself")
        return self._certificate(shown, key, key), key

    def _certificate(
        self, shown: Shown, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        known = getattr(self, "_issuers", {})
        issuer = known[shown.signed_by][0].subject if shown.signed_by in known else common_name(shown.common_name)
        builder = (
            x509.CertificateBuilder()
            .subject_name(common_name(shown.common_name))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + shown.begins * _DAY)
            .not_valid_after(now + shown.ends * _DAY)
            .add_extension(x509.BasicConstraints(ca=shown.is_authority, path_length=None), critical=True)
            # What Python 3.13 asks of every certificate besides (VERIFY_X509_STRICT), so that none is refused for that.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(usage(signs_certificates=shown.is_authority), critical=True)
        )
        if shown.names:
            names = [_alternative(name) for name in shown.names]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if shown.usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(shown.usage), critical=False)
        return builder.sign(signer, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    if name.startswith("ip:"):
        return x509.IPAddress(ipaddress.ip_address(name.removeprefix("ip:")))
    return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
