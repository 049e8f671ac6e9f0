"""Leaving: an account is closed some days after its person asked for it, unless they think again.

PIPL Art. 47: deletion on request; what the law keeps is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.context.sweep import sweep
from core.database import Transaction, transaction
from core.errors import Conflict
from core.people.data_rights import Hold, erase_person, find_holds, settle_person
from core.people.directory import find_person
from core.queue.jobs import Lane, job
from modules.identity import families, store, texts
from modules.identity.messages import CLOSING_ASKED, CLOSING_WAITS
from modules.identity.models import Citizen
from modules.identity.personal_data import PERSONAL
from modules.identity.service import lock_account
from notifications import api as notifications

_ERASE = "eraseMyAccount"
_EPOCH, _MICROSECOND = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)

WAIT = timedelta(days=7)
"""Between the request and the end: time to think again, and for the owner of a phone that somebody
else had in hand. All is done well within the 15 working days of GB/T 35273-2020, 8.5."""
_HEIRS_MAY_ASK = timedelta(days=3 * 366)
"""After a death: the next of kin have rights in the data (PIPL Art. 49) and claims to bring, for
which the law gives three years (Civil Code Art. 188)."""


@dataclass(frozen=True, slots=True)
class Closing:
    """An account that is to be closed: when, and what the law keeps of it then, by wing."""

    closes_at: datetime
    holds: Mapping[str, Sequence[Hold]]


class AccountUnsettled(Conflict):
    """Something is still under way; `holds` names it, by wing."""

    def __init__(self, holds: Mapping[str, Sequence[Hold]]) -> None:
        super().__init__(texts.ACCOUNT_UNSETTLED)
        self.holds = holds


async def ask_erasure(call: Call, key: str, *, settle: bool = False) -> Closing:
    """Have the viewer's account closed and forgotten after `WAIT`; asked again, the day stands.

    Once per key: whose account was kept since then keeps it, and what they began.
    Until then all goes on as before. With `settle` what is under way and can be ended is ended now:
    appointments are given back and their fees returned. Raises Conflict for a guardian, so that a
    child is not left without one by accident, Forbidden for a minor, and AccountUnsettled while
    something is under way; then the account stands.
    """
    app, person_id, command = call.app, call.require_viewer().user_id, {"settle": settle}
    earlier = await recall_key(call, _ERASE, key, command)
    if earlier is not None:
        return await _asked_before(app, person_id, earlier)
    person = await find_person(app, person_id)
    if person is not None:
        families.refuse_minor(call, person)
    await _refuse_guardian(app, person_id)
    if settle:
        await settle_person(app, person_id)
    holds = await _find_settled_holds(app, person_id)
    async with transaction() as tx:
        await _refuse_guardian(app, person_id, tx)
        citizen = await lock_account(tx, person_id)
        closes_at = citizen.closes_at or app.clock.now() + WAIT
        effect_id = _effect_of(closes_at)
        claim = await claim_key(call, tx, _ERASE, key, command, effect_id=effect_id)
        if not claim.replayed and citizen.closes_at is None:
            citizen.closes_at = closes_at
            await citizen.save(using_db=tx, update_fields=["closes_at"])
            await _tell_asked(app, tx, citizen, closes_at)
    return Closing(_closing_of(claim.effect_id), holds)


def _effect_of(closes_at: datetime) -> UUID:
    """What the key of a wish stands for: the day that was answered."""
    return UUID(int=(closes_at - _EPOCH) // _MICROSECOND)


def _closing_of(effect_id: UUID) -> datetime:
    return _EPOCH + effect_id.int * _MICROSECOND


async def _asked_before(app: App, person_id: UUID, effect_id: UUID) -> Closing:
    """What a wish was answered; nothing is ended or closed for it now."""
    holds = _those(await find_holds(app, person_id), under_way=False)
    return Closing(_closing_of(effect_id), _with_name(holds))


async def keep_account(call: Call, key: str) -> None:
    """Take back the wish that the viewer's account be closed. Once per key: a wish of since then
    stands."""
    async with transaction() as tx:
        citizen = await lock_account(tx, call.require_viewer().user_id)
        claim = await claim_key(call, tx, "keepMyAccount", key, {})
        if not claim.replayed and citizen.closes_at is not None:
            citizen.closes_at = None
            await citizen.save(using_db=tx, update_fields=["closes_at"])


async def _tell_asked(app: App, tx: Transaction, citizen: Citizen, closes_at: datetime) -> None:
    """Tell the owner: whoever asked may have had a phone of theirs in hand."""
    person = await find_person(app, citizen.id)
    if person is not None:
        params = {"closes_on": civil_date(closes_at)}
        key = f"{CLOSING_ASKED.id}:{closes_at.isoformat()}"
        await notifications.send(app, tx, CLOSING_ASKED, person, params, key)


async def _refuse_guardian(app: App, person_id: UUID, tx: Transaction | None = None) -> None:
    """Raise Conflict for the guardian of a child."""
    if await store.is_guardian(person_id, app.clock.now(), tx):
        raise Conflict(texts.ACCOUNT_NEEDED)


async def _find_settled_holds(app: App, person_id: UUID) -> Mapping[str, Sequence[Hold]]:
    """What the law keeps of somebody. Raises AccountUnsettled for what is still under way."""
    holds = await find_holds(app, person_id)
    if unsettled := _those(holds, under_way=True):
        raise AccountUnsettled(unsettled)
    return _with_name(holds)


def _those(holds: Mapping[str, Sequence[Hold]], *, under_way: bool) -> Mapping[str, Sequence[Hold]]:
    """Those holds of each wing that are under way, or those that are not; no wing without any."""
    found = {wing: [h for h in each if h.is_under_way is under_way] for wing, each in holds.items()}
    return {wing: each for wing, each in found.items() if each}


def _with_name(holds: Mapping[str, Sequence[Hold]]) -> Mapping[str, Sequence[Hold]]:
    """The same, and the name with them where they need one."""
    if not _needs_name(holds):
        return holds
    sealed = Hold("name, resident_id", texts.HOLD_IDENTITY)
    return {**holds, PERSONAL.name: (*holds.get(PERSONAL.name, ()), sealed)}


def _needs_name(holds: Mapping[str, Sequence[Hold]]) -> bool:
    """Whether another wing keeps records that need a name to them."""
    return any(wing != PERSONAL.name for wing in holds)


@job("identity.close_accounts", lane=Lane.BULK, timeout_s=600, every="15 * * * *")
async def close_accounts(app: App) -> None:
    """Close the accounts whose day has come. Repeat-safe."""
    due = await store.list_due_closings(app.clock.now())
    await sweep(app, "identity.close_accounts", due, partial(_close_due, app))


async def _close_due(app: App, citizen_id: UUID) -> None:
    """Close one account and forget its person. What was begun meanwhile has to end first: the
    account waits for it, and its person hears so once."""
    try:
        holds = await _find_settled_holds(app, citizen_id)
        async with transaction() as tx:
            await _refuse_guardian(app, citizen_id, tx)
            citizen = await store.lock_citizen(tx, citizen_id)
            if citizen is None or not _is_due(citizen, app.clock.now()):
                return
            await erase_person(app, tx, citizen_id)
            await _close(app, tx, citizen, keep_name=_needs_name(holds))
    except Conflict:
        await _tell_waits(app, citizen_id)


def _is_due(citizen: Citizen, now: datetime) -> bool:
    is_open, closes_at = citizen.closed_at is None, citizen.closes_at
    return is_open and closes_at is not None and closes_at <= now


async def _tell_waits(app: App, citizen_id: UUID) -> None:
    person, citizen = await find_person(app, citizen_id), await store.find_citizen(citizen_id)
    if person is None or citizen is None or citizen.closes_at is None:
        return
    key = f"{CLOSING_WAITS.id}:{citizen.closes_at.isoformat()}"
    async with transaction() as tx:
        await notifications.send(app, tx, CLOSING_WAITS, person, {}, key)


@job("identity.finish_erasures", lane=Lane.BULK, timeout_s=600, every="45 19 * * *")
async def finish_erasures(app: App) -> None:
    """Forget the rest of closed accounts whose holds have ended. Repeat-safe."""
    closed = await store.list_closed_with_name(civil_date(app.clock.now()) - _HEIRS_MAY_ASK)
    await sweep(app, "identity.erasures", closed, partial(_finish_erasure, app))


async def _finish_erasure(app: App, citizen_id: UUID) -> None:
    if _needs_name(await find_holds(app, citizen_id)):
        return
    async with transaction() as tx:
        await erase_person(app, tx, citizen_id)
        citizen = await store.lock_citizen(tx, citizen_id)
        assert citizen is not None
        await _close(app, tx, citizen, keep_name=False)


async def _close(app: App, tx: Transaction, citizen: Citizen, *, keep_name: bool) -> None:
    """Empty an account that is locked; its phone is free for another one."""
    citizen.closed_at = citizen.closed_at or app.clock.now()
    citizen.closes_at = None
    citizen.phone_index = citizen.resident_index = citizen.phone_sealed = None
    citizen.birth_index = None
    if not keep_name:
        citizen.name_sealed = citizen.resident_sealed = citizen.birth_sealed = None
        citizen.born_on = None
    await citizen.save(using_db=tx)
