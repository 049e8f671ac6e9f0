"""Commands and queries of bills: link an account, look at its bills, pay one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.clock import ensure_utc
from core.context.call import Call
from core.database import rate_limit, transaction
from core.errors import InvalidInput, NotFound
from core.refusal_texts import NOT_FOUND
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.readings import Reading, ReadStatus
from kinds import owned
from kinds.payment import open_cashier
from modules.bills import domain, store, texts
from modules.bills.domain import BillerBill, UtilityKind
from modules.bills.models import AccountLink, Bill
from modules.bills.unlinking import UNLINKINGS
from modules.bills.upstream import find_account, get_bill, list_bills
from payments import api as payments

LOOKUPS_PER_HOUR = 30
LABEL_MAX = 16
_MAX_STALE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class ListedBill:
    """A bill with our own id for it."""

    id: UUID
    bill: BillerBill


@dataclass(frozen=True, slots=True)
class Due:
    """What a citizen owes over all linked accounts."""

    total_fen: int
    count: int


def require_level(call: Call, kind: UtilityKind) -> UUID:
    """The viewer's id. Raises LoginRequired below the level that the utility's service asks.

    Freshness is not looked at: only paying needs that, see `Call.require_service`.
    """
    service = call.app.services[domain.SERVICE_ID[kind]]
    return call.require_viewer(service.identity_level).user_id


async def link_account(
    call: Call, kind: UtilityKind, account_no: str, label: str, key: str
) -> AccountLink:
    """Link a household's account to the viewer; linking it again renames the link.

    Raises InvalidInput, NotFound for a number the biller does not know, RateLimited for trying out
    numbers, Conflict above ten accounts, Unavailable when the biller does not answer.
    """
    citizen_id = require_level(call, kind)
    label, account_no = label.strip(), account_no.strip()
    if not domain.is_account_no(account_no):
        raise InvalidInput(texts.ACCOUNT_INVALID, "accountNo")
    if len(label) > LABEL_MAX:
        raise InvalidInput(texts.LABEL_TOO_LONG, "label")
    await rate_limit.require(
        call.app.clock,
        f"bill-account:{citizen_id}",
        limit=LOOKUPS_PER_HOUR,
        window=timedelta(hours=1),
        refusal=texts.TOO_MANY_LOOKUPS,
    )
    answer = find_account(call.app, call.deadline, kind, account_no)
    account = await owned.look_up(answer, texts.BILLER)
    row = {
        "kind": kind.value,
        "account_no": account.account_no,
        "label": label,
        "holder_masked": account.holder_masked[:64],
        "address_masked": account.address_masked[:128],
        "linked_at": call.app.clock.now(),
    }
    command = {"kind": kind, "account_no": account_no, "label": label}
    async with transaction() as tx:
        return await owned.add(call, tx, store.ACCOUNTS, "linkBillAccount", key, row, command)


async def unlink_account(call: Call, link_id: UUID, key: str) -> None:
    """Remove one of the viewer's links with its reminder and autopay. Raises NotFound.

    The same key removes once.
    """
    async with transaction() as tx:
        if await owned.remove(call, tx, store.ACCOUNTS, "unlinkBillAccount", key, link_id):
            for unlinking in call.app.extensions(UNLINKINGS):
                await unlinking.end(call.app, tx, link_id)


async def list_accounts(call: Call, kind: UtilityKind | None) -> Sequence[AccountLink]:
    """The viewer's linked accounts."""
    of_kind = {} if kind is None else {"kind": kind.value}
    return await owned.list_all(store.ACCOUNTS, call.require_viewer().user_id, **of_kind)


async def read_bills(
    call: Call, kind: UtilityKind, account_no: str, *, only_open: bool
) -> Reading[Sequence[ListedBill]]:
    """The bills of an account that the viewer has linked, newest first.

    Raises NotFound for any other account: foreign and missing are told in the same words.
    """
    citizen_id = require_level(call, kind)
    if not domain.is_account_no(account_no):
        raise NotFound(NOT_FOUND)
    account = {"kind": kind.value, "account_no": account_no}
    if await owned.find(store.ACCOUNTS, citizen_id, **account) is None:
        raise NotFound(NOT_FOUND)

    async def fetch() -> Sequence[ListedBill]:
        told = await list_bills(call.app, call.deadline, kind, account_no, only_open=only_open)
        ids = await _note(call, kind, told)
        return [ListedBill(ids[bill.bill_no], bill) for bill in told]

    try:
        return await call.app.last_good.read_through(
            ("bills", citizen_id, kind, account_no, only_open),
            fetch,
            clock=call.app.clock,
            max_stale=_MAX_STALE,
        )
    except UpstreamRejected:
        raise NotFound(NOT_FOUND) from None  # the biller has closed the account


async def _note(call: Call, kind: UtilityKind, told: Sequence[BillerBill]) -> Mapping[str, UUID]:
    asked_at = ensure_utc(call.app.clock.now())
    async with transaction() as tx:
        ids = await store.note_bills(tx, kind, told, asked_at)
        closed = [bill for bill in told if bill.status is not domain.BillStatus.OPEN]
        refs = [str(ids[bill.bill_no]) for bill in closed if bill.bill_no in ids]
        await payments.end_open(call.app, tx, domain.payable_kind(kind), refs)
        return ids


async def read_due(call: Call) -> Reading[Due]:
    """What the viewer owes over all linked accounts; as fresh as the least fresh of them."""
    links = await list_accounts(call, None)
    readings = await asyncio.gather(
        *(
            read_bills(call, UtilityKind(link.kind), link.account_no, only_open=True)
            for link in links
        )
    )
    bills = [listed.bill for reading in readings for listed in reading.value or ()]
    due = Due(sum(bill.total_fen for bill in bills), len(bills))
    worst = max(readings, key=lambda r: _WORSE.index(r.status), default=None)
    if worst is None:
        return Reading(ReadStatus.LIVE, due, call.app.clock.now(), None)
    known = None if worst.status is ReadStatus.UNAVAILABLE else due
    times = [reading.as_of for reading in readings if reading.as_of is not None]
    as_of = min(times) if known is not None else None
    return Reading(worst.status, known, as_of, worst.reason)


_WORSE = (ReadStatus.LIVE, ReadStatus.STALE, ReadStatus.UNAVAILABLE)


async def pay_bill(
    call: Call, bill_id: UUID, key: str, method: payments.PaymentMethod | None = None
) -> payments.Payment:
    """Begin to pay a bill of a linked account and open the cashier, of `method` if it can be.

    The same key gives the same payment. Raises NotFound, Conflict BILL_PAID, BILL_WITHDRAWN,
    PAYMENT_OPEN or KEY_REUSED, Unavailable when the biller cannot tell what is due.
    """
    citizen_id = call.require_viewer().user_id
    bill = await store.find_bill_of(citizen_id, bill_id)
    if bill is None:
        raise NotFound(NOT_FOUND)
    kind = UtilityKind(bill.kind)
    call.require_service(domain.SERVICE_ID[kind])
    told = await _ask(call, bill)
    if told is not None and told.status is not domain.BillStatus.OPEN:
        await _note(call, kind, [told])  # stands, though the payment is refused
        told = None
    async with transaction() as tx:
        # the bill's row always before the key's: two sends of one key cannot wait for one another
        if told is None:
            await store.lock_bill(tx, bill_id)
        else:
            await store.note_bills(tx, kind, [told], call.app.clock.now())
        intent_id = await payments.create_intent(
            call,
            tx,
            kind=domain.payable_kind(kind),
            subject_ref=str(bill_id),
            key=key,
            method=method,
            is_owner=False,  # a link proves nothing of whose account it is
        )
    return await open_cashier(call, intent_id)


async def _ask(call: Call, bill: Bill) -> BillerBill | None:
    """What the biller says is due now; None without an answer: the quote decides by what is known.

    A share of the time only, so that the PSP's is left.
    """
    kind, deadline = UtilityKind(bill.kind), call.deadline.share(fraction=0.5)
    try:
        return await get_bill(call.app, deadline, kind, bill.bill_no)
    except UpstreamError:
        return None
