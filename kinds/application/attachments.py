"""The papers of a case: attaching files, taking them away, reading them.

A file and its bytes are one transaction: after a crash both are there, or neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import Transaction, rate_limit, transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.refusal_texts import NOT_FOUND
from kinds.application import file_store, store, texts, versions
from kinds.application.definition import Definition, Material, Turn
from kinds.application.files import clean
from kinds.application.form import Problem, find_missing_papers
from kinds.application.models import Case, CaseFile

FILE = "applications.file"
"""The purpose under which files and their names are sealed."""

CASE_FILES_MOST = 40
CASE_BYTES_MOST = 60_000_000
_NAME_MOST = 120
_PER_DAY = 200
_ATTACH = "attachFile"


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """An attached file, as its citizen or an officer reads it."""

    name: str
    media_type: str
    content: bytes


async def attach(
    call: Call, case: Case, material: str, name: str, content: bytes, key: str
) -> CaseFile:
    """Attach a file to a case of the viewer's, as `service.get_case` gave it, that waits for them.

    What is kept is what `files.clean` makes of it. The same key attaches once. Raises InvalidInput
    for the file, its name and its paper, Conflict where it is not the citizen's turn, FILES_MANY
    and CASE_FULL, RateLimited.
    """
    app, citizen_id = call.app, call.require_viewer().user_id
    command = {"case": case.id, "material": material, "name": name, "bytes": len(content)}
    earlier = await recall_key(call, _ATTACH, key, command)
    if earlier is not None:
        return await _get(earlier)
    definition = await versions.get_stored(app, case.definition_id)
    paper = _find_paper(definition, material)
    if not 0 < len(name) <= _NAME_MOST or not name.isprintable():
        raise InvalidInput(texts.FILE_NAME, "name")
    await rate_limit.require(
        app.clock,
        f"case-file:{citizen_id}",
        limit=_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.FILES_TODAY,
    )
    file = await clean(content)
    if file.pages > paper.pages_most:
        raise InvalidInput(texts.FILE_PAGES, "file", most=paper.pages_most)
    key_sealed, body = app.vault.encrypt_file(file.content, FILE)
    async with transaction() as tx:
        claim = await claim_key(call, tx, _ATTACH, key, command)
        if not claim.replayed:
            await _refuse_full(tx, case.id, paper, len(file.content))
            row = CaseFile(
                id=claim.effect_id,
                case_id=case.id,
                citizen_id=citizen_id,
                material=material,
                name_sealed=app.vault.encrypt(name, FILE),
                key_sealed=key_sealed,
                media_type=file.media_type,
                size_bytes=len(file.content),
                pages=file.pages,
                attached_at=app.clock.now(),
            )
            await file_store.insert_file(tx, row, body)
    return await _get(claim.effect_id)


async def _get(file_id: UUID) -> CaseFile:
    found = await file_store.find_file(file_id)
    if found is None:
        raise NotFound(NOT_FOUND)
    return found


async def remove(call: Call, case: Case, file_id: UUID, key: str) -> None:
    """Take a file away from a case that waits for its citizen. Raises NotFound and Conflict."""
    command = {"case": case.id, "file": file_id}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "removeFile", key, command, effect_id=file_id)
        if not claim.replayed:
            await lock_for_citizen(tx, case.id)
            if not await file_store.delete_file(tx, case.id, file_id):
                raise NotFound(NOT_FOUND)


async def read(call: Call, case_id: UUID, file_id: UUID) -> OpenedFile:
    """A file of a case that the caller may see. Raises NotFound."""
    row = await file_store.find_file(file_id)
    if row is None or row.case_id != case_id:
        raise NotFound(NOT_FOUND)
    vault, body = call.app.vault, await file_store.get_content(file_id)
    content = vault.decrypt_file(row.key_sealed, body, FILE)
    return OpenedFile(vault.decrypt(row.name_sealed, FILE), row.media_type, content)


async def list_files(case_id: UUID) -> Sequence[CaseFile]:
    """The files of a case, without their bytes."""
    return await file_store.list_files(case_id)


async def find_missing(
    tx: Transaction, case: Case, definition: Definition, answers: Mapping[str, str]
) -> Sequence[Problem]:
    """The papers that a case still lacks."""
    if not definition.materials:
        return []
    files = await file_store.list_files(case.id, tx)
    newest = {file.material: file.attached_at for file in files}  # they are in order
    requested = {
        code: code in newest and newest[code] >= case.moved_at for code in case.papers_asked or ()
    }
    return find_missing_papers(definition, answers, newest.keys(), requested)


def _find_paper(definition: Definition, material: str) -> Material:
    for paper in definition.materials:
        if paper.code == material:
            return paper
    raise InvalidInput(texts.MATERIAL_UNKNOWN, "material")


async def lock_for_citizen(tx: Transaction, case_id: UUID) -> Case:
    """A case, its row locked. Raises Conflict where it is not the citizen's turn."""
    case = await store.lock_case(tx, case_id)
    if case is None or case.turn != Turn.CITIZEN:
        raise Conflict(texts.NOT_YOUR_STEP)
    return case


async def _refuse_full(tx: Transaction, case_id: UUID, paper: Material, size_bytes: int) -> None:
    await lock_for_citizen(tx, case_id)
    files = await file_store.list_files(case_id, tx)
    if sum(file.material == paper.code for file in files) >= paper.files_most:
        raise Conflict(texts.FILES_MANY, most=paper.files_most)
    total = sum(file.size_bytes for file in files) + size_bytes
    if len(files) >= CASE_FILES_MOST or total > CASE_BYTES_MOST:
        raise Conflict(texts.CASE_FULL)
