"""Five grades, once a case; a poor one is called back, and that ends with an answer."""

import asyncio
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.people.data_rights import erase_person, export_person
from kinds.application import deadlines, rating, service, store
from kinds.application.models import Case, Rating
from tests.kinds.application.town import ANSWERS, Town, find, key
from tests.kinds.application.wing import PERMIT


async def _ended(town: Town, me: Call) -> Case:
    return await town.step(me, await town.open(me, PERMIT), "withdraw")


async def test_a_good_grade_is_all_there_is(town: Town, me: Call) -> None:
    case = await _ended(town, me)
    one = key()
    for _ in range(2):
        row = await rating.rate(me, case.id, 5, ["swift"], "thank you", one)
    assert (row.grade, row.labels, row.call_back_id) == (5, ["swift"], None)
    with pytest.raises(Conflict, match="CASE_RATED"):
        await rating.rate(me, case.id, 1, [], "", key())
    assert await Rating.all().count() == 1
    assert len(await town.rows("SELECT id FROM applications_case")) == 1


async def test_two_stars_are_called_back_with_a_deadline_and_an_answer(
    town: Town, me: Call, app: App, clock: ManualClock
) -> None:
    await town.staffed("administrative_approval", "police")
    case = await _ended(town, me)
    row = await rating.rate(me, case.id, 2, [], "nobody answered the phone", key())
    assert row.call_back_id is not None
    called = await service.get_case(me, row.call_back_id)
    assert (called.service_id, called.state) == ("gov-rating", "calling")
    assert service.answers_of(me, called) == {
        "case_no": case.no, "grade": "2", "text": "nobody answered the phone",
    }  # fmt: skip
    assert (called.due_on - called.turn_from_on).days == 2  # two working days to call
    clock.move(timedelta(days=3))
    await deadlines.sweep(app)
    assert (await find(called.id)).is_escalated
    called = await town.act(called, "call", note="called, and sorry")
    called = await town.act(called, "assign", unit="police")
    called = await town.act(called, "answer", note="there is a second line now")
    assert (called.state, called.turn) == ("answered", "NOBODY")
    again = await rating.rate(me, called.id, 1, [], "", key())
    assert again.call_back_id is None  # a call-back is called back no more


async def test_one_rating_though_many_come_at_once(town: Town, me: Call) -> None:
    case = await _ended(town, me)
    answers = await asyncio.gather(
        *(rating.rate(me, case.id, 1, [], "", key()) for _ in range(5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [getattr(error, "code", error) for error in refused] == ["CASE_RATED"] * 4
    assert await store.count_open_cases(connection(), me.subject_id, "gov-rating") == 1


async def test_what_cannot_be_rated_is_refused(town: Town, me: Call) -> None:
    open_case = await town.open(me, PERMIT)
    with pytest.raises(Conflict, match="CASE_NOT_ENDED"):
        await rating.rate(me, open_case.id, 5, [], "", key())
    case = await town.step(me, open_case, "withdraw")
    for grade in (0, 6, -1):
        with pytest.raises(InvalidInput, match="GRADE_RANGE"):
            await rating.rate(me, case.id, grade, [], "", key())
    for labels in (["a"] * 2, [""], ["x" * 21], [str(n) for n in range(7)]):
        with pytest.raises(InvalidInput, match="LABELS_MANY"):
            await rating.rate(me, case.id, 5, labels, "", key())
    with pytest.raises(InvalidInput, match="NOTE_LONG"):
        await rating.rate(me, case.id, 5, [], "x" * 501, key())
    with pytest.raises(NotFound):
        await service.open_case(me, "gov-rating", ANSWERS, key())
    assert await Rating.all().count() == 0


async def test_an_erasure_keeps_the_grade_alone(town: Town, me: Call, app: App) -> None:
    case = await _ended(town, me)
    await rating.rate(me, case.id, 4, [], "my name is in here", key())
    (exported,) = (await export_person(app, me.subject_id))["applications"].data["ratings"]
    assert exported["text"] == "my name is in here"
    async with transaction() as tx:
        await erase_person(app, tx, me.subject_id)
    (row,) = await Rating.all()
    assert (row.grade, row.text_sealed) == (4, None) and row.citizen_id != me.subject_id
