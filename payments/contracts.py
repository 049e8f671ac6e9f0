"""Contracts under which a PSP deducts: signed by the payer at the PSP, ended by either side.

Only an active contract deducts, and what is active here is looked up at each deduction; the PSP
holds the same truth for itself, so an end that it has not heard of yet takes no money either.
"""

from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.queue.jobs import job
from core.upstream.client import UpstreamRejected
from payments.domain import CONTRACT
from payments.models import Contract
from payments.psp.entrusting import ContractState, Entrusting
from payments.psp.port import Order

PSP = "wechatpay"
"""Who deducts under our contracts."""
_CALL_S = 8.0
_LATE_SIGNING = timedelta(days=1)
"""A page that is still open may be signed after we have ended the contract: looked at once more."""


async def begin_contract(app: App, tx: Transaction, payer_id: UUID, display: str) -> UUID:
    """Begin a contract that the payer is to sign; `display` is what the PSP's page calls it.

    Part of the caller's transaction. Returns its id.
    """
    contract_id = new_id()
    await Contract.create(
        using_db=tx,
        id=contract_id,
        payer_id=payer_id,
        psp=PSP,
        display=display[:32],
        state="signing",
        created_at=app.clock.now(),
    )
    return contract_id


async def sign_contract(app: App, contract_id: UUID, deadline: Deadline) -> str:
    """Where the payer signs. Raises UpstreamError."""
    contract = await Contract.get(id=contract_id)
    return await app.upstream(Entrusting).sign(contract_id, contract.display, deadline)


async def refresh_contract(app: App, contract_id: UUID, deadline: Deadline) -> str:
    """Ask the PSP what has become of a contract; returns its state here.

    Raises UpstreamError without an answer.
    """
    contract = await Contract.get(id=contract_id)
    if contract.state == "ended":
        return "ended"
    view = await app.upstream(Entrusting).find_contract(contract_id, deadline)
    async with transaction() as tx:
        locked = await _lock(tx, contract_id)
        now = app.clock.now()
        if view.state is ContractState.SIGNED and CONTRACT.allows(locked.state, "sign"):
            await _move(tx, locked, "sign", psp_ref=view.psp_ref, signed_at=now)
        elif view.state is ContractState.ENDED and CONTRACT.allows(locked.state, "end"):
            await _move(tx, locked, "end", psp_ref=view.psp_ref, ended_at=now)
    return str(locked.state)


async def end_contract(app: App, tx: Transaction, contract_id: UUID) -> None:
    """End a contract when `tx` commits; the PSP is told by a job. Repeat-safe."""
    contract = await _lock(tx, contract_id)
    if not CONTRACT.allows(contract.state, "end"):
        return
    await _move(tx, contract, "end", ended_at=app.clock.now())
    await tell_end.enqueue(app, tx, contract_id)
    await tell_end.enqueue(app, tx, contract_id, key=f"{contract_id}:late", after=_LATE_SIGNING)


@job("payments.end_contract", max_attempts=50)
async def tell_end(app: App, contract_id: UUID) -> None:
    """Have the PSP end what has ended here. Repeat-safe; raises UpstreamError to be run again."""
    psp, deadline = app.upstream(Entrusting), Deadline.after(_CALL_S)
    view = await psp.find_contract(contract_id, deadline)
    if view.state is ContractState.SIGNED and view.psp_ref is not None:
        await psp.end_contract(view.psp_ref, deadline)


async def deduct(app: App, contract_id: UUID, order: Order, deadline: Deadline) -> None:
    """Have an order's amount taken under a contract; see payments.psp.entrusting.

    Raises UpstreamRejected where the contract is not active: nothing was asked for.
    """
    contract = await Contract.get_or_none(id=contract_id)
    if contract is None or contract.state != "active" or contract.psp_ref is None:
        raise UpstreamRejected(PSP, "deduct", 403, b'{"code":"CONTRACT_NOT_EXIST"}')
    await app.upstream(Entrusting).deduct(order, contract.psp_ref, deadline)


async def _lock(tx: Transaction, contract_id: UUID) -> Contract:
    return await Contract.filter(id=contract_id).using_db(tx).select_for_update().get()


async def _move(tx: Transaction, contract: Contract, event: str, **changes: object) -> None:
    contract.state = CONTRACT.next_state(contract.state, event)
    contract.update_from_dict(changes)
    await contract.save(using_db=tx, update_fields=["state", *changes])
