"""Traffic fines: one's own alone, accepted before paid, surcharges by the day, an e-receipt."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, transaction
from core.errors import Conflict, Forbidden, LoginRequired, NotFound, Unavailable
from core.people.data_rights import erase_person, export_person
from core.people.directory import get_person
from core.people.personal_read import grant_consent, withdraw_consent
from core.upstream.exchange import UpstreamError, UpstreamFailed, UpstreamTimeout
from core.upstream.readings import ReadStatus
from modules.mobility.fines import service, upstream
from modules.mobility.fines.domain import Order
from modules.mobility.fines.service import FINES, ListedFine
from modules.mobility.models import Fine
from payments.api import Payment
from payments.models import Intent
from tests.asgi import Client
from tests.modules.mobility.fakes import FINE_FEN, FakePlatform, FakeTrafficPolice
from tests.modules.mobility.paying import last_body, refused, sent, settle
from tests.payments.books import check_books
from tests.payments.world import World
from tests.people import new_key

MakePerson = Callable[..., Awaitable[Call]]
DAY = timedelta(days=1)


@pytest.fixture
async def driver(app: App, person: MakePerson, police: FakeTrafficPolice) -> Call:
    """Somebody with a car, a consent and one violation."""
    call = await person()
    await grant_consent(call, FINES.id, FINES.text_version)
    await _catch(app, call, police)
    return call


async def _catch(app: App, call: Call, police: FakeTrafficPolice) -> str:
    return police.catch((await get_person(app, call.subject_id)).resident_id or "")


async def _fines(call: Call) -> Sequence[ListedFine]:
    reading = await service.read_fines(call)
    assert reading.status is ReadStatus.LIVE and reading.value is not None
    return reading.records.items


async def _accepted(call: Call) -> UUID:
    fine_id = (await _fines(call))[0].id
    await service.accept(call, fine_id, new_key())
    return fine_id


async def test_nobody_sees_fines_without_real_name_and_consent(
    client: Client, person: MakePerson, police: FakeTrafficPolice
) -> None:
    query = "{ trafficFines { status items { id } } }"
    assert (await client.run(query)).codes == ["LOGIN_REQUIRED"]
    low, high = await person(level=1), await person()
    assert (await client.run(query, viewer=low.viewer)).codes == ["LEVEL_REQUIRED"]
    assert (await client.run(query, viewer=high.viewer)).codes == ["CONSENT_REQUIRED"]
    assert police.asked == []
    assert await fetch_all(connection(), "SELECT id FROM core_access_log") == []


async def test_a_violation_is_shown_accepted_and_traced(
    driver: Call, police: FakeTrafficPolice
) -> None:
    (fine,) = await _fines(driver)
    assert (fine.status, fine.order, fine.payment) == ("UNCONFIRMED", None, None)
    doing: Awaitable[object] = service.pay(driver, fine.id, new_key())
    assert await refused(Conflict, doing) == "FINE_NOT_ACCEPTED"
    assert await Intent.all().count() == 0
    accepted = await service.accept(driver, fine.id, new_key())
    again = await service.accept(driver, fine.id, new_key())
    assert accepted == again and accepted.order is not None
    assert (accepted.status, accepted.order.total_fen) == ("UNPAID", FINE_FEN)
    assert [f.order for f in await _fines(driver)] == [accepted.order]
    rows = await fetch_all(connection(), "SELECT upstream FROM core_access_log")
    assert [row["upstream"] for row in rows] == ["traffic_police"] * len(police.asked)


async def test_one_order_that_is_not_told_takes_no_other_fine(
    app: App,
    driver: Call,
    police: FakeTrafficPolice,
    platform: FakePlatform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = await _accepted(driver)
    await _catch(app, driver, police)
    second = await _accepted(driver)
    (order,) = [fine.order for fine in await _fines(driver) if fine.id == first]
    assert order is not None
    for fault in (
        platform.refusal("get_order", 404, "NO_SUCH_ORDER"),
        UpstreamFailed("fines", "get_order", "unknown form"),
        UpstreamTimeout("fines", "get_order", "late"),
    ):

        async def get_order(order_no: str, fault: UpstreamError = fault) -> Order:
            if order_no == order.order_no:
                raise fault
            return await platform.get_order(order_no)

        monkeypatch.setitem(app.upstreams._fakes, upstream.get_order, get_order)
        told = {fine.id: fine for fine in await _fines(driver)}
        assert (told[first].status, told[first].order) == ("UNPAID", None)
        assert told[second].order is not None


async def test_a_violation_that_is_told_twice_is_one_fine(
    driver: Call, police: FakeTrafficPolice
) -> None:
    police.times = 2
    assert len({fine.id for fine in await _fines(driver)}) == 1
    assert await Fine.all().count() == 1


async def test_somebody_elses_fine_is_not_found(driver: Call, person: MakePerson) -> None:
    fine_id, stranger = await _accepted(driver), await person()
    await grant_consent(stranger, FINES.id, FINES.text_version)
    assert await _fines(stranger) == []
    for doing in (
        service.accept(stranger, fine_id, new_key()),
        service.pay(stranger, fine_id, new_key()),
    ):
        assert await refused(NotFound, doing) == "NOT_FOUND"
    assert await Intent.all().count() == 0


async def test_accepting_needs_the_consent_that_is_there_now(
    driver: Call, platform: FakePlatform
) -> None:
    (fine,) = await _fines(driver)
    await withdraw_consent(driver, FINES.id)
    doing = service.accept(driver, fine.id, new_key())
    assert await refused(Forbidden, doing) == "CONSENT_REQUIRED"
    assert [o.order_no for o in platform.offences.values()] == [None]


async def test_a_car_that_was_sold_is_accepted_by_its_new_owner_alone(
    driver: Call, platform: FakePlatform
) -> None:
    (fine,) = await _fines(driver)
    platform.offences[fine.violation.violation_no].resident_id = "somebody else"
    await refused(NotFound, service.accept(driver, fine.id, new_key()))
    assert (await Fine.get(id=fine.id)).order_no is None


async def test_paid_with_its_e_receipt(
    world: World, driver: Call, platform: FakePlatform, app: App
) -> None:
    fine_id = await _accepted(driver)
    payment = await service.pay(driver, fine_id, new_key())
    assert (payment.amount, payment.title) == (FINE_FEN, "Traffic fine FS000000")
    intent = await settle(world, payment)
    assert (intent.state, intent.fulfilment_ref) == ("fulfilled", "RC000000")
    (fine,) = await _fines(driver)
    assert (fine.status, fine.receipt_no, fine.order) == ("SETTLED", "RC000000", None)
    assert fine.payment is not None and fine.payment.status == "SUCCEEDED"
    assert await sent() == ["mobility.fine-paid"]
    assert "RC000000" in await last_body(app)
    doing = service.pay(driver, fine_id, new_key())
    assert await refused(Conflict, doing) == "FINE_PAID"
    assert await Intent.all().count() == 1
    await check_books(world)


async def test_the_surcharge_is_the_platforms(
    world: World, driver: Call, clock: ManualClock, platform: FakePlatform
) -> None:
    fine_id = await _accepted(driver)
    clock.move(25 * DAY)
    late = world.fresh(driver)
    (fine,) = await _fines(late)
    assert fine.order is not None and fine.order.late_fee_fen == 3000
    payment = await service.pay(late, fine_id, new_key())
    assert payment.amount == FINE_FEN + 3000
    assert (await settle(world, payment)).state == "fulfilled"


async def test_what_was_asked_for_before_midnight_is_paid_after_it(
    world: World, driver: Call, clock: ManualClock
) -> None:
    fine_id = await _accepted(driver)
    clock.move(20 * DAY + timedelta(hours=11, minutes=55))  # five minutes to midnight in Shanghai
    first = await service.pay(world.fresh(driver), fine_id, new_key())
    clock.move(timedelta(minutes=10))
    again = await service.pay(world.fresh(driver), fine_id, new_key())
    assert (again.id, again.amount) == (first.id, FINE_FEN + 1500)
    assert (await settle(world, first)).state == "fulfilled"


async def test_an_old_amount_is_not_asked_for(
    driver: Call, platform: FakePlatform, clock: ManualClock, world: World
) -> None:
    fine_id = await _accepted(driver)
    platform.faults.always = "down"
    clock.move(timedelta(minutes=11))
    await refused(Unavailable, service.pay(driver, fine_id, new_key()))
    assert await Intent.all().count() == 0
    reading = await service.read_fines(driver)
    assert (reading.status, reading.reason) == (ReadStatus.STALE, "UNAVAILABLE")


async def test_a_violation_is_accepted_although_the_platform_is_silent(
    driver: Call, platform: FakePlatform, police: FakeTrafficPolice
) -> None:
    (fine,) = await _fines(driver)
    police.faults.always = "down"
    await refused(Unavailable, service.accept(driver, fine.id, new_key()))
    police.faults.always, platform.faults.always = "ok", "down"
    accepted = await service.accept(driver, fine.id, new_key())
    assert (accepted.status, accepted.order) == ("UNPAID", None)
    await refused(Unavailable, service.pay(driver, fine.id, new_key()))
    platform.faults.always = "ok"
    assert (await service.pay(driver, fine.id, new_key())).amount == FINE_FEN


async def test_a_withdrawn_order_asks_for_nothing(driver: Call, platform: FakePlatform) -> None:
    fine_id = await _accepted(driver)
    (offence,) = platform.offences.values()
    offence.withdrawn = True
    doing = service.pay(driver, fine_id, new_key())
    assert await refused(Conflict, doing) == "FINE_WITHDRAWN"
    assert await Intent.all().count() == 0


async def test_an_order_that_ends_meanwhile_gives_the_money_back(
    world: World, driver: Call, platform: FakePlatform
) -> None:
    fine_id = await _accepted(driver)
    payment = await service.pay(driver, fine_id, new_key())
    (offence,) = platform.offences.values()
    offence.withdrawn = True
    await settle(world, payment)
    await world.call_back()
    await world.queue.run_for(timedelta(hours=26))
    intent = await world.intent(UUID(str(payment.id)))
    assert (intent.state, intent.refusal) == ("refunded", "ORDER_WITHDRAWN")
    assert (await Fine.get(id=fine_id)).status == "WITHDRAWN"
    assert platform.receipts == {}
    assert await sent() == ["mobility.fine-refused", "mobility.fine-refunded"]
    await check_books(world)


async def test_a_silent_platform_is_asked_until_it_is_known(
    world: World, driver: Call, platform: FakePlatform
) -> None:
    fine_id = await _accepted(driver)
    payment = await service.pay(driver, fine_id, new_key())
    platform.faults.queued.append("lost")
    platform.faults.always = "down"
    assert (await settle(world, payment)).state == "fulfilment_unknown"
    await world.queue.run_for(timedelta(hours=30))
    intent = await world.intent(UUID(str(payment.id)))
    assert intent.state == "fulfilment_unknown"  # booked or not: no machine sends it back
    platform.faults.always = "ok"
    await world.queue.run_for(timedelta(minutes=11))
    assert (await world.intent(intent.id)).state == "fulfilled"
    assert len(platform.receipts) == 1


async def test_one_fine_is_paid_once_however_often_it_is_sent(driver: Call) -> None:
    fine_id = await _accepted(driver)
    sends = [service.pay(driver, fine_id, "one-and-the-same") for _ in range(20)]
    told: list[Payment] = await asyncio.gather(*sends)
    assert len({payment.id for payment in told}) == 1
    assert await Intent.all().count() == 1


async def test_paying_needs_a_fresh_authentication(
    client: Client, driver: Call, clock: ManualClock
) -> None:
    fine_id = await _accepted(driver)
    clock.move(timedelta(minutes=15))
    query = """mutation($f: ID!, $k: String!) { payTrafficFine(fineId: $f, idempotencyKey: $k) {
        __typename ... on Refusal { code } } }"""
    variables = {"f": str(fine_id), "k": new_key()}
    token = client.token(driver.viewer)  # type: ignore[arg-type]
    answer = await client.run(query, variables, headers=token)
    assert answer.json["data"]["payTrafficFine"]["code"] == "FRESH_AUTH_REQUIRED"
    assert await Intent.all().count() == 0


async def test_level_one_meets_no_fine(driver: Call, person: MakePerson) -> None:
    fine_id, low = await _accepted(driver), await person(level=1)
    await refused(LoginRequired, service.pay(low, fine_id, new_key()))


async def test_what_was_paid_stays_when_a_person_is_forgotten(
    world: World, app: App, driver: Call, police: FakeTrafficPolice
) -> None:
    await _catch(app, driver, police)
    fine_id = await _accepted(driver)
    await settle(world, await service.pay(driver, fine_id, new_key()))
    told = (await export_person(app, driver.subject_id))["mobility"].data["fines"]
    assert sorted(fine["status"] for fine in told) == ["SETTLED", "UNCONFIRMED"]
    async with transaction() as tx:
        await erase_person(app, tx, driver.subject_id)
    assert [fine.id for fine in await Fine.all()] == [fine_id]
