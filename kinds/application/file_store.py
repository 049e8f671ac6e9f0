"""Every query of attached files."""

from collections.abc import Sequence
from uuid import UUID

from core.database import Transaction, connection
from kinds.application.models import CaseFile, CaseFileContent


async def insert_file(tx: Transaction, row: CaseFile, content: bytes) -> None:
    """A file with its bytes."""
    await row.save(using_db=tx, force_create=True)
    await CaseFileContent.create(using_db=tx, file_id=row.id, content=content)


async def list_files(case_id: UUID, tx: Transaction | None = None) -> Sequence[CaseFile]:
    """The files of a case in the order in which they came, without their bytes."""
    files = CaseFile.filter(case_id=case_id).using_db(tx or connection())
    return await files.order_by("attached_at", "id")


async def find_file(file_id: UUID) -> CaseFile | None:
    """A file, without its bytes."""
    return await CaseFile.get_or_none(id=file_id)


async def get_content(file_id: UUID) -> bytes:
    """The sealed bytes of a file that is there."""
    return bytes((await CaseFileContent.get(file_id=file_id)).content)


async def delete_file(tx: Transaction, case_id: UUID, file_id: UUID) -> bool:
    """Take a file and its bytes away; False where there is none."""
    await CaseFileContent.filter(file_id=file_id).using_db(tx).delete()
    return bool(await CaseFile.filter(id=file_id, case_id=case_id).using_db(tx).delete())


async def delete_files_of(tx: Transaction, person_id: UUID) -> None:
    """Take away the files of a person's ended cases."""
    for table, column in (("applications_file_content", "file_id"), ("applications_file", "id")):
        await tx.execute_query(
            f"""DELETE FROM {table} WHERE {column} IN (
                  SELECT f.id FROM applications_file f JOIN applications_case c ON c.id = f.case_id
                   WHERE f.citizen_id = $1 AND c.ended_at IS NOT NULL)""",  # noqa: S608
            [person_id],
        )
