"""Sandbox keys are made once, whole, and only where they may be."""

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from core.errors import StartError
from core.security.document_certificate import days_good
from core.security.keys import (
    Keys,
    add_data_key,
    add_token_key,
    ensure_sandbox_keys,
    find_sandbox_keys,
    load_keys,
)
from core.security.private_files import find_open_to_others
from core.settings import Settings, production_faults


@pytest.fixture
def folder(keys_dir: Path, tmp_path: Path) -> Path:
    """A copy of the session's keys, to spoil: making some takes a third of a second."""
    return Path(shutil.copytree(keys_dir, tmp_path / "keys"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_keys_have_their_sizes_and_kinds(folder: Path) -> None:
    keys = load_keys(folder)
    assert (len(keys.pii_data[1]), len(keys.pii_index), len(keys.wechat_apiv3)) == (32, 32, 32)
    own = {keys.pii_data[1], keys.pii_index, keys.token_signing[0], keys.model_signing}
    assert len(own) == 4
    for private, public in (
        (keys.wechat_merchant_private, keys.wechat_merchant_public),
        (keys.wechat_platform_private, keys.wechat_platform_public),
        (keys.alipay_merchant_private, keys.alipay_merchant_public),
        (keys.alipay_platform_private, keys.alipay_platform_public),
    ):
        assert private is not None and public is not None
        key = serialization.load_pem_private_key(private, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        assert key.key_size == 2048
        assert key.public_key() == serialization.load_pem_public_key(public)


def test_files_are_private_and_labelled(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert "sandbox" in (folder / "SANDBOX-KEYS").read_text()
    settings = Settings(environment="production", keys_dir=folder)
    assert any("sandbox keys" in fault for fault in production_faults(settings))


def test_keys_of_the_sandbox_are_known_without_their_marker(folder: Path) -> None:
    (folder / "SANDBOX-KEYS").unlink()
    ours = {"token_signing.pem", "model_signing.pem", "pii_data.key", "pii_index.key"}
    ours.add("document_certificates.pem")
    assert set(find_sandbox_keys(folder)) == ours
    for path in (add_token_key(folder), add_data_key(folder)):
        assert path.name not in find_sandbox_keys(folder)
    (folder / "notes.txt").write_bytes(b"\xff")
    (folder / "broken.pem").write_text("no key")
    assert set(find_sandbox_keys(folder)) == ours


def test_files_that_others_may_read_are_named(folder: Path) -> None:
    assert find_open_to_others(folder) == []
    (folder / "pii_index.key").chmod(0o640)
    folder.chmod(0o755)
    assert find_open_to_others(folder) == [str(folder), str(folder / "pii_index.key")]


def test_a_second_call_changes_nothing_and_a_lost_file_is_made_anew(folder: Path) -> None:
    before = contents(folder)
    ensure_sandbox_keys(folder)
    assert contents(folder) == before
    (folder / "pii_index.key").unlink()
    ensure_sandbox_keys(folder)
    after = contents(folder)
    assert after.pop("pii_index.key") != before.pop("pii_index.key")
    assert after == before


def test_many_at_once_agree_on_one_set(tmp_path: Path) -> None:
    folder = tmp_path / "keys"

    def make(_: int) -> bytes:
        ensure_sandbox_keys(folder)
        keys = load_keys(folder)
        return keys.token_signing[0] + keys.pii_data[1] + keys.wechat_merchant_private

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(make, range(4)))) == 1
    assert not list(folder.glob(".*")), "drafts are cleaned up"


def test_a_folder_without_the_marker_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "token_signing.pem").write_text("somebody's own")
    ensure_sandbox_keys(tmp_path)
    assert contents(tmp_path) == {"token_signing.pem": b"somebody's own"}


def test_a_city_may_be_without_a_service_provider(folder: Path) -> None:
    assert load_keys(folder).wechat_sp is not None
    for path in folder.glob("wechat_sp_*"):
        path.unlink()
    assert load_keys(folder).wechat_sp is None


def test_every_missing_file_is_named(folder: Path) -> None:
    (folder / "wechat_platform_private.pem").unlink()
    for name in ("platform_private", "merchant_public"):  # the sandbox's own
        (folder / f"wechat_sp_{name}.pem").unlink()
    for path in folder.glob("alipay_*"):
        path.unlink()
    keys = load_keys(folder)
    assert keys.wechat_platform_private is keys.alipay_merchant_private is None
    assert keys.alipay_platform_public is None
    for path in sorted(folder.iterdir()):
        if path.name == "SANDBOX-KEYS":
            continue
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(StartError, match=path.name):
            load_keys(folder)
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("pii_data.key", b"00" * 31, "32 bytes, it has 31"),
        ("pii_data.key", b"not hex", "hexadecimal"),
        ("pii_data.key", b"\xff\xfe", "hexadecimal"),
        ("wechat_apiv3.key", b"short", "32 ASCII"),
        ("token_signing.pem", b"rubbish", "PEM"),
    ],
)
def test_unusable_keys_are_named(folder: Path, name: str, content: bytes, words: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(StartError, match=f"{name}.*{words}"):
        load_keys(folder)


def test_a_key_of_the_wrong_kind_is_refused(folder: Path) -> None:
    (folder / "token_signing.pem").write_bytes(
        (folder / "wechat_merchant_private.pem").read_bytes()
    )
    with pytest.raises(StartError, match="Ed25519"):
        load_keys(folder)


@pytest.mark.parametrize(
    ("signs", "is_another_s", "words"),
    [(True, True, "not that of the first"), (False, False, "not for signatures")],
)
def test_a_document_key_and_its_certificate_belong_together(
    folder: Path, signs: bool, is_another_s: bool, words: str
) -> None:
    pem = (folder / "document_signing.pem").read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    named = ec.generate_private_key(ec.SECP256R1()) if is_another_s else key
    usage = x509.KeyUsage(signs, signs, *[False, True], *[False] * 5)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A city")])
    certificate = (
        x509.CertificateBuilder(name, name, named.public_key(), 1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .add_extension(usage, critical=True)
        .sign(named, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "document_certificates.pem").write_bytes(pem)
    with pytest.raises(StartError, match=words):
        load_keys(folder)


def test_how_long_a_document_certificate_is_good(folder: Path) -> None:
    pem = load_keys(folder).document_certificates
    assert days_good(pem, datetime(2049, 12, 30, tzinfo=UTC)) == 2
    assert days_good(pem, datetime(2050, 1, 1, 12, tzinfo=UTC)) == -0.5
    assert days_good(None, datetime(2050, 1, 1, tzinfo=UTC)) == inf


def test_keys_do_not_show_themselves(folder: Path) -> None:
    keys: Keys = load_keys(folder)
    assert keys.wechat_apiv3.decode() not in repr(keys)
    assert keys.pii_data[1].hex() not in repr(keys)
