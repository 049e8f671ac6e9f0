"""What citizens attach: known by its bytes, bounded, without a place in it; else a refusal."""

import io
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.errors import Conflict, InvalidInput
from core.ids import new_id
from core.people.data_rights import erase_person, export_person
from core.security.vault import VaultError
from kinds.application import attachments, desk, file_store, service
from kinds.application.definition import Material
from kinds.application.engine import Choices
from kinds.application.files import PAGES_MOST, PIXELS_MOST, SIDE_MOST, SIZE_MOST, clean
from kinds.application.form import FormIncomplete
from kinds.application.models import Case
from tests.asgi import Client
from tests.kinds.application.papers import GPS_IFD, pdf, photograph
from tests.kinds.application.town import Town, find, key
from tests.kinds.application.wing import PERMIT, named

LEASED = replace(
    PERMIT,
    materials=(
        Material("lease", named("lease"), files_most=2),
        Material("photo", named("photo")),
        Material("diploma", named("diploma"), when=("colour", "blue")),
        Material("letter", named("letter"), required=False),
    ),
    steps=[
        replace(s, asks=s.event == "ask", fills=s.event in ("submit", "bring"))
        for s in PERMIT.steps
    ],
)


@pytest.mark.parametrize(
    ("content", "media_type", "pages"),
    [
        (photograph("JPEG"), "image/jpeg", 1),
        (photograph("PNG"), "image/png", 1),
        (pdf(3), "application/pdf", 3),
        (b"\r\n" + pdf(1), "application/pdf", 1),
    ],
)
async def test_a_file_is_known_by_its_bytes(content: bytes, media_type: str, pages: int) -> None:
    file = await clean(content)
    assert (file.media_type, file.pages) == (media_type, pages)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_a_photograph_says_no_place_and_nothing_else(kind: str) -> None:
    sent = photograph(kind)
    with Image.open(io.BytesIO(sent)) as image:
        image.load()
        assert image.getexif()
    kept = (await clean(sent + b"<script>alert(1)</script>")).content
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif() and not image.getexif().get_ifd(GPS_IFD)
        assert "comment" not in image.info
    for trace in (b"Exif", b"home", b"script"):
        assert trace not in kept


async def test_a_turned_photograph_stands_upright_and_is_no_larger_than_needed() -> None:
    kept = await clean(photograph(size=(60, 40), turned=True))
    assert Image.open(io.BytesIO(kept.content)).size == (40, 60)
    kept = await clean(photograph(size=(6000, 20)))
    assert max(Image.open(io.BytesIO(kept.content)).size) == SIDE_MOST


def _chunk(name: bytes, body: bytes) -> bytes:
    sum_ = zlib.crc32(name + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + name + body + sum_


def _bomb(side: int) -> bytes:
    """A small PNG that says it is huge."""
    head = side.to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    )


def _pdf_bomb() -> bytes:
    """A PDF whose cross-reference stream unpacks to 200 MB."""
    packed = zlib.compress(bytes(200_000_000), 9)
    head = b"%PDF-1.5\n1 0 obj\n<</Type/XRef/Size 2/W[1 2 1]/Root 2 0 R/Filter/FlateDecode/Length "
    body = head + str(len(packed)).encode() + b">>\nstream\n" + packed + b"\nendstream\nendobj\n"
    return body + b"startxref\n9\n%%EOF"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "FILE_EMPTY"),
        (b"x" * (SIZE_MOST + 1), "FILE_LARGE"),
        (b"#!/bin/sh\nrm -rf /", "FILE_TYPE"),
        (b"<html><script>alert(1)</script>", "FILE_TYPE"),
        (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "FILE_TYPE"),
        (photograph()[:200], "FILE_TYPE"),
        (b"GIF89a" + bytes(50), "FILE_TYPE"),
        (b"PK\x03\x04" + bytes(50), "FILE_TYPE"),
        (_bomb(60_000), "FILE_TYPE"),
        (_bomb(int(PIXELS_MOST**0.5) + 9), "FILE_PIXELS"),
        (pdf(1, password="secret"), "FILE_PROTECTED"),
        (pdf(1, password="")[:-200], "FILE_TYPE"),
        (b"%PDF-1.7\nnothing more", "FILE_TYPE"),
        (pdf(PAGES_MOST + 1), "FILE_PAGES"),
        (_pdf_bomb(), "FILE_TYPE"),
    ],
)
async def test_what_is_no_paper_is_refused_in_its_own_words(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput, match=code):
        await clean(content)


async def _draft(town: Town, me: Call) -> Case:
    return await town.open(me, LEASED)


async def _attach(me: Call, case: Case, material: str, content: bytes = b"") -> None:
    await attachments.attach(me, case, material, f"{material}.pdf", content or pdf(), key())


async def test_all_missing_papers_are_told_at_once_with_the_fields(town: Town, me: Call) -> None:
    case = await town.open(me, LEASED, answers={"colour": "blue"})
    with pytest.raises(FormIncomplete) as refused:
        await town.step(me, case, "submit")
    assert [problem.name for problem in refused.value.problems] == [
        "why", "lease", "photo", "diploma",
    ]  # fmt: skip
    case = await _draft(town, me)
    await _attach(me, case, "lease")
    await _attach(me, case, "photo", photograph())
    assert (await town.step(me, case, "submit")).state == "desk"


async def test_papers_are_asked_for_together_and_must_come_anew(
    town: Town, me: Call, clock: ManualClock
) -> None:
    await town.staffed("hotline", "police", "housing_fund", "health")
    case = await _draft(town, me)
    await _attach(me, case, "lease")
    await _attach(me, case, "photo")
    case = await town.act(await town.step(me, case, "submit"), "accept")
    (task, *_) = await town.tasks(case)
    officer = await town.holder(task)
    with pytest.raises(InvalidInput, match="MATERIAL_UNKNOWN"):
        await desk.act(officer, task.id, "ask", Choices("why", papers=("nothing",)), key())
    clock.move(timedelta(minutes=1))
    papers = ("lease", "letter")
    await desk.act(officer, task.id, "ask", Choices("unreadable", papers=papers), key())
    with pytest.raises(FormIncomplete) as refused:
        await town.step(me, case, "bring")
    assert [(p.name, p.text.code) for p in refused.value.problems] == [
        ("lease", "MATERIAL_ANEW"), ("letter", "MATERIAL_ANEW"),
    ]  # fmt: skip
    for paper in papers:
        await _attach(me, case, paper)
    case = await town.step(me, case, "bring")
    assert (case.state, case.papers_asked) == ("review", None)


async def test_files_are_bounded_and_only_taken_in_the_citizens_turn(town: Town, me: Call) -> None:
    case = await _draft(town, me)
    one = key()
    for _ in range(3):  # the same key is one file
        await attachments.attach(me, case, "lease", "lease.pdf", pdf(), one)
    await _attach(me, case, "lease")
    with pytest.raises(Conflict, match="FILES_MANY"):
        await _attach(me, case, "lease")
    with pytest.raises(InvalidInput, match="MATERIAL_UNKNOWN"):
        await _attach(me, case, "other")
    for name in ("", "a\nb", "x" * 121):
        with pytest.raises(InvalidInput, match="FILE_NAME"):
            await attachments.attach(me, case, "photo", name, pdf(), key())
    first, _ = await attachments.list_files(case.id)
    remove = key()
    for _ in range(2):
        await attachments.remove(me, case, first.id, remove)
    assert len(await attachments.list_files(case.id)) == 1
    await _attach(me, case, "photo")
    await town.step(me, case, "submit")
    with pytest.raises(Conflict, match="NOT_YOUR_STEP"):
        await _attach(me, case, "lease")
    with pytest.raises(Conflict, match="NOT_YOUR_STEP"):
        await attachments.remove(me, case, first.id, key())
    rows = await town.rows("SELECT file_id FROM applications_file_content")
    assert {row["file_id"] for row in rows} == {f.id for f in await attachments.list_files(case.id)}


async def test_the_bytes_are_sealed(town: Town, me: Call, app: App) -> None:
    case = await _draft(town, me)
    await _attach(me, case, "lease", pdf())
    (row,) = await attachments.list_files(case.id)
    stored = await file_store.get_content(row.id)
    assert b"PDF" not in stored
    assert (await attachments.read(me, case.id, row.id)).content == pdf()
    changed = stored[:-1] + bytes([stored[-1] ^ 1])
    with pytest.raises(VaultError):
        app.vault.decrypt_file(row.key_sealed, changed, attachments.FILE)


async def test_an_erasure_takes_the_files_of_ended_cases(town: Town, me: Call, app: App) -> None:
    case = await _draft(town, me)
    await _attach(me, case, "lease")
    (exported,) = (await export_person(app, case.citizen_id))["applications"].data["files"]
    assert exported["file_name"] == "lease.pdf"
    await town.step(me, case, "withdraw")
    async with transaction() as tx:
        await erase_person(app, tx, case.citizen_id)
    for table in ("applications_file", "applications_file_content"):
        assert await town.rows(f"SELECT * FROM {table}") == []


async def test_files_go_and_come_over_http(
    town: Town, me: Call, client: Client, call: Callable[..., Call]
) -> None:
    await town.staffed("hotline")
    case = await _draft(town, me)
    headers = client.token(me.require_viewer()) | {
        "idempotency-key": key(),
        "x-file-name": "%E7%A7%9F%E8%B5%81%E5%90%88%E5%90%8C.pdf",
    }
    path = f"/cases/{case.id}/files/lease"
    sent = [await client.request("POST", path, pdf(2), headers=headers) for _ in range(2)]
    assert [answer.status for answer in sent] == [201, 201] and sent[0].json == sent[1].json
    assert sent[0].json["pages"] == 2
    read = f"/cases/{case.id}/files/{sent[0].json['id']}"
    got = await client.request("GET", read, headers=client.token(me.require_viewer()))
    assert (got.status, got.body) == (200, pdf(2))
    assert "%E7%A7%9F" in got.headers["content-disposition"]
    assert got.headers["x-content-type-options"] == "nosniff"
    stranger = client.token(call(user_id=new_id(), level=2).require_viewer())
    officer = client.token((await town.officer("hotline")).require_viewer())
    other = headers | {"idempotency-key": key()}
    refusals = [
        (await client.request("POST", path, b"#!/bin/sh", headers=other), 422, "FILE_TYPE"),
        (await client.request("POST", path, pdf(3), headers=headers), 409, "KEY_REUSED"),
        (await client.request("POST", path, pdf(), headers=stranger), 404, "NOT_FOUND"),
        (await client.request("GET", read, headers=stranger), 403, "NOT_ALLOWED"),
        (await client.request("GET", read, headers=officer), 404, "NOT_FOUND"),
        (await client.request("GET", read), 401, "LOGIN_REQUIRED"),
        (await client.request("POST", path, pdf()), 401, "LOGIN_REQUIRED"),
        (
            await client.request("GET", f"/cases/{case.id}/files/x", headers=headers),
            404,
            "NOT_FOUND",
        ),
        (
            await client.request("POST", path, b"x" * (SIZE_MOST + 1), headers=headers),
            422,
            "FILE_LARGE",
        ),
    ]
    for answer, status, code in refusals:
        assert (answer.status, answer.json["title"]) == (status, code)
    await _attach(me, case, "photo")
    await town.step(me, case, "submit")
    assert (await client.request("GET", read, headers=officer)).status == 200
    assert await service.get_case(me, case.id) == await find(case.id)


async def test_a_photograph_of_several_pictures_is_a_jpeg() -> None:
    """Phones write one into a JPEG beside its depth or its light (CIPA DC-007, Multi-Picture)."""
    written = io.BytesIO()
    other = [Image.new("RGB", (30, 20), "blue")]
    Image.open(io.BytesIO(photograph())).save(written, "MPO", save_all=True, append_images=other)
    file = await clean(written.getvalue(), photographs_only=True)
    assert file.media_type == "image/jpeg"
    with Image.open(io.BytesIO(file.content)) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (60, 40), {})
