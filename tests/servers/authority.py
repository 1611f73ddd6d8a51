"""One certificate authority for a whole test run, and the one server certificate that every real server shows.

It is made anew each time with `cryptography`, in a folder that goes with the run. Clients are given the authority's
file, as a host application would give its own; nothing is installed on the machine. It knows no server.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .process import LOOPBACK

HALF_A_DAY = dt.timedelta(hours=12)
OWN_NAMES = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address(LOOPBACK)))
"""What the servers of a run are called, and where they listen."""


@attrs.frozen(kw_only=True)
class Authority:
    """Where the files are, all PEM.

    Args:
        ca_file: the authority's certificate, for clients.
        certificate_file: the server's certificate, for the address that the servers listen at.
        key_file: the server's private key.
    """

    ca_file: Path
    certificate_file: Path
    key_file: Path


def make_authority(
    folder: Path, names: Sequence[x509.GeneralName] = OWN_NAMES, *, age: dt.timedelta = dt.timedelta()
) -> Authority:
    """Write an authority, valid now, and a server certificate.

    Args:
        folder: where to.
        names: what the server certificate is for.
        age: how long ago it was made. It is valid for half a day before and after that.
    """
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = dt.datetime.now(dt.UTC)
    ca = certificate_of_authority(ca_key, now)
    server = certificate_of_server(server_key, ca, ca_key, names, now - age)
    made = Authority(ca_file=folder / "ca.pem", certificate_file=folder / "server.pem", key_file=folder / "server.key")
    made.ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    made.certificate_file.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.key_file.touch(mode=0o600)
    made.key_file.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made


def certificate_of_authority(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    """Return a self-signed certificate that may sign others, with all that Python 3.13's strict checks ask for."""
    name = common_name("authority of one test run")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        unsigned(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def certificate_of_server(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: Sequence[x509.GeneralName],
    now: dt.datetime,
) -> x509.Certificate:
    """Return a server's certificate, signed by the authority."""
    return (
        unsigned(common_name("a server of one test run"), ca.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .add_extension(usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.CertificateBuilder:
    """Return what both certificates have in common."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - HALF_A_DAY)
        .not_valid_after(now + HALF_A_DAY)
    )


def common_name(text: str) -> x509.Name:
    """Return a name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return what a key may be used for (RFC 5280 section 4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
