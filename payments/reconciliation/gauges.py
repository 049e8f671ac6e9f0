"""What payments tell operators in figures: money under way either way, days not compared yet."""

from collections.abc import Mapping
from datetime import timedelta

from core.clock import civil_date
from core.context.app import App
from core.context.gauges import GaugeSource
from core.database import connection, fetch_all
from payments.domain import TO_FULFIL
from payments.reconciliation.service import KEPT
from payments.reconciliation.sources import get_sources

_UNRECONCILED = """
WITH first AS (
  SELECT coalesce((SELECT min(s.booked_on) FROM payments_statement s),
                  (SELECT (i.created_at AT TIME ZONE 'Asia/Shanghai')::date
                     FROM payments_intent i ORDER BY i.id LIMIT 1)) AS on_day
), source AS (
  SELECT n.name, coalesce((SELECT min(s.booked_on) FROM payments_statement s
                            WHERE s.source = n.name),
                          first.on_day) AS since
    FROM unnest($1::text[]) AS n (name), first
)
SELECT source.name, count(day) AS days
  FROM source
  LEFT JOIN LATERAL generate_series(greatest(source.since, $2::date), $3::date,
                                    interval '1 day') AS day
    ON source.since IS NOT NULL AND NOT EXISTS (SELECT FROM payments_statement s
                    WHERE s.source = source.name AND s.booked_on = day::date)
 GROUP BY source.name
"""
"""From a source's first statement on; one without any counts from the first of all, or from the
first payment."""


async def unreconciled_days(app: App) -> Mapping[str, float]:
    """How many days up to yesterday have no statement compared, by source."""
    today = civil_date(app.clock.now())
    rows = await fetch_all(
        connection(),
        _UNRECONCILED,
        [source.name for source in get_sources(app)],
        today - KEPT,
        today - timedelta(days=1),
    )
    return {row["name"]: row["days"] for row in rows}


async def open_refunds(_app: App) -> Mapping[str, float]:
    """How many refunds have not ended, by PSP."""
    rows = await fetch_all(
        connection(),
        """SELECT psp, count(*) AS refunds FROM payments_refund
            WHERE ended_at IS NULL GROUP BY psp""",
    )
    return {row["psp"]: row["refunds"] for row in rows}


async def oldest_unfulfilled(app: App) -> Mapping[str, float]:
    """How long ago the oldest payment was captured that is not passed on, in seconds, by payee."""
    rows = await fetch_all(
        connection(),
        """SELECT payee, extract(epoch FROM $1::timestamptz - min(paid_at))::float8 AS age_s
             FROM payments_intent WHERE due_at IS NOT NULL AND state = ANY($2::text[])
            GROUP BY payee""",
        app.clock.now(),
        list(TO_FULFIL),
    )
    return {row["payee"]: row["age_s"] for row in rows}


SOURCES = (
    GaugeSource(
        "payments_unreconciled_days",
        "Days up to yesterday whose statement was not compared.",
        "source",
        unreconciled_days,
    ),
    GaugeSource("payments_open_refunds", "Refunds that have not ended.", "psp", open_refunds),
    GaugeSource(
        "payments_unfulfilled_age_s",
        "Age of the oldest captured payment that its payee has not accepted.",
        "payee",
        oldest_unfulfilled,
    ),
)
