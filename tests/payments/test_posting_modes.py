"""Real-time is the saga's own test; here deemed and deemed-plus."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.database import transaction
from core.ids import new_id
from core.manifest import Manifest
from payments import api
from payments.payable import (
    FULFIL_WINDOW,
    Accepted,
    NotYet,
    Paid,
    Posting,
    Refused,
    Unknown,
    judge,
)
from tests.payments import posting_modes
from tests.payments.books import check_books
from tests.payments.world import World

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
DAY = timedelta(hours=24)


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """The two payables."""
    return (Manifest(name="posting_modes", package="tests.payments", rooms=("posting_modes",)),)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    posting_modes.SAYS.clear()
    posting_modes.HEARD.clear()
    yield


async def _paid(world: World, kind: str) -> UUID:
    call = await world.citizen()
    async with transaction() as tx:
        intent_id = await api.create_intent(
            call, tx, kind=kind, subject_ref=new_id().hex, key=f"key-{new_id().hex}"
        )
    await api.present(call, intent_id)
    assert world.psp.pay(intent_id)
    assert await world.call_back() == ["captured"]
    return intent_id


async def test_deemed_takes_a_lost_answer_for_booked(world: World) -> None:
    posting_modes.SAYS.append(Unknown())
    intent_id = await _paid(world, "test.deemed")
    await world.queue.run_due()
    intent = await world.intent(intent_id)
    assert (intent.state, intent.fulfilment_ref) == ("fulfilled", f"DEEMED-{intent_id.hex}")
    assert len(posting_modes.HEARD) == 1


async def test_deemed_repeats_what_certainly_did_not_arrive(world: World) -> None:
    posting_modes.SAYS.extend([NotYet(), Accepted("B1")])
    intent_id = await _paid(world, "test.deemed")
    await world.queue.run_for(timedelta(seconds=6))
    assert (await world.intent(intent_id)).fulfilment_ref == "B1"


@pytest.mark.parametrize("answer", [Unknown(), NotYet()])
async def test_deemed_plus_sends_five_times_again_then_gives_the_money_back(
    world: World, answer: Unknown | NotYet
) -> None:
    posting_modes.SAYS.extend([answer] * 6)
    intent_id = await _paid(world, "test.deemed_plus")
    began_at = world.clock.now()
    await world.queue.run_for(timedelta(hours=23, minutes=30))
    assert (await world.intent(intent_id)).state in ("paid", "fulfilment_unknown")
    await check_books(world)
    await world.queue.run_until(began_at + DAY)
    intent = await world.intent(intent_id)
    assert (intent.state, intent.refusal, intent.refunded_fen) == ("refunded", "NOT_POSTED", 5000)
    assert [paid.attempt for paid in posting_modes.HEARD] == [0, 1, 2, 3, 4, 5]
    await check_books(world)


async def test_deemed_plus_ends_with_the_first_clear_answer(world: World) -> None:
    posting_modes.SAYS.extend([Unknown(), Unknown(), Accepted("B2")])
    intent_id = await _paid(world, "test.deemed_plus")
    await world.queue.run_for(timedelta(hours=1))
    assert (await world.intent(intent_id)).fulfilment_ref == "B2"
    posting_modes.SAYS.extend([Unknown(), Refused("CLOSED")])
    intent_id = await _paid(world, "test.deemed_plus")
    await world.queue.run_for(timedelta(hours=1))
    assert (await world.intent(intent_id)).state == "refunded"
    await check_books(world)


@pytest.mark.parametrize(
    ("posting", "attempt", "code"),
    [
        (Posting.REAL_TIME, 1, "PAYEE_UNAVAILABLE"),
        (Posting.DEEMED_PLUS, 0, "PAYEE_UNAVAILABLE"),
        (Posting.DEEMED_PLUS, 1, "NOT_POSTED"),
    ],
)
def test_who_may_have_booked_an_earlier_attempt_is_not_called_unavailable(
    posting: Posting, attempt: int, code: str
) -> None:
    paid = Paid(new_id(), new_id(), "test.deemed_plus", "1", 5000, NOON, attempt)
    assert judge(posting, NotYet(), paid, NOON + FULFIL_WINDOW) == Refused(code)
