"""The installation's keys: made once for the sandbox, read by everybody who signs or encrypts."""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from core.errors import StartError
from core.security.document_certificate import (
    check_pair,
    is_sandbox_certificate,
    sandbox_certificate,
)
from core.security.private_files import private_folder
from core.settings import SANDBOX_KEYS_MARKER

_NUMBER_MAX = 255
_SECRET_BYTES = 32
_MARK_BYTES = 4
_MARKER_TEXT = (
    b"The keys in this folder are for the sandbox: generated, unprotected, worth nothing.\n"
    b"A production process refuses to start with them.\n"
)


@dataclass(frozen=True, slots=True, repr=False)
class WeChatKeys:
    """The keys of one merchant at WeChat Pay; see Keys."""

    merchant_private: bytes
    platform_public: bytes
    apiv3: bytes
    platform_others: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Everything secret that a process signs, verifies or encrypts with.

    `pii_data` (AES-256-GCM, by number) and `pii_index` (HMAC) are 32 raw bytes, `wechat_apiv3` is
    32 ASCII characters, the rest PEM texts: Ed25519 for signing, RSA-2048 for WeChat Pay and
    Alipay. Token signing and data keys rotate: files `token_signing.pem`, `token_signing.2.pem`
    and so on, the highest number in use. A platform's private key is the platform's own: only the
    sandbox has it. Alipay's keys are None where Alipay is not used, and `wechat_sp`, the service
    provider's at WeChat Pay, where payees have no merchants of their own. While a platform changes
    from one key to the next, or from a certificate to a key, further ones stand beside the first:
    `wechat_platform_public.<serial>.pem`, `alipay_platform_public.2.pem`, each a public key or an
    X.509 certificate.
    """

    token_signing: Sequence[bytes]
    """The newest first."""
    model_signing: bytes
    pii_data: Mapping[int, bytes]
    pii_index: bytes
    wechat_merchant_private: bytes
    wechat_merchant_public: bytes
    wechat_platform_private: bytes | None
    wechat_platform_public: bytes
    wechat_apiv3: bytes
    wechat_platform_others: Mapping[str, bytes] = field(default_factory=dict)
    """Public keys by serial that are believed beside the first while the platform changes keys."""
    wechat_sp: WeChatKeys | None = None
    alipay_merchant_private: bytes | None = None
    alipay_merchant_public: bytes | None = None
    alipay_platform_private: bytes | None = None
    alipay_platform_public: bytes | None = None
    document_signing: bytes | None = None
    """P-256 or RSA, with its certificates, PEM, its own first; None where nothing is certified."""
    document_certificates: bytes | None = None
    alipay_platform_others: Sequence[bytes] = ()
    """Public keys that are believed beside the first."""


def ensure_sandbox_keys(folder: Path) -> None:
    """Make the sandbox keys that are missing; existing files are never touched.

    Safe to call from several processes at once: the first to finish a file wins. A folder that
    holds anything without the sandbox marker belongs to somebody else and is left alone.
    """
    marker = folder / SANDBOX_KEYS_MARKER
    # in this order: whoever makes keys here makes the marker first
    if folder.exists() and any(folder.glob("[!.]*")) and not marker.exists():
        return
    private_folder(folder)
    _create(marker, lambda: _MARKER_TEXT)
    for name in ("token_signing.pem", "model_signing.pem"):
        _create(folder / name, _sandbox_pem)
    for name in ("pii_data.key", "pii_index.key"):
        _create(folder / name, lambda: _sandbox_secret().hex().encode())
    for psp in ("wechat", "wechat_sp", "alipay"):
        for owner in ("merchant", "platform"):
            private = folder / f"{psp}_{owner}_private.pem"
            _create(private, _new_rsa_pem)
            _create(folder / f"{psp}_{owner}_public.pem", _public_pem_of(private))
    for merchant in ("wechat", "wechat_sp"):
        _create(folder / f"{merchant}_apiv3.key", lambda: secrets.token_hex(16).encode())
    document_key = folder / "document_signing.pem"
    _create(document_key, lambda: _private_pem(ec.generate_private_key(ec.SECP256R1())))
    _create(folder / "document_certificates.pem", _certificate_of(document_key))


def find_sandbox_keys(folder: Path) -> list[str]:
    """The files of a folder that hold keys made for the sandbox, whatever marker stands there."""
    return sorted(path.name for path in folder.glob("*.*") if _is_sandbox_key(path))


def _is_sandbox_key(path: Path) -> bool:
    try:
        text = path.read_bytes()
        if b"BEGIN CERTIFICATE" in text:
            return is_sandbox_certificate(text)
        if path.suffix == ".pem":
            key = private_key(text)
            if not isinstance(key, ed25519.Ed25519PrivateKey):
                return False
            secret = key.private_bytes_raw()
        else:
            secret = bytes.fromhex(text.decode("ascii").strip())
    except (OSError, ValueError, TypeError):
        return False
    return len(secret) == _SECRET_BYTES and secret == _with_mark(secret[:-_MARK_BYTES])


def _sandbox_secret() -> bytes:
    """32 random bytes of which the last four tell that they are the sandbox's."""
    return _with_mark(secrets.token_bytes(_SECRET_BYTES - _MARK_BYTES))


def _with_mark(random: bytes) -> bytes:
    return random + hashlib.sha256(b"quancheng sandbox" + random).digest()[:_MARK_BYTES]


def load_keys(folder: Path) -> Keys:
    """Read and check every key. Raises StartError that names the missing or unusable file."""
    return Keys(
        token_signing=load_token_keys(folder),
        model_signing=_pem(folder / "model_signing.pem", ed25519.Ed25519PrivateKey),
        pii_data=load_data_keys(folder),
        pii_index=_hex_32(folder / "pii_index.key"),
        wechat_merchant_private=_pem(folder / "wechat_merchant_private.pem", rsa.RSAPrivateKey),
        wechat_merchant_public=_pem(folder / "wechat_merchant_public.pem", rsa.RSAPublicKey),
        wechat_platform_private=_optional_pem(
            folder / "wechat_platform_private.pem", rsa.RSAPrivateKey
        ),
        wechat_platform_public=_pem(folder / "wechat_platform_public.pem", rsa.RSAPublicKey),
        wechat_apiv3=_ascii_32(folder / "wechat_apiv3.key"),
        wechat_platform_others=_others(folder, "wechat_platform_public"),
        wechat_sp=_service_provider(folder),
        alipay_platform_others=list(_others(folder, "alipay_platform_public").values()),
        alipay_merchant_private=_optional_pem(
            folder / "alipay_merchant_private.pem", rsa.RSAPrivateKey
        ),
        alipay_merchant_public=_optional_pem(
            folder / "alipay_merchant_public.pem", rsa.RSAPublicKey
        ),
        alipay_platform_private=_optional_pem(
            folder / "alipay_platform_private.pem", rsa.RSAPrivateKey
        ),
        alipay_platform_public=_optional_pem(
            folder / "alipay_platform_public.pem", rsa.RSAPublicKey
        ),
        **_document_keys(folder),
    )


def _service_provider(folder: Path) -> WeChatKeys | None:
    """The service provider's keys at WeChat Pay, where there are any: then all of them."""
    names = ("merchant_private.pem", "platform_public.pem", "apiv3.key")
    private, platform, apiv3 = (folder / f"wechat_sp_{name}" for name in names)
    if not any(path.exists() for path in (private, platform, apiv3)):
        return None
    return WeChatKeys(
        merchant_private=_pem(private, rsa.RSAPrivateKey),
        platform_public=_pem(platform, rsa.RSAPublicKey),
        apiv3=_ascii_32(apiv3),
        platform_others=_others(folder, "wechat_sp_platform_public"),
    )


def _document_keys(folder: Path) -> dict[str, bytes]:
    """The key and certificates of documents, where there are any; they must belong together."""
    key, certificates = folder / "document_signing.pem", folder / "document_certificates.pem"
    if not key.exists() and not certificates.exists():
        return {}
    pem, chain = _read(key), _read(certificates)
    try:
        check_pair(private_key(pem), chain)
    except (ValueError, TypeError) as error:
        raise StartError(f"key {key} with {certificates} cannot be used: {error}") from error
    return {"document_signing": pem, "document_certificates": chain}


def load_token_keys(folder: Path) -> Sequence[bytes]:
    """The token signing keys, the newest first. Raises StartError."""
    files = _series(folder, "token_signing", ".pem")
    return [_pem(files[n], ed25519.Ed25519PrivateKey) for n in sorted(files, reverse=True)]


def load_data_keys(folder: Path) -> Mapping[int, bytes]:
    """The personal-data keys by number. Raises StartError."""
    return {n: _hex_32(path) for n, path in _series(folder, "pii_data", ".key").items()}


def add_token_key(folder: Path) -> Path:
    """Make the next token signing key; returns its file."""
    return _add(folder, "token_signing", ".pem", _private_pem(ed25519.Ed25519PrivateKey.generate()))


def add_data_key(folder: Path) -> Path:
    """Make the next personal-data key; returns its file. Raises StartError after number 255."""
    return _add(folder, "pii_data", ".key", secrets.token_hex(32).encode())


def _add(folder: Path, name: str, suffix: str, key: bytes) -> Path:
    number = max(_series(folder, name, suffix)) + 1
    if number > _NUMBER_MAX:
        raise StartError(f"{name} has {_NUMBER_MAX} keys: retire old ones first")
    path = folder / f"{name}.{number}{suffix}"
    _create(path, lambda: key)
    return path


def _series(folder: Path, name: str, suffix: str) -> dict[int, Path]:
    """The files of a rotating key by number; at least one, else the first is named as missing."""
    first = folder / f"{name}{suffix}"
    found = {1: first} if first.exists() else {}
    for path in folder.glob(f"{name}.*{suffix}"):
        number = path.name.removeprefix(f"{name}.").removesuffix(suffix)
        if not number.isdecimal() or not 1 < int(number) <= _NUMBER_MAX:
            raise StartError(f"key {path} must be numbered 2 to {_NUMBER_MAX}")
        found[int(number)] = path
    return found or {1: first}


def _create(path: Path, make: Callable[[], bytes]) -> None:
    """Write a file whole or not at all, and only if nobody has written it before."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first; its key stands
    finally:
        draft.unlink()


def _certificate_of(private: Path) -> Callable[[], bytes]:
    def make() -> bytes:
        key = private_key(private.read_bytes())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return sandbox_certificate(key)

    return make


def _private_pem(
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _sandbox_pem() -> bytes:
    return _private_pem(ed25519.Ed25519PrivateKey.from_private_bytes(_sandbox_secret()))


def _new_rsa_pem() -> bytes:
    return _private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _public_pem_of(private: Path) -> Callable[[], bytes]:
    def make() -> bytes:
        key = private_key(private.read_bytes())
        return key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    return make


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"key {path} cannot be read: {error.strerror}") from error


def _others(folder: Path, name: str) -> dict[str, bytes]:
    """The further public keys of a platform, by what stands between name and ending."""
    return {
        path.name.removeprefix(f"{name}.").removesuffix(".pem"): _pem(path, rsa.RSAPublicKey)
        for path in sorted(folder.glob(f"{name}.*.pem"))
    }


def _optional_pem(path: Path, kind: type) -> bytes | None:
    return _pem(path, kind) if path.exists() else None


@lru_cache(maxsize=64)
def private_key(pem: bytes) -> PrivateKeyTypes:
    """The key of an unencrypted PEM text; parsed once: an RSA key's primes are tested each time.

    Raises ValueError or TypeError where it is none.
    """
    return serialization.load_pem_private_key(pem, password=None)


def _pem(path: Path, kind: type) -> bytes:
    text = _read(path)
    try:
        if kind is rsa.RSAPublicKey and b"BEGIN CERTIFICATE" in text:
            text = _key_of(x509.load_pem_x509_certificate(text))
        key: object = (
            serialization.load_pem_public_key(text)
            if kind is rsa.RSAPublicKey
            else private_key(text)
        )
    except (ValueError, TypeError) as error:
        raise StartError(f"key {path} is not an unencrypted PEM key") from error
    if not isinstance(key, kind):
        raise StartError(f"key {path} must be a {kind.__name__}")
    return text


def _key_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _hex_32(path: Path) -> bytes:
    try:
        key = bytes.fromhex(_read(path).decode("ascii").strip())
    except ValueError as error:
        raise StartError(f"key {path} must be hexadecimal") from error
    if len(key) != 32:
        raise StartError(f"key {path} must be 32 bytes, it has {len(key)}")
    return key


def _ascii_32(path: Path) -> bytes:
    key = _read(path).strip()
    if len(key) != 32 or not key.isascii():
        raise StartError(f"key {path} must be 32 ASCII characters")
    return key
