"""The certificates with which ramdisks know the executors of their region.

The region's CA is made once and kept; its fingerprint stands on every boot medium. The executors'
certificate is made from it for the host of `ramdisk_url`, and made again when that host changes or
half of its life is over.
"""

import fcntl
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFE = timedelta(days=20 * 365)
SERVER_LIFE = timedelta(days=365)
EARLIER = timedelta(days=1)
"""Certificates are valid from yesterday: clocks differ."""


@dataclass(frozen=True)
class _Signed:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class RegionCertificates:
    """The CA of one region and the certificate of its executors, in `folder` (mode 0700)."""

    def __init__(self, folder: Path, region: str, ramdisk_url: str) -> None:
        self._folder = folder
        self._region = region
        self._host = urlsplit(ramdisk_url).hostname or ""
        self._ca = self._authority()

    @property
    def ca_pem(self) -> bytes:
        """The CA's certificate."""
        return self._ca.certificate.public_bytes(Encoding.PEM)

    @property
    def ca_sha256(self) -> str:
        """The fingerprint of the CA's certificate: of its DER form, in lower-case hexadecimal."""
        return self._ca.certificate.fingerprint(hashes.SHA256()).hex()

    def server_context(self) -> ssl.SSLContext:
        """Make the TLS side of a server that ramdisks talk to, renewing its certificate if due."""
        with self._alone():
            server = _load(self._folder / "server.pem")
            if server is None or not self._still_good(server.certificate):
                server = self._sign_server()
                _save(self._folder / "server.pem", server)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._folder / "server.pem")
        return context

    def _authority(self) -> _Signed:
        with self._alone():
            found = _load(self._folder / "ca.pem")
            if found is None:
                found = self._make_authority()
                _save(self._folder / "ca.pem", found)
            return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder alone: executors of the region may start at the same moment."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_authority(self) -> _Signed:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Mulligan region {self._region}"[:64])
        builder = (
            _builder(name, name, key.public_key(), CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
        )
        return _Signed(builder.sign(key, hashes.SHA256()), key)

    def _sign_server(self) -> _Signed:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._ca.certificate
        builder = (
            _builder(_name("Mulligan executor"), issuer.subject, key.public_key(), SERVER_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(self._host)]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca.key.public_key()),
                critical=False,
            )
        )
        return _Signed(builder.sign(self._ca.key, hashes.SHA256()), key)

    def _still_good(self, certificate: x509.Certificate) -> bool:
        """Say whether a certificate is for our host, by our CA, and has half of its life left."""
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if list(names) != [_alternative(self._host)]:
            return False
        try:
            certificate.verify_directly_issued_by(self._ca.certificate)
        except Exception:  # whatever is wrong with it, a new one is right
            return False
        return datetime.now(UTC) < certificate.not_valid_after_utc - SERVER_LIFE / 2


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _load(path: Path) -> _Signed | None:
    """Read a key and its certificate from one PEM file, if it is there."""
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        return None
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} holds a key of another kind than Mulligan makes")
    return _Signed(x509.load_pem_x509_certificate(pem), key)


def _save(path: Path, signed: _Signed) -> None:
    """Write a key and its certificate whole or not at all (mode 0600)."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(signed.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.write(signed.certificate.public_bytes(Encoding.PEM))
    part.replace(path)
