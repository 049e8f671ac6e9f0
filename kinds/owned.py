"""The viewer's own list of at most n linked things: accounts, plates, watched places, follows.

A command counts who tries out names, asks the outside system, and then adds to the list in its
own transaction; `add` and `remove` hold one lock per person and list, so that the number on the
list is exact and the same key gives the same answer.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise.models import Model

from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, lock_name
from core.errors import Conflict, InvalidInput, NotFound, Unavailable
from core.refusal_texts import LABEL_TOO_LONG, NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Text
from core.upstream.client import UpstreamError

LABEL_MAX = 16

Row = TypeVar("Row", bound=Model)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OwnedList(Generic[Row]):
    """A table of things that citizens link, with the columns `id` and `citizen_id`.

    `same` are the columns by which two rows of one citizen are one thing; without any, each key
    makes a new row. Adding a thing that is there changes its `renamed` columns and no other.
    """

    model: type[Row]
    most: int
    too_many: Text
    """The refusal above `most`, which fills the blank {limit}."""
    same: Sequence[str] = ()
    renamed: Sequence[str] = ()
    within: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What these columns of every row are, where several lists share a table; None is NULL."""
    of_subject: bool = False
    """Whether it is the list of whom the call is about, and not of the viewer who acts for them."""


def require_label(label: str) -> str:
    """A person's own name for a thing, without blanks around it, perhaps empty.

    Raises InvalidInput above LABEL_MAX characters.
    """
    label = label.strip()
    if len(label) > LABEL_MAX:
        raise InvalidInput(LABEL_TOO_LONG, "label")
    return label


async def look_up(answer: Awaitable[T | None], upstream: str) -> T:
    """What an outside system knows of the thing to be linked.

    Raises Unavailable naming `upstream` when it does not answer, NotFound for what it does not
    know.
    """
    try:
        thing = await answer
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=upstream) from None
    if thing is None:
        raise NotFound(NOT_FOUND)
    return thing


async def add(
    call: Call,
    tx: Transaction,
    owned: OwnedList[Row],
    operation: str,
    key: str,
    row: Mapping[str, Any],
    command: Mapping[str, Any],
) -> Row:
    """Add a thing to the viewer's list, or rename the one that is there.

    `row` are its columns but for `id` and `citizen_id`, `command` is the input as the client sent
    it. The same key gives the same thing and changes nothing. Raises NotFound where that has been
    removed since, Conflict above the list's most and KEY_REUSED, InvalidInput for a malformed key.
    """
    citizen_id = _owner(call, owned)
    await _lock(tx, owned, citizen_id)
    claim = await claim_key(call, tx, operation, key, command)
    mine = owned.model.filter(citizen_id=citizen_id, **owned.within).using_db(tx)
    known = None
    if owned.same or claim.replayed:
        by = {name: row[name] for name in owned.same} or {"id": claim.effect_id}
        known = await mine.filter(**by).first()
    if claim.replayed:
        if known is None:
            raise NotFound(NOT_FOUND)
        return known
    if known is not None:
        known.update_from_dict({name: row[name] for name in owned.renamed})
        if owned.renamed:
            await known.save(using_db=tx, update_fields=list(owned.renamed))
        return known
    if await mine.count() >= owned.most:
        raise Conflict(owned.too_many, limit=owned.most)
    return await owned.model.create(
        using_db=tx, id=claim.effect_id, citizen_id=citizen_id, **owned.within, **dict(row)
    )


async def remove(
    call: Call,
    tx: Transaction,
    owned: OwnedList[Row],
    operation: str,
    key: str,
    owner_id: UUID | None = None,
    **columns: Any,
) -> bool:
    """Take off the viewer's list, or that of `owner_id` where the viewer may, what these columns
    name; False where this key did so before.

    Raises NotFound for a thing that is not there or is somebody else's, Conflict KEY_REUSED.
    """
    citizen_id = _owner(call, owned) if owner_id is None else owner_id
    await _lock(tx, owned, citizen_id)
    claim = await claim_key(call, tx, operation, key, columns)
    if claim.replayed:
        return False
    named = owned.model.filter(citizen_id=citizen_id, **owned.within, **columns).using_db(tx)
    if not await named.delete():
        raise NotFound(NOT_FOUND)
    return True


async def find(owned: OwnedList[Row], citizen_id: UUID, **columns: Any) -> Row | None:
    """The thing on a citizen's list that these columns name."""
    return await owned.model.get_or_none(citizen_id=citizen_id, **owned.within, **columns)


async def get(owned: OwnedList[Row], citizen_id: UUID, row_id: UUID) -> Row:
    """A thing on a citizen's list. Raises NotFound for one that is not there."""
    row = await find(owned, citizen_id, id=row_id)
    if row is None:
        raise NotFound(NOT_FOUND)
    return row


async def list_all(owned: OwnedList[Row], citizen_id: UUID, **columns: Any) -> Sequence[Row]:
    """A citizen's list in the order in which it was made; short enough to have no pages."""
    mine = owned.model.filter(citizen_id=citizen_id, **owned.within, **columns)
    return await mine.order_by("id")


def _owner(call: Call, owned: OwnedList[Row]) -> UUID:
    viewer_id = call.require_viewer().user_id
    return call.subject_id if owned.of_subject else viewer_id


async def _lock(tx: Transaction, owned: OwnedList[Row], citizen_id: UUID) -> None:
    """Let one command at a time change this citizen's list."""
    await lock_name(tx, f"{owned.model._meta.db_table}:{citizen_id}")
