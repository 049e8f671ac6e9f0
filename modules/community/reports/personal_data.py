"""What reports hold about people, beside the cases: photographs, what is followed, beats."""

from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.ids import new_id
from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, Stays, Through, section
from modules.community.reports import photo_store
from modules.community.reports.models import GridBeat, ReportFollow, ReportPhoto, ReportPhotoPart
from modules.community.reports.photos import PHOTO


async def _erase(_app: App, tx: Transaction, person_id: UUID) -> None:
    await photo_store.delete_photos_of(tx, person_id)
    await photo_store.disown_proofs(tx, person_id, nobody=new_id())


_TAKEN = Stays("taken away, or untied where they prove work: photo_store")

PHOTOS = PersonalTable(
    ReportPhoto,
    owner="owner_id",
    exported=section("report_photos", "id", "report_id", "media_type", "size_bytes", "begun_at"),
    erased=_TAKEN,
)
PARTS = PersonalTable(
    ReportPhotoPart,
    owner=Through("photo_id", PHOTOS),
    sealed=(Sealed("key_sealed", PHOTO),),
    erased=_TAKEN,
)
FOLLOWS = PersonalTable(
    ReportFollow,
    owner="citizen_id",
    exported=section("followed_reports", "report_id", "followed_at"),
    erased=DELETED,
)
BEATS = PersonalTable(
    GridBeat, owner="worker_id", exported=section("grid_beats", "prefix"), erased=DELETED
)

PERSONAL = PersonalData("community", (PHOTOS, PARTS, FOLLOWS, BEATS), erase=_erase)
