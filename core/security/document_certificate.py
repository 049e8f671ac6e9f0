"""The certificate that sealed documents are signed under: whose it is, and what it is good for."""

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID

_SANDBOX_SEAL = "沙箱城市样章无效"
_SANDBOX_NAME = "Sandbox city, worth nothing"


@lru_cache(maxsize=8)
def own_certificate(pem: bytes) -> x509.Certificate:
    """The signer's own, the first of a chain. Raises ValueError where there is none."""
    return x509.load_pem_x509_certificates(pem)[0]


def name_of(pem: bytes) -> str:
    """Whom a certificate names: the organisation, else the common name. A seal bears it."""
    subject = own_certificate(pem).subject
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for name in subject.get_attributes_for_oid(oid):
            return str(name.value)
    return subject.rfc4514_string()


def days_good(pem: bytes | None, now: datetime) -> float:
    """For how many days more a certificate is good, below zero since when it is over; infinity
    where there is none."""
    if pem is None:
        return math.inf
    return (own_certificate(pem).not_valid_after_utc - now) / timedelta(days=1)


def check_pair(key: PrivateKeyTypes, pem: bytes) -> None:
    """Raise ValueError, saying why, unless readers take a key's signatures under a certificate."""
    own = own_certificate(pem)
    usable = isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    if not usable or key.public_key() != own.public_key():
        raise ValueError("the key is not that of the first certificate")
    try:
        usage = own.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (usage.digital_signature or usage.content_commitment):  # RFC 5280, 4.2.1.3
        raise ValueError("the first certificate is not for signatures")


def sandbox_certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate that says of itself that it is the sandbox's, good for decades."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _SANDBOX_SEAL),
            x509.NameAttribute(NameOID.COMMON_NAME, _SANDBOX_NAME),
        ]
    )
    usage = x509.KeyUsage(True, True, *[False] * 7)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2050, 1, 1, tzinfo=UTC))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def is_sandbox_certificate(pem: bytes) -> bool:
    """Whether it is one of these; whose key belongs to it is then the sandbox's too."""
    names = own_certificate(pem).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return any(name.value == _SANDBOX_NAME for name in names)
