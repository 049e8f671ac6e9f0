"""The last check of each service, for every process and the page of services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bff.probe.asking import Check
from bff.probe.models import ServiceCheck
from core.database import connection, fetch_all, transaction


@dataclass(frozen=True, slots=True)
class Checked:
    """A check and when it was made."""

    check: Check
    at: datetime


async def write_checks(checks: Sequence[Check], at: datetime) -> None:
    """Put these in place of what was known of these services; of others nothing is known then."""
    async with transaction() as tx:
        await ServiceCheck.all().using_db(tx).delete()
        await ServiceCheck.bulk_create(
            [
                ServiceCheck(
                    service_id=check.service_id,
                    checked_at=at,
                    latency_ms=check.latency_ms,
                    fault=check.fault and check.fault[:64],
                )
                for check in checks
            ],
            using_db=tx,
        )


async def read_checks(since: datetime) -> Mapping[str, Checked]:
    """By service, the checks that are not older than that."""
    rows = await fetch_all(
        connection(),
        """SELECT service_id, checked_at, latency_ms, fault FROM bff_service_check
            WHERE checked_at >= $1""",
        since,
    )
    return {
        row["service_id"]: Checked(
            Check(row["service_id"], row["latency_ms"], row["fault"]), row["checked_at"]
        )
        for row in rows
    }
