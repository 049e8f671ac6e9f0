"""Every metric of a process, defined once; scraped at /metrics in the Prometheus text format.

Label values are names from our own code or catalogue: never a person's data, never a value that
callers can invent. What does not look like such a name, or comes after too many others, is
counted under "other".
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `render` returns, as an HTTP content type."""

LABEL_VALUES_MAX = 500
"""Distinct values one label may take in a process."""

_NAME = re.compile(r"(?!.*[0-9]{7})[A-Za-z][A-Za-z0-9_.:/-]{0,79}")
_CALL_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_JOB_BUCKETS_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)
_LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """The metrics of one process. Durations are in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._seen: dict[str, set[str]] = {}
        self._outbound = self._histogram(
            "outbound_seconds",
            "Attempts to call an upstream.",
            ("upstream", "operation", "outcome"),
            _CALL_BUCKETS_S,
        )
        self._breaker = Gauge(
            "quancheng_breaker_state",
            "Circuit breaker: 0 closed, 1 half-open, 2 open.",
            ("upstream", "operation"),
            registry=self.registry,
        )
        self._unreadable = Counter(
            "quancheng_unreadable_records",
            "Answers of upstreams, or records in them, that have not the form agreed on.",
            ("upstream", "operation"),
            registry=self.registry,
        )
        self._calendar = Gauge(
            "quancheng_calendar_years_overdue",
            "Years whose calendar the city file lacks; the next year's counts from 1 December.",
            registry=self.registry,
        )
        self._document_certificate = Gauge(
            "quancheng_document_certificate_days",
            "Days for which the certificate of sealed documents is good; +Inf where there is none.",
            registry=self.registry,
        )
        self._job = self._histogram(
            "job_seconds", "Jobs run.", ("lane", "kind", "outcome"), _JOB_BUCKETS_S
        )
        self._graphql = self._histogram(
            "graphql_seconds", "GraphQL operations.", ("document", "outcome"), _CALL_BUCKETS_S
        )
        self._children: dict[tuple[str, ...], Histogram] = {}
        """By labels and values, bounded as those are: they come with every request."""
        self._sweep_rows = Counter(
            "quancheng_sweep_rows",
            "Rows that sweeps dealt with, one by one.",
            ("sweep", "outcome"),
            registry=self.registry,
        )
        self._gauges: dict[str, Gauge] = {}
        self._lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop runs.", (), _LAG_BUCKETS_S
        )

    def watch_calendar(self, years_overdue: Callable[[], int]) -> None:
        """At each scrape ask how many years' holidays the city file lacks by now."""
        self._calendar.set_function(years_overdue)

    def watch_document_certificate(self, days: Callable[[], float]) -> None:
        """At each scrape ask for how many days the certificate of sealed documents is good."""
        self._document_certificate.set_function(days)

    def outbound(self, upstream: str, operation: str, outcome: str, duration_s: float) -> None:
        """One attempt at an upstream ended: `ok`, or the lower-case reason of its error."""
        self._observe(
            self._outbound,
            duration_s,
            ("upstream", upstream, "operation", operation, "outcome", outcome),
        )

    def unreadable(self, upstream: str, operation: str, count: int) -> None:
        """An answer, or records in it, could not be read."""
        labels = self._labels("upstream", upstream, "operation", operation)
        self._unreadable.labels(**labels).inc(count)

    def breaker(self, upstream: str, operation: str, state: int) -> None:
        """A breaker was made or changed its state."""
        labels = self._labels("upstream", upstream, "operation", operation)
        self._breaker.labels(**labels).set(state)

    def job(self, lane: str, kind: str, outcome: str, duration_s: float) -> None:
        """A job ended."""
        labels = self._labels("lane", lane, "kind", kind, "outcome", outcome)
        self._job.labels(**labels).observe(duration_s)

    def graphql(self, document: str, outcome: str, duration_s: float) -> None:
        """A GraphQL operation ended. `document` is a trusted document's id, or "adhoc"."""
        self._observe(self._graphql, duration_s, ("document", document, "outcome", outcome))

    def sweep_row(self, sweep: str, outcome: str) -> None:
        """A sweep dealt with one row: `done`, `waits` or `failed`."""
        self._sweep_rows.labels(**self._labels("sweep", sweep, "outcome", outcome)).inc()

    def gauge(self, name: str, description: str, label: str, values: Mapping[str, float]) -> None:
        """Set a figure afresh: what is not among the values any more has none."""
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = Gauge(f"quancheng_{name}", description, (label,), registry=self.registry)
            self._gauges[name] = gauge
        gauge.clear()
        for value, figure in values.items():
            gauge.labels(**self._labels(label, value)).set(figure)

    def loop_lag(self, lag_s: float) -> None:
        """The event loop woke a sleeper this late."""
        self._lag.observe(lag_s)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)

    def _histogram(
        self, name: str, documentation: str, labels: Iterable[str], buckets_s: tuple[float, ...]
    ) -> Histogram:
        return Histogram(
            f"quancheng_{name}", documentation, labels, buckets=buckets_s, registry=self.registry
        )

    def _observe(self, histogram: Histogram, value: float, pairs: tuple[str, ...]) -> None:
        child = self._children.get(pairs)
        if child is None:
            labels = self._labels(*pairs)
            child = histogram.labels(**labels)
            if tuple(labels.values()) == pairs[1::2]:
                self._children[pairs] = child
        child.observe(value)

    def _labels(self, *pairs: str) -> dict[str, str]:
        return {
            label: self._bounded(label, value)
            for label, value in zip(pairs[::2], pairs[1::2], strict=True)
        }

    def _bounded(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value in seen:
            return value
        if len(seen) >= LABEL_VALUES_MAX or _NAME.fullmatch(value) is None:
            return "other"
        seen.add(value)
        return value


async def watch_loop_lag(metrics: Metrics, *, interval_s: float = 0.5) -> None:
    """Measure the event loop's lag until cancelled."""
    while True:
        asked_at = time.monotonic()
        await asyncio.sleep(interval_s)
        metrics.loop_lag(max(0.0, time.monotonic() - asked_at - interval_s))
