"""Sealed sheets: whoever reads one finds any change, sees every character, and gets the same file.

The judge of signatures is OpenSSL's own `cms -verify -cades` over what the /ByteRange names (ISO
32000-2, 12.8; ETSI EN 319 142-1): it shares no code with the library that signs.
"""

import hashlib
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pypdf import PdfReader

from core.security.keys import Keys, load_keys
from core.standards.sheet import SEAL_BOX, Line, Sheet, render
from core.standards.signed_sheet import render_document, render_signed
from core.texts import Named

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
SEALED = "本文件已加盖电子签章"
PAGE = Sheet(
    title=Named("缴费凭证", "Receipt"),
    number="20260001",
    city=Named("示范市", "Sample City"),
    issuer=Named("示范网", "Sample app"),
    lines=[Line("付款人", "Payer", "欧阳示范")],
    note=Named("说明", "A note"),
)


@pytest.fixture(scope="module")
def sandbox(keys_dir: Path) -> Keys:
    return load_keys(keys_dir)


@pytest.fixture(scope="module")
def licensed(sandbox: Keys) -> Keys:
    """A city's RSA key with a certificate of an authority, as an operator brings it."""
    root, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    ca = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
    city = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "示范市人民政府"),
            x509.NameAttribute(NameOID.COMMON_NAME, "seal 1"),
        ]
    )

    def issue(name: x509.Name, public: rsa.RSAPublicKey, is_ca: bool) -> x509.Certificate:
        basic = x509.BasicConstraints(ca=is_ca, path_length=None)
        return (
            x509.CertificateBuilder(ca, name, public, x509.random_serial_number())
            .not_valid_before(AT - timedelta(days=1))
            .not_valid_after(AT + timedelta(days=365))
            .add_extension(basic, critical=True)
            .sign(root, hashes.SHA256())
        )

    chain = [issue(city, key.public_key(), False), issue(ca, root.public_key(), True)]
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificates = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    return replace(sandbox, document_signing=pem, document_certificates=certificates)


async def _signed(keys: Keys, *pages: Sheet, at: datetime = AT) -> bytes:
    pdf = await render_signed(keys, *pages or (PAGE,), at=at)
    assert pdf is not None
    return pdf


def _openssl(pdf: bytes, certificates: bytes, folder: Path) -> bool:
    """Whether OpenSSL takes the signature, which must cover all but itself."""
    found = re.search(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)\]", pdf)
    assert found is not None
    start, length, again, rest = map(int, found.groups())
    assert (start, again + rest) == (0, len(pdf))
    hole = pdf[length:again]
    assert (hole[:1], hole[-1:]) == (b"<", b">")
    roots = x509.load_pem_x509_certificates(certificates)
    (folder / "root.pem").write_bytes(roots[-1].public_bytes(serialization.Encoding.PEM))
    (folder / "signature").write_bytes(bytes.fromhex(hole[1:-1].decode()))
    (folder / "content").write_bytes(pdf[:length] + pdf[again:])
    moment = str(int((AT + timedelta(days=1)).timestamp()))
    command = (
        "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "signature",
        "-content", "content", "-CAfile", "root.pem", "-attime", moment, "-out", "out",
    )  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert b"CAdES Verification successful" in done.stderr or done.returncode, done.stderr
    return done.returncode == 0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
@pytest.mark.parametrize("whose", ["sandbox", "licensed"])
async def test_a_foreign_verifier_takes_it_and_finds_every_change(
    whose: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    keys = request.getfixturevalue(whose)
    pdf, certificates = await _signed(keys), keys.document_certificates
    assert _openssl(pdf, certificates, tmp_path)
    for place in (10, len(pdf) // 3, pdf.index(b"/Reason") + 2, len(pdf) - 10):
        changed = bytearray(pdf)
        changed[place] ^= 1
        assert not _openssl(bytes(changed), certificates, tmp_path), place


@pytest.mark.parametrize("whose", ["sandbox", "licensed"])
async def test_the_same_pages_at_the_same_time_are_the_same_file(
    whose: str, request: pytest.FixtureRequest
) -> None:
    keys = request.getfixturevalue(whose)
    first = await _signed(keys)
    assert await _signed(keys) == first
    assert await _signed(keys, at=AT + timedelta(seconds=1)) != first
    assert await _signed(keys, replace(PAGE, number="20260002")) != first


def _signature_of(pdf: bytes) -> tuple[int, Any]:
    """The number of the page on which the signature's field is, and the field."""
    found = [
        (number, note.get_object())
        for number, page in enumerate(PdfReader(BytesIO(pdf)).pages)
        for note in page.get("/Annots", [])
    ]
    ((number, field),) = found
    assert field["/FT"] == "/Sig"
    return number, field


async def test_it_says_when_by_the_given_clock_and_never_before_its_certificate(
    licensed: Keys,
) -> None:
    for at, said in ((AT, "20261123040000"), (AT - timedelta(days=9), "20261122040000")):
        _, field = _signature_of(await _signed(licensed, at=at))
        assert field["/V"]["/M"].startswith(f"D:{said}"), at
        assert field["/V"]["/SubFilter"] == "/ETSI.CAdES.detached"


async def test_the_last_page_bears_the_seal_in_the_signature_s_field(licensed: Keys) -> None:
    pdf = await _signed(licensed, PAGE, PAGE)
    number, field = _signature_of(pdf)
    assert number == 1 and tuple(field["/Rect"]) == SEAL_BOX
    first, last = (page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    assert SEALED in first and SEALED in last
    assert "电子签章" in last.replace(SEALED, "") and "电子签章" not in first.replace(SEALED, "")
    assert set("示范市人民政府") <= set(last) and not set("人民政府") <= set(first)


async def test_without_a_key_nothing_is_certified_and_what_is_owed_bears_no_seal(
    sandbox: Keys,
) -> None:
    without = replace(sandbox, document_signing=None, document_certificates=None)
    assert await render_signed(without, PAGE, at=AT) is None
    pdf = await render_document(without, PAGE, at=AT)
    assert pdf == render(PAGE) and "签章" not in PdfReader(BytesIO(pdf)).pages[0].extract_text()


def _fonts(pdf: bytes) -> list[Any]:
    pages = PdfReader(BytesIO(pdf)).pages
    return [font.get_object() for page in pages for font in page["/Resources"]["/Font"].values()]


def test_every_font_stands_in_the_file() -> None:
    fonts = _fonts(render(PAGE, seal="示范市"))
    assert fonts
    for font in fonts:
        assert "+WenQuanYiMicroHei" in font["/BaseFont"]
        assert len(font["/FontDescriptor"]["/FontFile2"].get_data()) > 1_000


def test_the_font_is_the_one_of_debian() -> None:
    """SHA-256 of wqy-microhei.ttc in Debian's fonts-wqy-microhei 0.2.0-beta-3.1."""
    font = (files("paperang_p2_fonts_cjk") / "fonts/wqy-microhei.ttc").read_bytes()
    digest = "2420e8078af796b19a3f6ef13de527a1a91c1e7171eea115926c614ced1009b3"
    assert hashlib.sha256(font).hexdigest() == digest


def test_a_rare_character_of_a_name_is_left_to_the_reader_s_own_font() -> None:
    rare = replace(PAGE, lines=[Line("付款人", "Payer", "刘䶮示范")])
    pdf = render(rare)
    embedded, others = [], []
    for font in _fonts(pdf):
        (embedded if "/FontDescriptor" in font else others).append(font)
    assert embedded and [font["/BaseFont"] for font in others] == ["/STSong-Light"]
    (descendant,) = others[0]["/DescendantFonts"]
    info = descendant.get_object()["/CIDSystemInfo"]
    assert (info["/Registry"], info["/Ordering"]) == ("Adobe", "GB1")
    text = PdfReader(BytesIO(pdf)).pages[0].extract_text()
    for char in "刘䶮示范":
        assert char in text, char


def test_many_at_once_are_drawn_alike() -> None:
    sheets = [replace(PAGE, number=f"{n:08d}", note=Named("水电气热" * n, "")) for n in range(8)]
    alone = [render(sheet) for sheet in sheets]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, sheets * 4)) == alone * 4
