"""Commands and queries of bills: link an account, look at its bills, pay one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.clock import ensure_utc
from core.context.call import Call
from core.database import idempotency, rate_limit, transaction
from core.errors import Conflict, InvalidInput, NotFound, RateLimited, Unavailable
from core.ids import new_id
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.readings import Reading, ReadStatus
from kinds.payment import open_cashier
from modules.bills import domain, store, texts
from modules.bills.autopay import service as autopay
from modules.bills.domain import BillerBill, UtilityKind
from modules.bills.models import AccountLink, Bill
from modules.bills.upstream import Billers
from payments import api as payments

ACCOUNTS_MAX = 10
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


def require_service(call: Call, kind: UtilityKind) -> UUID:
    """The viewer's id. Raises LoginRequired below the level that the utility's service asks.

    Looking needs no more than that; paying also needs a fresh authentication.
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
    citizen_id = require_service(call, kind)
    label, account_no = label.strip(), account_no.strip()
    if not domain.is_account_no(account_no):
        raise InvalidInput(texts.ACCOUNT_INVALID, "accountNo")
    if len(label) > LABEL_MAX:
        raise InvalidInput(texts.LABEL_TOO_LONG, "label")
    await _count_lookup(call, citizen_id)
    try:
        account = await call.app.upstream(Billers).find_account(kind, account_no, call.deadline)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.BILLER) from None
    if account is None:
        raise NotFound(NOT_FOUND)
    async with transaction() as tx:
        await store.lock_citizen(tx, citizen_id)
        claim = await idempotency.claim(
            call.app.clock,
            tx,
            subject=citizen_id,
            operation="linkBillAccount",
            key=key,
            command={"kind": kind, "account_no": account_no, "label": label},
            effect_id=new_id(),
        )
        link_id = await store.ensure_link(
            tx, claim.effect_id, citizen_id, kind, account, label, call.app.clock.now()
        )
        if await store.count_links(tx, citizen_id) > ACCOUNTS_MAX:
            raise Conflict(texts.TOO_MANY_ACCOUNTS, limit=ACCOUNTS_MAX)
    return await store.get_link(link_id)


async def _count_lookup(call: Call, citizen_id: UUID) -> None:
    """Raise RateLimited for who tries out account numbers."""
    async with transaction() as tx:
        wait_s = await rate_limit.take(
            tx,
            call.app.clock,
            f"bill-account:{citizen_id}",
            limit=LOOKUPS_PER_HOUR,
            window=timedelta(hours=1),
        )
    if wait_s:
        raise RateLimited(texts.TOO_MANY_LOOKUPS, retry_after_s=wait_s)


async def unlink_account(call: Call, link_id: UUID) -> bool:
    """Remove one of the viewer's links with its reminder and autopay; False where it is not theirs.

    Removing it twice is one removal.
    """
    citizen_id = call.require_viewer().user_id
    async with transaction() as tx:
        gone = await store.delete_link(tx, citizen_id, link_id)
        if gone:
            await autopay.end_of_link(call.app, tx, link_id, "UNLINKED")
    return gone


async def list_accounts(call: Call, kind: UtilityKind | None) -> Sequence[AccountLink]:
    """The viewer's linked accounts."""
    return await store.list_links(call.require_viewer().user_id, kind)


async def read_bills(
    call: Call, kind: UtilityKind, account_no: str, *, only_open: bool
) -> Reading[Sequence[ListedBill]]:
    """The bills of an account that the viewer has linked, newest first.

    Raises NotFound for any other account: foreign and missing are told in the same words.
    """
    citizen_id = require_service(call, kind)
    known = domain.is_account_no(account_no)
    if not known or await store.find_link(citizen_id, kind, account_no) is None:
        raise NotFound(NOT_FOUND)

    async def fetch() -> Sequence[ListedBill]:
        told = await call.app.upstream(Billers).list_bills(
            kind, account_no, call.deadline, only_open=only_open
        )
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
        return await store.note_bills(tx, kind, told, asked_at)


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
        )
    return await open_cashier(call, intent_id)


async def _ask(call: Call, bill: Bill) -> BillerBill | None:
    """What the biller says is due now; None without an answer: the quote decides by what is known.

    A share of the time only, so that the PSP's is left.
    """
    kind, deadline = UtilityKind(bill.kind), call.deadline.share(fraction=0.5)
    try:
        return await call.app.upstream(Billers).get_bill(kind, bill.bill_no, deadline)
    except UpstreamError:
        return None
