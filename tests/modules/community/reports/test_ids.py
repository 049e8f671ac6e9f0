"""A report has an id of its own: no other object has it, and what had its case's got one."""

import importlib

import pytest

from core.database import transaction
from tests.modules.community.reports.people import Street

MIGRATION = importlib.import_module("modules.community.migrations.0002_reports_have_ids")
_TABLES = ("photo", "update", "follow")


async def test_a_report_and_its_case_share_no_id(street: Street) -> None:
    report = await street.filed(await street.citizen())
    ids = [report["id"], report["caseId"]]
    cases = await street.rows("SELECT id FROM applications_case WHERE id = ANY($1)", ids)
    assert [str(row["id"]) for row in cases] == [report["caseId"]] != [report["id"]]


async def test_the_case_of_a_report_is_no_report(street: Street) -> None:
    report = await street.filed(await street.citizen())
    assert await street.code(None, "Report", id=report["caseId"]) == "NOT_FOUND"


@pytest.mark.parametrize("reports", [1, 5])
async def test_reports_that_had_the_id_of_their_case_get_their_own(
    street: Street, reports: int
) -> None:
    me, neighbour = await street.citizen(), await street.citizen()
    filed = []
    for n in range(reports):
        at = {"lat": 36.6 + n / 100, "lon": 117.0}
        photo = await street.photo(me, seed=n)
        filed.append(await street.filed(me, at=at, photoIds=[photo]))
        await street.send(neighbour, "FollowReport", id=filed[-1]["id"])
    async with transaction() as tx:
        for table in _TABLES:
            await tx.execute_query(
                f"UPDATE community_report_{table} o SET report_id = r.case_id"
                " FROM community_report r WHERE r.id = o.report_id"
            )
        await tx.execute_query("UPDATE community_report SET id = case_id")
        for statement in filter(str.strip, MIGRATION.GIVE_IDS.split(";")):
            await tx.execute_query(statement)
    rows = await street.rows("SELECT id, case_id FROM community_report ORDER BY id")
    assert [str(row["case_id"]) for row in rows] == [one["caseId"] for one in filed]
    assert not {row["id"] for row in rows} & {row["case_id"] for row in rows}
    for row in rows:
        shown = await street.send(me, "Report", id=str(row["id"]))
        assert len(shown["photos"]) == 1 and shown["followers"] == 1
        events = await street.client.operate("Report", {"id": str(row["id"])})
        assert events.json["data"]["reportEvents"]
    followed = await street.send(neighbour, "FollowedReports", first=20)
    assert len(followed["edges"]) == reports
