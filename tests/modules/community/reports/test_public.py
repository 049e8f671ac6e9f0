"""What everybody sees of reports: near a place, in a rectangle by pages, by unit; erasure."""

from datetime import timedelta
from uuid import UUID

from core.clock import ManualClock
from core.context.app import App
from core.database import IntegrityError, connection, transaction
from core.people.data_rights import erase_person, export_person
from modules.community.reports import photos
from tests.modules.community.reports.people import HERE, Street


async def test_reports_are_listed_near_and_by_pages(street: Street) -> None:
    me, filed = await street.citizen(), []
    for n in range(7):
        at = {"lat": 36.67 + n * 0.002, "lon": 117.0}
        category = {"category": "garbage"} if n == 3 else {}
        answers = {"answers": [{"name": "description", "value": "垃圾"}]} if n == 3 else {}
        filed.append(await street.filed(me, at=at, **category, **answers))
    near = await street.send(None, "ReportsNear", at=HERE, radiusM=500)
    assert [one["id"] for one in near] == [one["id"] for one in filed[:3]]
    metres = [one["distanceM"] for one in near]
    assert metres[0] == 0 and 220 < metres[1] < 225 and 440 < metres[2] < 450
    area = {"south": 36.66, "west": 116.99, "north": 36.679, "east": 117.01}
    seen, after = [], None
    while True:
        page = await street.send(None, "ReportsIn", area=area, first=2, after=after)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [one["id"] for one in reversed(filed[:5])]
    only = await street.send(None, "ReportsIn", area=area, first=9, categories=["garbage"])
    assert [edge["node"]["id"] for edge in only["edges"]] == [filed[3]["id"]]
    mine = await street.send(me, "MyReports", first=3)
    assert [edge["node"]["id"] for edge in mine["edges"]] == [
        one["id"] for one in reversed(filed[4:])
    ]


async def test_the_share_kept_in_time_is_counted_by_unit(
    street: Street, clock: ManualClock
) -> None:
    me, grid, water = await street.citizen(), await street.worker(), await street.worker("water")
    await street.filed(me, at={"lat": 36.68, "lon": 117.0})
    leak = {"category": "water-leak", "answers": [{"name": "description", "value": "漏水"}]}
    await street.filed(me, **leak)
    task = await street.task(water)
    await street.send(water, "FinishReport", taskId=task["id"], note="已修")
    clock.move(timedelta(days=10))
    late = await street.task(grid)
    await street.send(grid, "FinishReport", taskId=late["id"], note="已修")
    await street.filed(me)
    numbers = await street.send(None, "ReportStatistics", days=30)
    assert [(u["unit"][:5], u["filed"], u["done"], u["inTime"], u["inTimeShare"])
            for u in numbers] == [("Polit", 2, 1, 0, 0.0), ("Water", 1, 1, 1, 1.0)]  # fmt: skip
    assert await street.send(None, "ReportStatistics", days=1) != numbers
    assert await street.code(None, "ReportStatistics", days=400) == "INVALID_INPUT"


async def test_the_categories_are_those_of_today_with_their_newest_questions(
    street: Street,
) -> None:
    offered = {one["code"]: one for one in await street.send(None, "ReportCategories")}
    assert "shared-bicycle" not in offered
    road = offered["road-damage"]
    assert (road["version"], road["fields"][-1]["name"], road["promiseDays"]) == (2, "part", 5)
    assert offered["water-leak"]["unit"] == "Water Bureau (water supplier)"


async def test_who_leaves_takes_photographs_and_follows_along(street: Street, app: App) -> None:
    me, worker = await street.citizen(), await street.worker()
    report = await street.filed(me, photoIds=[await street.photo(me)])
    await street.send(me, "FollowReport", id=report["id"])
    task = await street.task(worker)
    proof = await street.photo(worker, 3)
    await street.send(worker, "FinishReport", taskId=task["id"], photoIds=[proof])
    await street.send(me, "StepReport", caseId=report["caseId"], event="confirm")
    exported = (await export_person(app, me.user_id))["community"].data
    assert len(exported["report_photos"]) == len(exported["followed_reports"]) == 1
    async with transaction() as tx:
        await erase_person(app, tx, me.user_id)
        await erase_person(app, tx, worker.user_id)
    rows = await street.rows("SELECT id, owner_id FROM community_report_photo")
    assert [row["id"] for row in rows] == [UUID(proof)]
    assert rows[0]["owner_id"] not in (me.user_id, worker.user_id)
    parts = await street.rows("SELECT DISTINCT photo_id FROM community_report_photo_part")
    assert [row["photo_id"] for row in parts] == [UUID(proof)]
    assert await street.rows("SELECT id FROM community_report_follow") == []


async def test_photographs_of_no_report_are_taken_away_after_a_day(
    street: Street, app: App, clock: ManualClock
) -> None:
    me = await street.citizen()
    kept = await street.filed(me, photoIds=[await street.photo(me)])
    await street.photo(me, 7)
    clock.move(timedelta(hours=25))
    fresh = await street.photo(me, 8)
    await photos.drop_photos(app)
    rows = await street.rows("SELECT id FROM community_report_photo ORDER BY id")
    assert [row["id"] for row in rows] == [UUID(kept["photos"][0]["id"]), UUID(fresh)]


async def test_the_database_refuses_what_must_never_be(street: Street) -> None:
    await street.filed(await street.citizen())
    for change in (
        "is_open = false",
        "fixed_on = filed_on",
        "grid_code = '37010'",
        "lat = 91",
        "followers = -1",
    ):
        try:
            await connection().execute_query(f"UPDATE community_report SET {change}")
        except IntegrityError:
            continue
        raise AssertionError(change)
