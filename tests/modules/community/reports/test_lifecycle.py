"""A report from the photograph to the day on which it is closed; who is told; what is refused."""

import asyncio
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context import sweep
from core.context.app import App
from core.ids import new_id
from kinds.application import deadlines
from modules.community.reports import service
from modules.community.reports.models import Report, ReportFollow
from tests.modules.community.base_map import FakeBaseMap
from tests.modules.community.reports.people import HERE, Street

GRID = "370102001001001"


async def test_a_report_is_dispatched_fixed_with_a_photo_and_reopened_once_per_closure(
    street: Street,
) -> None:
    me, neighbour = await street.citizen(), await street.citizen()
    near = await street.worker("grid_office", GRID)
    await street.worker("grid_office", "370102001")
    await street.worker("grid_office")
    report = await street.filed(me, photoIds=[await street.photo(me)], isPublic=True)
    assert (report["no"], report["state"], report["gridCode"], report["promisedOn"]) == (
        "SP20261123000001", "FILED", GRID, "2026-11-25",
    )  # fmt: skip
    assert report["unit"] == "Political and Legal Commission (Grid Office)"
    await street.send(neighbour, "FollowReport", id=report["id"])
    task = await street.task(near, mine=True)
    assert task["report"]["id"] == report["id"] and task["isMine"]
    assert len(task["report"]["photos"]) == 1
    handling = await street.send(near, "AcceptReport", taskId=task["id"])
    assert handling["task"]["report"]["state"] == "HANDLING"
    assert handling["task"]["isMine"] and handling["task"]["id"] != task["id"]
    await street.send(me, "UpdateReport", id=report["id"], text="又塌了一块")
    assert "补充情况" in (await street.messages(near))[-1]
    task = await street.task(near, mine=True)
    assert (await street.send(near, "FinishReport", taskId=task["id"]))["code"] == "PROOF_MISSING"
    proof = await street.photo(near, 2)
    fixed = await street.send(near, "FinishReport", taskId=task["id"], photoIds=[proof])
    assert (fixed["report"]["state"], fixed["report"]["fixedOn"]) == ("FIXED", "2026-11-23")
    assert "Fixed" in (await street.messages(me))[-1]
    for viewer, seen in ((me, 2), (neighbour, 0), (None, 0)):
        shown = await street.send(viewer, "Report", id=report["id"])
        assert len(shown["photos"]) == seen
        read = await street.request("GET", f"/reports/photos/{proof}", b"", viewer)
        assert read.status == (200 if seen else 404)
    assert "now: Fixed" in (await street.messages(neighbour))[-1]
    again = await _step(street, me, report, "reopen", "还在漏")
    assert again["case"]["stateTitle"] == "Being handled"
    assert "Reopened" in (await street.messages(neighbour))[-1]
    assert (await _step(street, me, report, "reopen", "再来"))["code"] == "ILLEGAL_STATE"
    await _fix_again(street, near)
    assert len((await street.send(neighbour, "Report", id=report["id"]))["photos"]) == 1
    closed = await _step(street, me, report, "confirm")
    assert closed["case"]["promise"] == "KEPT"
    events = await street.client.operate("Report", {"id": report["id"]})
    assert [e["title"] for e in events.json["data"]["reportEvents"]] == [
        "Filed", "Accepted", "Fixed", "Reopened", "Fixed", "Confirmed",
    ]  # fmt: skip
    assert [e["note"] for e in events.json["data"]["reportEvents"] if e["note"]] == ["已更换井盖"]


async def _fix_again(street: Street, worker: Any) -> None:
    """Finish the worker's task with a photo for everybody and a note."""
    task = await street.task(worker, mine=True)
    done = await street.send(
        worker,
        "FinishReport",
        taskId=task["id"],
        photoIds=[await street.photo(worker, 3)],
        note="已更换井盖",
        isPublic=True,
    )
    assert done["report"]["state"] == "FIXED"


async def _step(street: Street, viewer: Any, report: Any, event: str, note: str = "") -> Any:
    return await street.send(viewer, "StepReport", caseId=report["caseId"], event=event, note=note)


async def test_similar_reports_are_offered_and_can_be_followed_instead(street: Street) -> None:
    me, other = await street.citizen(), await street.citizen()
    report = await street.filed(me, photoIds=[await street.photo(me)])
    near = {"lat": 36.6703, "lon": 117.0002}  # 38 m away
    offered = await street.file(other, at=near)
    assert offered["code"] == "REPORT_SIMILAR"
    (similar,) = offered["similar"]
    assert (similar["likeness"], similar["report"]["id"]) == ("CATEGORY", report["id"])
    assert 30 < similar["report"]["distanceM"] < 45
    assert len(await street.rows("SELECT id FROM community_report")) == 1
    copy = await street.photo(other)
    (same,) = await street.send(
        other, "SimilarReports", category="garbage", at=near, photoIds=[copy]
    )
    assert same["likeness"] == "PICTURE"
    other_picture = await street.photo(other, 9)
    assert (
        await street.send(
            other, "SimilarReports", category="garbage", at=near, photoIds=[other_picture]
        )
        == []
    )
    far = {"lat": 36.672, "lon": 117.0}
    assert "report" in await street.file(other, at=far)
    assert "report" in await street.file(other, at=near, seen=[report["id"]])
    followed = await street.send(other, "FollowReport", id=report["id"])
    assert (followed["report"]["followers"], followed["report"]["isFollowed"]) == (1, True)
    mine = await street.send(other, "FollowedReports", first=10)
    assert [edge["node"]["id"] for edge in mine["edges"]] == [report["id"]]
    left = await street.send(other, "UnfollowReport", id=report["id"])
    assert left["report"]["followers"] == 0


async def test_one_key_files_once_though_the_first_is_similar_to_itself(street: Street) -> None:
    me = await street.citizen()
    one = await street.send(me, "FileReport", report=_report(), fileKey="the-same-key")
    two = await street.send(me, "FileReport", report=_report(), fileKey="the-same-key")
    assert one == two and one["report"]["no"]
    assert len(await street.rows("SELECT id FROM applications_case")) == 1


def _report(**changes: Any) -> Any:
    answers = [{"name": "description", "value": "垃圾堆了三天"}]
    return {"category": "garbage", "at": HERE, "answers": answers} | changes


async def test_a_merged_report_goes_on_as_the_other_for_all_who_wait(street: Street) -> None:
    me, other, third = [await street.citizen() for _ in range(3)]
    worker = await street.worker()
    first = await street.filed(me)
    second = await street.filed(other, seen=[first["id"]])
    await street.send(third, "FollowReport", id=second["id"])
    tasks = await street.send(worker, "StaffReports", first=10)
    first_task, second_task = [edge["node"]["id"] for edge in tasks["edges"]]
    itself = await street.send(worker, "MergeReport", taskId=second_task, into=second["id"])
    assert itself["code"] == "MERGE_TARGET"
    merged = await street.send(worker, "MergeReport", taskId=second_task, into=first["id"])
    assert (merged["report"]["state"], merged["report"]["mergedInto"]) == ("MERGED", first["id"])
    await street.send(worker, "FinishReport", taskId=first_task, note="fixed by night shift")
    for viewer in (other, third):
        assert f"{first['no']}: Fixed" in (await street.messages(viewer))[-1]
    late = await street.send(await street.citizen(), "FollowReport", id=second["id"])
    assert late["report"]["id"] == first["id"]


async def test_who_follows_a_report_while_it_is_merged_follows_the_other(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, late, worker = await street.citizen(), await street.citizen(), await street.worker()
    first = await street.filed(me)
    second = await street.filed(me, seen=[first["id"]])
    tasks = await street.send(worker, "StaffReports", first=10)
    task_id = tasks["edges"][1]["node"]["id"]
    read = service.get_report

    async def read_and_merged(report_id: UUID) -> Report:
        found = await read(report_id)
        monkeypatch.setattr(service, "get_report", read)
        await street.send(worker, "MergeReport", taskId=task_id, into=first["id"])
        return found

    monkeypatch.setattr(service, "get_report", read_and_merged)
    followed = await street.send(late, "FollowReport", id=second["id"])
    assert followed["report"]["id"] == first["id"]
    assert [str(row.report_id) for row in await ReportFollow.filter(citizen_id=late.user_id)] == [
        first["id"]
    ]


async def test_a_report_as_which_others_go_on_is_not_taken_back(street: Street) -> None:
    me, other, third = [await street.citizen() for _ in range(3)]
    worker = await street.worker()
    first = await street.filed(me)
    second = await street.filed(other, seen=[first["id"]])
    await street.filed(third, seen=[first["id"], second["id"]])
    tasks = await street.send(worker, "StaffReports", first=10)
    first_task, second_task, last_task = [edge["node"]["id"] for edge in tasks["edges"]]
    await street.send(worker, "MergeReport", taskId=last_task, into=second["id"])
    assert (await _step(street, other, second, "withdraw"))["code"] == "OTHERS_MERGED"
    await street.send(worker, "MergeReport", taskId=second_task, into=first["id"])
    assert (await _step(street, me, first, "withdraw"))["code"] == "OTHERS_MERGED"
    rows = await street.rows("SELECT state, is_open, merged_into FROM community_report ORDER BY id")
    assert [(row["state"], row["is_open"]) for row in rows] == [
        ("filed", True), ("merged", False), ("merged", False),
    ]  # fmt: skip
    assert {str(row["merged_into"]) for row in rows[1:]} == {first["id"]}
    await street.send(worker, "FinishReport", taskId=first_task, note="fixed")
    for viewer in (other, third):
        assert f"{first['no']}: Fixed" in (await street.messages(viewer))[-1]


async def test_a_merge_and_a_withdrawal_at_once_leave_no_report_behind(street: Street) -> None:
    worker = await street.worker()
    for _ in range(6):
        me, other = await street.citizen(), await street.citizen()
        first = await street.filed(me, seen=[])
        second = await street.filed(other, seen=[first["id"]])
        tasks = await street.send(worker, "StaffReports", first=50)
        task = next(e["node"] for e in tasks["edges"] if e["node"]["report"]["id"] == second["id"])
        merged, withdrawn = await asyncio.gather(
            street.send(worker, "MergeReport", taskId=task["id"], into=first["id"]),
            _step(street, me, first, "withdraw"),
        )
        assert {merged.get("code"), withdrawn.get("code")} in (
            {"MERGE_TARGET", None},
            {None, "OTHERS_MERGED"},
        )
        if "code" in merged:
            await _step(street, other, second, "withdraw")
        else:
            left = await street.task(worker)
            await street.send(worker, "FinishReport", taskId=left["id"], note="done")


async def test_two_reports_are_not_merged_into_one_another(street: Street) -> None:
    me, worker = await street.citizen(), await street.worker()
    first = await street.filed(me)
    second = await street.filed(me, seen=[first["id"]])
    tasks = await street.send(worker, "StaffReports", first=10)
    first_task, second_task = [edge["node"]["id"] for edge in tasks["edges"]]
    merged = await asyncio.gather(
        street.send(worker, "MergeReport", taskId=first_task, into=second["id"]),
        street.send(worker, "MergeReport", taskId=second_task, into=first["id"]),
    )
    assert sorted(one.get("code", "") for one in merged) == ["", "MERGE_TARGET"]


async def test_all_followers_are_told_however_many_passes_it_takes(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, worker, last = await street.citizen(), await street.worker(), await street.citizen()
    report = await street.filed(me)
    now = street.app.clock.now()
    await ReportFollow.bulk_create(  # a full page, of people who are gone
        ReportFollow(id=new_id(), report_id=report["id"], citizen_id=new_id(), followed_at=now)
        for _ in range(200)
    )
    await street.send(last, "FollowReport", id=report["id"])
    ticks = count(step=1000)
    monkeypatch.setattr(sweep, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    task = await street.task(worker)
    await street.send(worker, "AcceptReport", taskId=task["id"])
    assert "Accepted" in (await street.messages(last))[-1]


async def test_a_worker_reassigns_and_others_see_nothing(street: Street) -> None:
    me = await street.citizen()
    grid, water = await street.worker(), await street.worker("water")
    report = await street.filed(me)
    task = await street.task(grid)
    hidden = await street.code(water, "StaffReport", id=report["id"])
    assert hidden == "NOT_FOUND"
    assert (await street.send(water, "AcceptReport", taskId=task["id"]))["code"] == "NOT_FOUND"
    reason = {"unit": "water", "note": "自来水管漏水"}
    moved = await street.send(grid, "ReassignReport", taskId=task["id"], **reason)
    assert moved["report"]["unit"] == "Water Bureau (water supplier)"
    task = await street.task(water, mine=True)
    declined = await street.send(
        water, "DeclineReport", taskId=task["id"], note="属小区内部管网,请联系物业"
    )
    assert declined["report"]["state"] == "DECLINED"
    seen = await street.send(grid, "StaffReport", id=report["id"])
    assert seen["timeline"][-1]["note"] == "属小区内部管网,请联系物业"


async def test_anonymity_keeps_the_contact_from_the_worker(street: Street) -> None:
    me, worker = await street.citizen(), await street.worker()
    answers = [
        {"name": "description", "value": "路灯不亮"},
        {"name": "contact", "value": "13900000000"},
    ]
    where = {"category": "street-light", "answers": answers}
    hidden = await street.filed(me, **where)
    open_ = await street.filed(me, **where, isAnonymous=False, seen=[hidden["id"]])
    for report, expected in ((hidden, 0), (open_, 1)):
        seen = await street.send(worker, "StaffReport", id=report["id"])
        assert len([a for a in seen["answers"] if a["name"] == "contact"]) == expected
        assert "13900000000" not in str(await street.send(None, "Report", id=report["id"]))
    row = await street.rows("SELECT public_text FROM community_report")
    assert row == [{"public_text": None}] * 2


async def test_what_was_public_can_be_hidden(street: Street) -> None:
    me = await street.citizen()
    report = await street.filed(me, isPublic=True)
    seen = await street.send(None, "Report", id=report["id"])
    assert seen["description"] == "井盖不见了,请尽快处置。"
    other = await street.send(await street.citizen(), "HideReport", id=report["id"])
    assert other["code"] == "NOT_FOUND"
    await street.send(me, "HideReport", id=report["id"])
    assert (await street.send(None, "Report", id=report["id"]))["description"] is None


async def test_a_report_that_nobody_handles_escalates_by_itself(
    street: Street, app: App, clock: ManualClock
) -> None:
    me, worker = await street.citizen(), await street.worker()
    chief = await street.worker("city_management")
    report = await street.filed(me)
    for _ in range(4):
        clock.move(timedelta(days=1))
        await deadlines.sweep(app)
    assert any("超期督办" in text for text in await street.messages(worker))
    assert (await street.task(chief))["kind"] == "SUPERVISE"
    late = await street.send(None, "Report", id=report["id"])
    assert late["isLate"]
    (unit,) = await street.send(None, "ReportStatistics", days=30)
    assert (unit["filed"], unit["done"], unit["late"], unit["inTimeShare"]) == (1, 0, 1, 0.0)


async def test_a_number_is_given_though_the_map_is_silent(
    street: Street, app: App, base_map: FakeBaseMap
) -> None:
    from tests.jobs import run_due

    base_map.is_silent = True
    me = await street.citizen()
    report = await street.filed(me)
    assert report["no"] and report["gridCode"] is None
    base_map.is_silent = False
    await run_due(app, "community.find_grid")
    assert (await street.send(None, "Report", id=report["id"]))["gridCode"] == GRID
