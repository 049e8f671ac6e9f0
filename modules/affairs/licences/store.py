"""The queries of presentations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, transaction
from modules.affairs.models import LicencePresentation


async def create(
    tx: Transaction,
    presentation_id: UUID,
    citizen_id: UUID,
    licence_ref: str,
    fields: Sequence[str],
    issued_at: datetime,
    expires_at: datetime,
) -> LicencePresentation:
    """A presentation that may be read until it expires."""
    return await LicencePresentation.create(
        using_db=tx,
        id=presentation_id,
        citizen_id=citizen_id,
        licence_id=licence_ref,
        fields_shown=list(fields),
        state="issued",
        issued_at=issued_at,
        expires_at=expires_at,
    )


async def find(presentation_id: UUID) -> LicencePresentation | None:
    """A presentation by its id, whatever its state."""
    return await LicencePresentation.get_or_none(id=presentation_id)


async def take(presentation_id: UUID, verifier_id: UUID, at: datetime) -> bool:
    """Use a presentation up; False where it was used or cancelled before. Of several only one."""
    async with transaction() as tx:
        changed = (
            await LicencePresentation.filter(id=presentation_id, state="issued")
            .using_db(tx)
            .update(state="shown", verifier_id=verifier_id, shown_at=at)
        )
    return changed == 1


async def cancel(tx: Transaction, presentation_id: UUID) -> bool:
    """Take a presentation back; False where somebody has read it."""
    unread = LicencePresentation.filter(id=presentation_id, state__in=("issued", "cancelled"))
    return await unread.using_db(tx).update(state="cancelled") == 1
