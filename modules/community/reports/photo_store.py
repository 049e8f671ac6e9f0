"""Every query of photographs and their bytes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.database import Transaction, fetch_all, fetch_model
from core.ids import new_id
from modules.community.reports.models import ReportPhoto, ReportPhotoPart

SHOWN = -1
"""The position of the copy that is shown."""


async def insert_photo(tx: Transaction, values: Mapping[str, Any]) -> None:
    """A photograph of which no byte has come yet."""
    await ReportPhoto.create(using_db=tx, **values)


async def find_photo(photo_id: UUID) -> ReportPhoto | None:
    """A photograph, without its bytes."""
    return await ReportPhoto.get_or_none(id=photo_id)


async def lock_photo(tx: Transaction, photo_id: UUID) -> ReportPhoto | None:
    """The same, its row locked."""
    return await fetch_model(tx, ReportPhoto, "WHERE id = $1 FOR UPDATE", photo_id)


async def update_photo(tx: Transaction, photo_id: UUID, **values: Any) -> None:
    """Change a photograph's row."""
    await ReportPhoto.filter(id=photo_id).using_db(tx).update(**values)


async def insert_part(
    tx: Transaction, photo_id: UUID, position: int, key_sealed: bytes, content: bytes
) -> None:
    """Sealed bytes from a position on."""
    await ReportPhotoPart.create(
        using_db=tx,
        id=new_id(),
        photo_id=photo_id,
        position=position,
        key_sealed=key_sealed,
        content=content,
    )


async def list_parts(photo_id: UUID) -> Sequence[ReportPhotoPart]:
    """The original, in its order."""
    parts = ReportPhotoPart.filter(photo_id=photo_id, position__gte=0)
    return await parts.order_by("position")


async def find_shown(photo_id: UUID) -> ReportPhotoPart | None:
    """The copy that is shown."""
    return await ReportPhotoPart.get_or_none(photo_id=photo_id, position=SHOWN)


async def bind_photos(
    tx: Transaction, ids: Sequence[UUID], owner_id: UUID, report_id: UUID, *, is_proof: bool
) -> list[int]:
    """Give a report its photographs; the hashes of those that were free and complete."""
    rows = await fetch_all(
        tx,
        """UPDATE community_report_photo SET report_id = $3, is_proof = $4
            WHERE id = ANY($1) AND owner_id = $2 AND report_id IS NULL AND media_type IS NOT NULL
        RETURNING picture_hash""",
        list(ids),
        owner_id,
        report_id,
        is_proof,
    )
    return [row["picture_hash"] for row in rows]


async def list_hashes(tx: Transaction, ids: Sequence[UUID], owner_id: UUID) -> list[int]:
    """The hashes of somebody's complete photographs that belong to no report yet."""
    photos = ReportPhoto.filter(
        id__in=list(ids), owner_id=owner_id, report_id=None, media_type__isnull=False
    )
    return await photos.using_db(tx).values_list("picture_hash", flat=True)  # type: ignore[return-value]


async def list_photos(report_ids: Collection[UUID]) -> Sequence[ReportPhoto]:
    """The photographs of reports, in the order in which they were begun."""
    return await ReportPhoto.filter(report_id__in=list(report_ids)).order_by("begun_at", "id")


async def release_photos(tx: Transaction, report_id: UUID, ids: Collection[UUID]) -> int:
    """Let everybody see photographs of a report; how many there were of these."""
    photos = ReportPhoto.filter(report_id=report_id, id__in=list(ids))
    return int(await photos.using_db(tx).update(is_public=True))


async def hide_photos(tx: Transaction, report_id: UUID) -> None:
    """Show the photographs of a report's citizen to nobody but them and the staff."""
    photos = ReportPhoto.filter(report_id=report_id, is_proof=False)
    await photos.using_db(tx).update(is_public=False)


async def list_abandoned(before: datetime, after: UUID, size: int) -> list[UUID]:
    """The photographs begun before a moment that belong to no report."""
    photos = ReportPhoto.filter(report_id=None, begun_at__lt=before, id__gt=after)
    return await photos.order_by("id").limit(size).values_list("id", flat=True)  # type: ignore[return-value]


async def delete_photo(tx: Transaction, photo_id: UUID) -> None:
    """Take away a photograph that belongs to no report, with its bytes."""
    if await ReportPhoto.filter(id=photo_id, report_id=None).using_db(tx).delete():
        await ReportPhotoPart.filter(photo_id=photo_id).using_db(tx).delete()


async def delete_photos_of(tx: Transaction, person_id: UUID) -> None:
    """Take away everything that somebody photographed as a citizen."""
    theirs = "SELECT id FROM community_report_photo WHERE owner_id = $1 AND NOT is_proof"
    await tx.execute_query(
        f"DELETE FROM community_report_photo_part WHERE photo_id IN ({theirs})",  # noqa: S608
        [person_id],
    )
    await tx.execute_query(
        "DELETE FROM community_report_photo WHERE owner_id = $1 AND NOT is_proof", [person_id]
    )


async def disown_proofs(tx: Transaction, person_id: UUID, *, nobody: UUID) -> None:
    """Untie what somebody photographed as a handler from them."""
    await ReportPhoto.filter(owner_id=person_id, is_proof=True).using_db(tx).update(owner_id=nobody)
