"""What was paid under an account that is merged into another is its new owner's to see."""

from datetime import timedelta
from uuid import UUID

import pytest

from core.context.call import Call
from core.database import transaction
from core.errors import Conflict, NotFound
from core.people.data_rights import export_person, find_holds
from core.people.directory import find_person, get_person
from modules.identity import store
from modules.identity.real_name import take_over
from notifications.messages.models import Message
from payments import service
from payments.models import Intent
from tests.asgi import Client
from tests.payments.books import check_books
from tests.payments.world import World
from tests.people import close_account

LIST = "{ payments(first: 10) { edges { node { id refunded } } } }"
ONE = "query ($id: ID!) { payment(id: $id) { id } paymentReceipt(paymentId: $id) { receiptNo } }"


async def _merge(world: World, old: Call, new: Call) -> None:
    async with transaction() as tx:
        rows = [await store.lock_citizen(tx, call.subject_id) for call in (old, new)]
        assert rows[0] is not None and rows[1] is not None
        await take_over(world.app, tx, rows[0], rows[1])


async def _paid(world: World, call: Call, account_no: str) -> UUID:
    intent_id = await world.start(call, await world.bill(call, account_no=account_no))
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=1))
    return intent_id


async def test_payments_of_merged_accounts_are_seen_by_their_owner_alone(
    world: World, client: Client
) -> None:
    first, second, owner, stranger = [await world.citizen() for _ in range(4)]
    paid = [
        await _paid(world, call, f"A{number:04d}")
        for number, call in enumerate((first, second, owner), 1)
    ]
    await _merge(world, first, second)
    await _merge(world, second, owner)

    async def seen(call: Call) -> list[str]:
        page = (await client.data(LIST, viewer=call.viewer))["payments"]
        return [edge["node"]["id"] for edge in page["edges"]]

    assert await seen(owner) == [str(intent_id) for intent_id in reversed(paid)]
    assert await seen(stranger) == []
    assert (await service.find_payments(owner, paid)).keys() == set(paid)
    assert await service.find_payments(stranger, paid) == {}
    for intent_id in paid:
        shown = await client.data(ONE, {"id": str(intent_id)}, viewer=owner.viewer)
        assert shown["payment"]["id"] == str(intent_id) and shown["paymentReceipt"]["receiptNo"]
        with pytest.raises(NotFound):
            await service.get_payment(stranger, intent_id)
        for call, status in ((owner, 200), (stranger, 404)):
            headers = client.token(call.viewer)
            answer = await client.request("GET", f"/receipts/{intent_id}.pdf", headers=headers)
            assert answer.status == status
    exported = (await export_person(world.app, owner.subject_id))["payments"].data["payments"]
    assert {row["id"] for row in exported} == {str(intent_id) for intent_id in paid}
    payers = {intent.id: intent.payer_id for intent in await Intent.all()}
    assert [payers[intent_id] for intent_id in paid] == [
        call.subject_id for call in (first, second, owner)
    ]
    await check_books(world)


async def test_a_refund_of_a_merged_accounts_payment_is_told_to_its_owner(world: World) -> None:
    old, owner = await world.citizen(), await world.citizen()
    intent_id = await _paid(world, old, "A0001")
    await _merge(world, old, owner)
    before = await Message.filter(person_id=owner.subject_id).count()
    async with transaction() as tx:
        await service.refund(world.app, tx, intent_id, 1000, reason="TEST", key="back-1")
    await world.queue.run_for(timedelta(hours=1))
    assert (await service.get_payment(owner, intent_id)).refunded_fen == 1000
    assert await Message.filter(person_id=owner.subject_id).count() == before + 1
    assert await Message.filter(person_id=old.subject_id).count() == 0
    await check_books(world)


async def test_an_open_cashier_of_a_merged_account_is_its_owners(world: World) -> None:
    old, owner = await world.citizen(), await world.citizen()
    bill_id = await world.bill(old)
    intent_id = await world.start(old, bill_id)
    await _merge(world, old, owner)
    assert "payments" in await find_holds(world.app, owner.subject_id)
    assert await world.start(owner, bill_id) == intent_id
    assert (await service.cancel_payment(owner, intent_id)).state in ("cancelling", "expired")
    paid = await _paid(world, owner, "A0002")
    with pytest.raises(Conflict):
        await service.cancel_payment(owner, paid)


async def test_a_merged_account_leads_jobs_to_its_owner_and_no_request(world: World) -> None:
    old, owner, left = [await world.citizen() for _ in range(3)]
    await _merge(world, old, owner)
    await close_account(world.app, left.subject_id)
    person = await find_person(world.app, old.subject_id)
    assert person is not None and person.id == owner.subject_id
    assert await find_person(world.app, left.subject_id) is None
    with pytest.raises(NotFound):
        await get_person(world.app, old.subject_id)
