"""Commands and queries of autopay: agree, look, end."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, lock_name, transaction
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound
from core.money import format_yuan
from core.refusal_texts import CONSENT_TEXT_CHANGED, NOT_FOUND
from core.upstream.client import UpstreamError
from kinds import owned
from modules.utilities.accounts.domain import NAME, UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.store import ACCOUNTS
from modules.utilities.accounts.unlinking import Unlinking
from modules.utilities.autopay import store, texts
from modules.utilities.autopay.domain import CEILING_MAX_FEN, MONTH_FACTOR, TEXT_VERSION, month_of
from modules.utilities.autopay.models import Autopay, AutopayCharge
from payments import api as payments

_CHARGES_SHOWN = 12

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A consent as its payer sees it."""

    autopay: Autopay
    link: AccountLink | None
    spent_fen: int
    charges: Sequence[AutopayCharge]
    sign_url: str | None


async def agree(
    call: Call,
    link_id: UUID,
    *,
    bill_ceiling_fen: int,
    month_ceiling_fen: int,
    text_version: str,
    key: str,
) -> Shown:
    """Agree that the bills of a linked account are paid within limits; then sign at the PSP.

    The same key gives the same consent; agreeing anew replaces one that was never signed. Raises
    InvalidInput, NotFound, Conflict AUTOPAY_ACTIVE, KEY_REUSED or for an outdated text.
    """
    citizen_id = call.require_viewer(1).user_id
    _check(bill_ceiling_fen, month_ceiling_fen, text_version)
    link = await owned.get(ACCOUNTS, citizen_id, link_id)
    async with transaction() as tx:
        await lock_name(tx, f"autopay:{link_id}")
        command = {
            "link": link_id,
            "bill_ceiling_fen": bill_ceiling_fen,
            "month_ceiling_fen": month_ceiling_fen,
            "text_version": text_version,
        }
        claim = await claim_key(call, tx, "agreeAutopay", key, command)
        if not claim.replayed:
            await _replace_unsigned(call.app, tx, link_id)
            await _begin(call.app, tx, claim.effect_id, link, bill_ceiling_fen, month_ceiling_fen)
    (shown,) = await _show(call, [await Autopay.get(id=claim.effect_id)])
    return shown


async def _begin(
    app: App,
    tx: Transaction,
    autopay_id: UUID,
    link: AccountLink,
    bill_ceiling_fen: int,
    month_ceiling_fen: int,
) -> None:
    contract_id = await payments.begin_contract(app, tx, link.citizen_id, _display(link))
    await Autopay.create(
        using_db=tx,
        id=autopay_id,
        link_id=link.id,
        citizen_id=link.citizen_id,
        contract_id=contract_id,
        bill_ceiling_fen=bill_ceiling_fen,
        month_ceiling_fen=month_ceiling_fen,
        text_version=TEXT_VERSION,
        state="signing",
        agreed_at=app.clock.now(),
    )


def _check(bill_ceiling_fen: int, month_ceiling_fen: int, text_version: str) -> None:
    if text_version != TEXT_VERSION:
        raise Conflict(CONSENT_TEXT_CHANGED)
    most_fen = CEILING_MAX_FEN
    if not 0 < bill_ceiling_fen <= most_fen:
        raise InvalidInput(texts.CEILING_RANGE, "billCeiling", most=format_yuan(most_fen))
    most_fen *= MONTH_FACTOR
    if not bill_ceiling_fen <= month_ceiling_fen <= most_fen:
        raise InvalidInput(texts.CEILING_RANGE, "monthCeiling", most=format_yuan(most_fen))


async def _replace_unsigned(app: App, tx: Transaction, link_id: UUID) -> None:
    live = await store.find_live(tx, link_id)
    if live is None:
        return
    if live.state == "active":
        raise Conflict(texts.AUTOPAY_ACTIVE)
    await end_in(app, tx, live, "REPLACED")


async def end(call: Call, autopay_id: UUID) -> Shown:
    """End one of the viewer's consents at once: nothing more is begun. Repeat-safe.

    A payment that is under way goes on. Raises NotFound for anybody else's.
    """
    citizen_id = call.require_viewer(1).user_id
    async with transaction() as tx:
        found = Autopay.filter(id=autopay_id, citizen_id=citizen_id).using_db(tx)
        autopay = await found.select_for_update().first()
        if autopay is None:
            raise NotFound(NOT_FOUND)
        if autopay.state != "ended":
            await end_in(call.app, tx, autopay, "ENDED_BY_PAYER")
    (shown,) = await _show(call, [autopay])
    return shown


async def end_in(app: App, tx: Transaction, autopay: Autopay, reason: str) -> None:
    """End a locked consent, its contract and what it has announced."""
    await store.move(tx, autopay, "end", ended_at=app.clock.now(), end_reason=reason)
    await store.cancel_announced(tx, autopay.id, reason)
    await payments.end_contract(app, tx, autopay.contract_id)


async def _end_of_link(app: App, tx: Transaction, link_id: UUID) -> None:
    live = await store.find_live(tx, link_id)
    if live is not None:
        await end_in(app, tx, live, "UNLINKED")


UNLINKING = Unlinking(_end_of_link)
"""The consent of an account that is linked no more ends with the link."""


async def list_autopays(call: Call) -> Sequence[Shown]:
    """The viewer's consents, newest first; those to be signed are looked up at the PSP."""
    return await _show(call, await store.list_of(call.require_viewer(1).user_id))


async def refresh(app: App, autopay: Autopay, deadline: Deadline) -> Autopay:
    """Take over what has become of a consent's contract. Raises UpstreamError."""
    state = await payments.refresh_contract(app, autopay.contract_id, deadline)
    async with transaction() as tx:
        locked = await store.lock(tx, autopay.id)
        if state == "active" and locked.state == "signing":
            await store.move(tx, locked, "sign")
        elif state == "ended" and locked.state != "ended":
            await end_in(app, tx, locked, "ENDED_AT_PSP")
    return locked


async def _show(call: Call, rows: Sequence[Autopay]) -> Sequence[Shown]:
    signing = [await _signing(call, row) for row in rows]
    ids = [row.id for row in rows]
    spent = await store.spent_by(ids, month_of(call.app.clock.now()))
    charges = await store.charges_by(ids, _CHARGES_SHOWN)
    links = await AccountLink.filter(id__in=[row.link_id for row in rows])
    link_of = {link.id: link for link in links}
    return [
        Shown(row, link_of.get(row.link_id), spent[row.id], charges[row.id], sign_url)
        for row, sign_url in signing
    ]


async def _signing(call: Call, autopay: Autopay) -> tuple[Autopay, str | None]:
    """A consent as the PSP knows it now, and where it is signed if it is not."""
    if autopay.state != "signing":
        return autopay, None
    deadline = call.deadline.share(fraction=0.4)
    try:
        autopay = await refresh(call.app, autopay, deadline)
        if autopay.state == "signing":
            return autopay, await payments.sign_contract(call.app, autopay.contract_id, deadline)
    except UpstreamError as error:
        log.info("psp did not answer", reason=error.reason)
    return autopay, None


def _display(link: AccountLink) -> str:
    name = NAME[UtilityKind(link.kind)].zh
    return f"{name}自动缴费 {link.account_no[-4:]}"
