"""What is not taken, each in its own words; nothing is stored then."""

import asyncio
import io
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from tusclient.client import TusClient

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.standards.coordinates import GeoPoint
from modules.community.reports import photo_store, service
from modules.community.reports.photos import PHOTO
from modules.community.reports.service import Draft
from tests.modules.community.reports.people import HERE, Street, picture
from tests.served import served

DRAFT = Draft("garbage", GeoPoint(**HERE), {"description": "垃圾堆了三天"})
DESCRIBED = [{"name": "description", "value": "垃圾堆了三天"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"at": {"lat": 0.0, "lon": 0.0}}, "OUTSIDE_CITY"),
        ({"at": {"lat": 39.9, "lon": 116.4}}, "OUTSIDE_CITY"),
        ({"at": {"lat": 117.0, "lon": 36.67}}, "POINTS_SWAPPED"),
        ({"at": {"lat": 361.0, "lon": 36.67}}, "POINT_INVALID"),
        ({"category": "shared-bicycle"}, "CATEGORY_WITHDRAWN"),
        ({"category": "volcano"}, "CATEGORY_UNKNOWN"),
        ({"category": "garbage", "answers": []}, "NOTHING_SHOWN"),
        ({"answers": DESCRIBED}, "FORM_INCOMPLETE"),
        ({"answers": [*DESCRIBED, {"name": "fault", "value": "stolen"}]}, "FORM_INCOMPLETE"),
        ({"answers": [*DESCRIBED, {"name": "tip", "value": "x"}]}, "FORM_INCOMPLETE"),
        ({"photoIds": ["00000000-0000-7000-8000-000000000001"]}, "PHOTO_UNKNOWN"),
        ({"photoIds": ["nothing"]}, "NOT_FOUND"),
        ({"photoIds": [f"00000000-0000-7000-8000-00000000000{n}" for n in range(7)]},
         "PHOTOS_MANY"),
    ],
)  # fmt: skip
async def test_a_wrong_report_is_refused_and_nothing_is_stored(
    street: Street, changes: Any, code: str
) -> None:
    answer = await street.file(await street.citizen(), **changes)
    assert answer["code"] == code
    for table in ("community_report", "applications_case", "pgqueuer"):
        assert await street.rows(f"SELECT * FROM {table}") == []


async def test_nobody_uses_the_photographs_of_others_or_twice(street: Street) -> None:
    me, other = await street.citizen(), await street.citizen()
    mine = await street.photo(me)
    assert (await street.file(other, photoIds=[mine]))["code"] == "PHOTO_UNKNOWN"
    report = await street.filed(me, photoIds=[mine])
    again = await street.file(me, photoIds=[mine], seen=[report["id"]])
    assert again["code"] == "PHOTO_UNKNOWN"
    for viewer, status in ((me, 200), (other, 404), (None, 404)):
        answer = await street.request("GET", f"/reports/photos/{mine}", b"", viewer)
        assert answer.status == status


def _bomb() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
        )

    head = (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40), "FILE_HEIC"),
        (b"GPS 36.67 117.00 the manhole is gone", "FILE_TYPE"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "FILE_TYPE"),
        (b"%PDF-1.7 no photograph", "FILE_TYPE"),
        (_bomb(), "FILE_TYPE"),
        (picture()[:300], "FILE_TYPE"),
    ],
)
async def test_what_is_no_photograph_is_refused_and_gone(
    street: Street, content: bytes, code: str
) -> None:
    answer = await street.upload(await street.citizen(), content)
    assert (answer.status, answer.json["title"]) == (422, code)
    for table in ("community_report_photo", "community_report_photo_part"):
        assert await street.rows(f"SELECT * FROM {table}") == []


async def test_a_photograph_of_thirty_megabytes_is_refused_before_a_byte_is_kept(
    street: Street,
) -> None:
    me = await street.citizen()
    answer = await street.request("POST", "/reports/photos", b"", me, upload_length="30000000")
    assert (answer.status, answer.json["title"]) == (413, "FILE_LARGE")
    for length in ("", "0", "-1", "x"):
        answer = await street.request("POST", "/reports/photos", b"", me, upload_length=length)
        assert (answer.status, answer.json["title"]) == (422, "UPLOAD_LENGTH")
    assert await street.rows("SELECT * FROM community_report_photo") == []


async def test_five_hundred_reports_of_one_phone_end_early(
    street: Street, clock: ManualClock
) -> None:
    me = await street.citizen()
    codes = []
    for n in range(35):
        at = {"lat": 36.66 + n * 0.002, "lon": 117.0}
        codes.append((await street.file(me, at=at)).get("code"))
    assert codes[:20] == [None] * 20
    assert set(codes[20:30]) == {"TOO_MANY_OPEN"} and set(codes[30:]) == {"REPORTS_TODAY"}
    assert len(await street.rows("SELECT * FROM community_report")) == 20


async def test_the_same_report_and_the_same_words_sent_again_are_counted_once(
    street: Street, call: Callable[..., Call]
) -> None:
    me = call(user_id=(await street.citizen()).user_id, level=1)
    for _ in range(31):
        report = await service.file_report(me, DRAFT, "file-key-000")
    for _ in range(21):
        await service.add_update(me, report.id, "再说一句", [], "word-key-000")
    await service.add_update(me, report.id, "又一句", [], "word-key-001")


async def test_of_an_upload_that_is_not_theirs_nothing_is_read(street: Street) -> None:
    me, other = await street.citizen(), await street.citizen()
    begun = await street.request("POST", "/reports/photos", b"", me, upload_length="9")
    piece = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body is asked for")

    async def send(message: Any) -> None:
        sent.append(message)

    for token in ({}, street.client.token(other)):
        scope = street.client.scope("PATCH", begun.headers["location"], piece | token)
        await street.client.asgi(scope, receive, send)
    assert [one["status"] for one in sent if "status" in one] == [401, 404]


async def test_an_upload_goes_on_where_it_was_cut_off(street: Street) -> None:
    me, other = await street.citizen(), await street.citizen()
    content = picture(size=(900, 800))
    begun = await street.request(
        "POST", "/reports/photos", b"", me, upload_length=str(len(content))
    )
    path, half = begun.headers["location"], len(content) // 2
    piece = {"content_type": "application/offset+octet-stream", "tus_resumable": "1.0.0"}
    first = await street.request("PATCH", path, content[:half], me, upload_offset="0", **piece)
    assert (first.status, first.headers["upload-offset"]) == (204, str(half))
    for offset in ("0", str(half + 1), "", "x"):
        wrong = await street.request("PATCH", path, content, me, upload_offset=offset, **piece)
        assert (wrong.status, wrong.json["title"]) == (409, "UPLOAD_OFFSET")
    assert (await street.file(me, photoIds=[path[-36:]]))["code"] == "PHOTO_UNKNOWN"
    asked = await street.request("HEAD", path, b"", me)
    assert (asked.headers["upload-offset"], asked.headers["upload-length"]) == (
        str(half), str(len(content)),
    )  # fmt: skip
    assert (await street.request("HEAD", path, b"", other)).status == 404
    text = await street.request("PATCH", path, b"x", me, upload_offset="0", content_type="text")
    assert text.status == 415
    last = await street.request("PATCH", path, content[half:], me, upload_offset=str(half), **piece)
    assert last.status == 204
    report = await street.filed(me, photoIds=[path[-36:]])
    assert len(report["photos"]) == 1
    worker = await street.worker()
    original = await street.request("GET", f"{path}/original", b"", worker)
    assert original.body == content
    shown = await street.request("GET", path, b"", worker)
    with Image.open(io.BytesIO(shown.body)) as image:
        assert not image.getexif() and image.size == (900, 800)
    assert b"Exif" in content and b"Exif" not in shown.body
    sealed = await street.rows("SELECT content FROM community_report_photo_part")
    assert all(b"JFIF" not in bytes(row["content"]) for row in sealed)
    released = await street.send(
        worker, "ReleaseReportPhotos", id=report["id"], photoIds=[path[-36:]]
    )
    assert released["report"]["photos"][0]["isPublic"]
    assert (await street.request("GET", path, b"", None)).status == 200


async def test_updates_of_a_report_are_bounded_and_only_of_its_citizen(street: Street) -> None:
    me = await street.citizen()
    report = await street.filed(me)
    for viewer, text, code in (
        (await street.citizen(), "hello", "NOT_FOUND"),
        (me, "  ", "NOTE_REQUIRED"),
        (me, "x" * 1001, "NOTE_LONG"),
    ):
        answer = await street.send(viewer, "UpdateReport", id=report["id"], text=text)
        assert answer["code"] == code
    await street.send(me, "StepReport", caseId=report["caseId"], event="withdraw")
    answer = await street.send(me, "UpdateReport", id=report["id"], text="still there")
    assert answer["code"] == "CASE_ENDED"
    follow = await street.send(await street.citizen(), "FollowReport", id=report["id"])
    assert follow["code"] == "NOT_FOUND"
    near = await street.send(None, "ReportsNear", at=HERE)
    assert near == []


async def test_the_client_tuspy_uploads_unmodified_and_goes_on_after_a_cut(
    street: Street,
) -> None:
    me = await street.citizen()
    content = picture(size=(900, 800))
    async with served(street.client.asgi) as url:
        client = TusClient(f"{url}/reports/photos", headers=street.client.token(me))

        def upload() -> str:
            uploader = client.uploader(file_stream=io.BytesIO(content), chunk_size=5_000)
            uploader.upload_chunk()
            goes_on = client.uploader(
                file_stream=io.BytesIO(content), chunk_size=5_000, url=uploader.url
            )
            assert goes_on.offset == 5_000
            goes_on.upload()
            return str(goes_on.url)

        photo = (await asyncio.to_thread(upload)).rpartition("/")[2]
    report = await street.filed(me, photoIds=[photo])
    assert [one["id"] for one in report["photos"]] == [photo]


async def test_an_upload_whose_server_died_at_its_last_byte_is_finished_when_asked_for(
    street: Street, app: App
) -> None:
    me, content = await street.citizen(), picture()
    length = str(len(content))
    begun = await street.request("POST", "/reports/photos", b"", me, upload_length=length)
    path = begun.headers["location"]
    photo_id = UUID(path.rpartition("/")[2])
    async with transaction() as tx:  # what is committed before the photograph is looked into
        sealed = app.vault.encrypt_file(content, PHOTO)
        await photo_store.insert_part(tx, photo_id, 0, *sealed)
        await photo_store.update_photo(tx, photo_id, received_bytes=len(content))
    for _ in range(2):
        asked = await street.request("HEAD", path, b"", me)
        assert (asked.status, asked.headers["upload-offset"]) == (200, length)
    assert (await street.request("GET", path, b"", me)).status == 200
    assert len((await street.filed(me, photoIds=[str(photo_id)]))["photos"]) == 1
