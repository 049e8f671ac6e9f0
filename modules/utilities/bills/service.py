"""Commands and queries of bills: look at an account's bills, pay one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.database.turns import draw_turn
from core.deadline import Deadline
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.readings import Reading, ReadStatus
from kinds import owned
from kinds.payment import open_cashier
from modules.utilities.accounts import store as accounts
from modules.utilities.accounts.domain import SERVICE_ID, UtilityKind, is_account_no
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.service import list_accounts, require_level
from modules.utilities.bills import domain, store
from modules.utilities.bills.domain import BillerBill, Enquiry
from modules.utilities.bills.models import Bill
from modules.utilities.bills.upstream import get_bill, list_bills
from payments import api as payments

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


async def read_bills(
    call: Call, kind: UtilityKind, account_no: str, *, only_open: bool
) -> Reading[Sequence[ListedBill]]:
    """The bills of an account that the viewer has linked, newest first.

    Raises NotFound for any other account: foreign and missing are told in the same words.
    """
    citizen_id = require_level(call, kind)
    if not is_account_no(account_no):
        raise NotFound(NOT_FOUND)
    account = {"kind": kind.value, "account_no": account_no}
    if await owned.find(accounts.ACCOUNTS, citizen_id, **account) is None:
        raise NotFound(NOT_FOUND)
    try:
        return await _read(call, citizen_id, kind, account_no, only_open=only_open)
    except UpstreamRejected:
        raise NotFound(NOT_FOUND) from None  # the biller has closed the account


async def _read(
    call: Call, citizen_id: UUID, kind: UtilityKind, account_no: str, *, only_open: bool
) -> Reading[Sequence[ListedBill]]:
    """The bills of a linked account. Raises UpstreamRejected for one that its biller has closed."""

    async def fetch() -> Sequence[ListedBill]:
        return await fetch_bills(call.app, call.deadline, kind, account_no, only_open=only_open)

    try:
        return await call.app.last_good.read_through(
            ("bills", citizen_id, kind, account_no, only_open),
            fetch,
            clock=call.app.clock,
            max_stale=_MAX_STALE,
        )
    except UpstreamRejected as refusal:
        if refusal.code == "NO_SUCH_ACCOUNT":
            raise
        return Reading(ReadStatus.UNAVAILABLE, None, None, refusal.reason)


async def fetch_bills(
    app: App, deadline: Deadline, kind: UtilityKind, account_no: str, *, only_open: bool
) -> Sequence[ListedBill]:
    """The bills of an account as its biller has them now, newest first. Raises UpstreamError."""
    enquiry = await begin_enquiry(app)
    bills = await list_bills(app, deadline, kind, account_no, only_open=only_open)
    ids = await note(app, kind, bills, enquiry)
    return [ListedBill(ids[bill.bill_no], bill) for bill in bills]


async def begin_enquiry(app: App) -> Enquiry:
    """Before a biller is asked: by this its answer is put in order with what else is known."""
    return Enquiry(app.clock.now(), await draw_turn())


async def note(
    app: App, kind: UtilityKind, bills: Sequence[BillerBill], enquiry: Enquiry
) -> Mapping[str, UUID]:
    """Keep what a biller answered of bills; returns our ids by bill number."""
    async with transaction() as tx:
        ids = await store.note_bills(tx, kind, bills, enquiry)
        closed = [bill.bill_no for bill in bills if bill.status is not domain.BillStatus.OPEN]
        refs = [str(ids[bill_no]) for bill_no in closed if bill_no in ids]
        await payments.end_open(app, tx, domain.payable_kind(kind), refs)
    return ids


async def read_due(call: Call) -> Reading[Due]:
    """What the viewer owes over all linked accounts; as fresh as the least fresh of them."""
    links = await list_accounts(call, None)
    readings = await asyncio.gather(*(_read_open(call, link) for link in links))
    bills = [listed.bill for reading in readings for listed in reading.value or ()]
    due = Due(sum(bill.total_fen for bill in bills), len(bills))
    worst = max(readings, key=lambda r: _WORSE.index(r.status), default=None)
    if worst is None:
        return Reading(ReadStatus.LIVE, due, call.app.clock.now(), None)
    known = None if worst.status is ReadStatus.UNAVAILABLE else due
    times = [reading.as_of for reading in readings if reading.as_of is not None]
    as_of = min(times) if known is not None else None
    return Reading(worst.status, known, as_of, worst.reason)


async def _read_open(call: Call, link: AccountLink) -> Reading[Sequence[ListedBill]]:
    """The open bills of a linked account; none of one that its biller has closed."""
    kind = UtilityKind(link.kind)
    try:
        return await _read(call, require_level(call, kind), kind, link.account_no, only_open=True)
    except UpstreamRejected:
        return Reading(ReadStatus.LIVE, [], call.app.clock.now(), None)


_WORSE = (ReadStatus.LIVE, ReadStatus.STALE, ReadStatus.UNAVAILABLE)


async def pay_bill(
    call: Call,
    bill_id: UUID,
    key: str,
    wish: payments.Wish | None = None,
    amount_fen: int | None = None,
) -> payments.Payment:
    """Begin to pay a bill of a linked account and open the cashier, as `wish` says if it can be.

    `amount_fen` is a part of it where the biller takes parts; all that is open unless told. The
    same key gives the same payment. Raises NotFound, Conflict BILL_PAID, BILL_WITHDRAWN,
    PAYMENT_OPEN or KEY_REUSED, what `create_intent` refuses of an amount, Unavailable when the
    biller cannot tell what is due.
    """
    citizen_id = call.require_viewer().user_id
    found = await store.find_bill_of(citizen_id, bill_id)
    if found is None:
        raise NotFound(NOT_FOUND)
    bill, turn = found
    kind, enquiry = UtilityKind(bill.kind), Enquiry(call.app.clock.now(), turn)
    call.require_service(SERVICE_ID[kind])
    reply = await _ask(call, bill)
    if reply is not None and reply.status is not domain.BillStatus.OPEN:
        await note(call.app, kind, [reply], enquiry)  # stands, though the payment is refused
        reply = None
    async with transaction() as tx:
        # the bill's row always before the key's: two sends of one key cannot wait for one another
        if reply is None:
            await store.lock_bill(tx, bill_id)
        else:
            await store.note_bills(tx, kind, [reply], enquiry)
        intent_id = await payments.create_intent(
            call,
            tx,
            kind=domain.payable_kind(kind),
            subject_ref=str(bill_id),
            key=key,
            wish=wish,
            is_owner=False,  # a link proves nothing of whose account it is
            amount_fen=amount_fen,
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
