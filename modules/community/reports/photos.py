"""Photographs: uploaded in pieces, known by their bytes, shown without a place in them.

What came is kept sealed as it came. What is shown is written anew from the pixels. A photograph
that belongs to no report after a day is taken away.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep_pages
from core.database import Transaction, rate_limit, transaction
from core.errors import AppError, Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.queue.jobs import Lane, job
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from kinds.application import desk
from kinds.application import store as engine_store
from kinds.application import texts as engine_texts
from kinds.application.files import SIZE_MOST, clean
from modules.community.reports import photo_store, store, texts
from modules.community.reports.domain import PHOTOS_MOST
from modules.community.reports.models import ReportPhoto
from modules.community.reports.pictures import picture_hash

PHOTO = "community.photo"
"""The purpose under which the keys of photographs are sealed."""

_PER_DAY = 60
_FREE_FOR = timedelta(days=1)


class TooLarge(InvalidInput):
    """More than is taken; tus asks for this status."""

    http_status = 413


class NoUpload(InvalidInput):
    """A body that says it is something else than a piece of an upload; tus asks for this status."""

    http_status = 415


async def begin(call: Call, size_bytes: int | None) -> ReportPhoto:
    """Begin an upload of so many bytes. Raises InvalidInput UPLOAD_LENGTH,
    TooLarge, RateLimited."""
    app, owner_id = call.app, call.require_viewer().user_id
    if size_bytes is not None and size_bytes > SIZE_MOST:
        raise TooLarge(engine_texts.FILE_LARGE, "file", most=SIZE_MOST // 1_000_000)
    if not size_bytes:
        raise InvalidInput(texts.UPLOAD_LENGTH, "Upload-Length", most=SIZE_MOST)
    await rate_limit.require(
        app.clock,
        f"report-photo:{owner_id}",
        limit=_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.PHOTOS_TODAY,
    )
    values = {
        "id": new_id(),
        "owner_id": owner_id,
        "size_bytes": size_bytes,
        "begun_at": app.clock.now(),
    }
    async with transaction() as tx:
        await photo_store.insert_photo(tx, values)
    return ReportPhoto(**values)


async def get_upload(call: Call, photo_id: UUID) -> ReportPhoto:
    """One of the viewer's uploads. Raises NotFound."""
    photo = await photo_store.find_photo(photo_id)
    if photo is None or photo.owner_id != call.require_viewer().user_id:
        raise NotFound(NOT_FOUND)
    return photo


async def resume(call: Call, photo_id: UUID) -> ReportPhoto:
    """One of the viewer's uploads, as far as it has come. All of whose bytes have come is looked
    into, where a crash has kept that from it. Raises NotFound, and as `clean` does."""
    photo = await get_upload(call, photo_id)
    await _finish_whole(call.app, photo)
    return photo


async def append(call: Call, photo_id: UUID, position: int | None, content: bytes) -> int:
    """Take the bytes of an upload from a position on; how many have come then.

    With the last byte the photograph is looked into. Raises NotFound, Conflict UPLOAD_OFFSET where
    the position is not that at which the upload stands, and as `clean` does: then it is gone.
    """
    photo = await get_upload(call, photo_id)
    async with transaction() as tx:
        row = await photo_store.lock_photo(tx, photo.id)
        if row is None:
            raise NotFound(NOT_FOUND)
        received = row.received_bytes + len(content)
        if position != row.received_bytes or received > row.size_bytes:
            raise Conflict(texts.UPLOAD_OFFSET, received=row.received_bytes)
        if content:
            sealed = call.app.vault.encrypt_file(content, PHOTO)
            await photo_store.insert_part(tx, photo.id, row.received_bytes, *sealed)
            await photo_store.update_photo(tx, photo.id, received_bytes=received)
    photo.received_bytes = received
    await _finish_whole(call.app, photo)
    return received


async def _finish_whole(app: App, photo: ReportPhoto) -> None:
    """Make the copy that is shown, once all bytes have come; what is no photograph is taken away.
    Repeat-safe."""
    if photo.received_bytes != photo.size_bytes or photo.media_type is not None:
        return
    photo_id = photo.id
    try:
        file = await clean(await _original(app, photo_id), photographs_only=True)
    except AppError:
        async with transaction() as tx:
            await photo_store.delete_photo(tx, photo_id)
        raise
    looks = await asyncio.to_thread(picture_hash, file.content)
    async with transaction() as tx:
        row = await photo_store.lock_photo(tx, photo_id)
        if row is None or row.media_type is not None:
            return
        sealed = app.vault.encrypt_file(file.content, PHOTO)
        await photo_store.insert_part(tx, photo_id, photo_store.SHOWN, *sealed)
        await photo_store.update_photo(tx, photo_id, media_type=file.media_type, picture_hash=looks)


async def _original(app: App, photo_id: UUID) -> bytes:
    parts = await photo_store.list_parts(photo_id)
    return b"".join(app.vault.decrypt_file(p.key_sealed, bytes(p.content), PHOTO) for p in parts)


async def read(call: Call, photo_id: UUID) -> tuple[str, bytes]:
    """The copy that is shown, with its type: for its owner, for the staff who work on its report,
    a proof for whoever filed this, and for everybody once it is public. Raises NotFound."""
    photo = await photo_store.find_photo(photo_id)
    shown = await photo_store.find_shown(photo_id)
    if photo is None or photo.media_type is None or shown is None:
        raise NotFound(NOT_FOUND)
    if not photo.is_public and not await _is_theirs(call, photo):
        await _require_handler(call, photo)
    content = call.app.vault.decrypt_file(shown.key_sealed, bytes(shown.content), PHOTO)
    return photo.media_type, content


async def _is_theirs(call: Call, photo: ReportPhoto) -> bool:
    """Whether the viewer took a photograph, or it proves what was done about their own report."""
    if call.viewer is None:
        return False
    if photo.owner_id == call.viewer.user_id:
        return True
    if not photo.is_proof or photo.report_id is None:
        return False
    report = await store.find_report(photo.report_id)
    owned = await engine_store.list_owned(call.viewer.user_id, [report.case_id] if report else [])
    return bool(owned)


async def read_original(call: Call, photo_id: UUID) -> bytes:
    """The photograph as it was sent, for the staff who work on its report. Raises NotFound."""
    photo = await photo_store.find_photo(photo_id)
    if photo is None or photo.media_type is None:
        raise NotFound(NOT_FOUND)
    await _require_handler(call, photo)
    return await _original(call.app, photo_id)


async def _require_handler(call: Call, photo: ReportPhoto) -> None:
    viewer = call.viewer
    if photo.report_id is None or viewer is None or Scope.REPORTS_HANDLE not in viewer.scopes:
        raise NotFound(NOT_FOUND)
    report = await store.find_report(photo.report_id)
    if report is None:
        raise NotFound(NOT_FOUND)
    await desk.get_case(call, report.case_id, Scope.REPORTS_HANDLE)


def require_few(ids: Sequence[UUID]) -> Sequence[UUID]:
    """The ids, each once. Raises InvalidInput PHOTOS_MANY."""
    ids = list(dict.fromkeys(ids))
    if len(ids) > PHOTOS_MOST:
        raise InvalidInput(texts.PHOTOS_MANY, "photoIds", most=PHOTOS_MOST)
    return ids


async def bind(
    tx: Transaction, ids: Sequence[UUID], owner_id: UUID, report_id: UUID, *, is_proof: bool = False
) -> None:
    """Give a report somebody's photographs. Raises InvalidInput PHOTO_UNKNOWN unless all are
    theirs, complete and free."""
    bound = await photo_store.bind_photos(tx, ids, owner_id, report_id, is_proof=is_proof)
    if len(bound) != len(ids):
        raise InvalidInput(texts.PHOTO_UNKNOWN, "photoIds")


@job("community.drop_photos", lane=Lane.BULK, timeout_s=300, every="40 * * * *")
async def drop_photos(app: App) -> None:
    """Take away photographs that have belonged to no report for a day. Repeat-safe."""

    async def drop(photo_id: UUID) -> None:
        async with transaction() as tx:
            await photo_store.delete_photo(tx, photo_id)

    before = app.clock.now() - _FREE_FOR
    await sweep_pages(
        app,
        "community.drop_photos",
        partial(photo_store.list_abandoned, before),
        drop,
        key=lambda photo_id: photo_id,
    )
