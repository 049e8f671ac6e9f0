"""Metrics render with the project's names and refuse labels that could grow or tell of a person."""

import asyncio

from core.telemetry.metrics import LABEL_VALUES_MAX, Metrics, watch_loop_lag


def lines(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


def test_each_metric_is_rendered_with_its_labels() -> None:
    metrics = Metrics()
    metrics.outbound("housing-fund", "balance", "ok", 0.02)
    metrics.breaker("housing-fund", "balance", 2)
    metrics.job("critical", "payments.query_back", "done", 0.2)
    metrics.graphql("housing-fund-balance", "ok", 0.03)
    metrics.loop_lag(0.002)
    text = lines(metrics)
    assert (
        'quancheng_outbound_seconds_count{operation="balance",outcome="ok",'
        'upstream="housing-fund"} 1.0'
    ) in text
    assert 'quancheng_breaker_state{operation="balance",upstream="housing-fund"} 2.0' in text
    assert (
        'quancheng_job_seconds_count{kind="payments.query_back",lane="critical",outcome="done"} 1.0'
    ) in text
    assert (
        'quancheng_graphql_seconds_count{document="housing-fund-balance",outcome="ok"} 1.0'
    ) in text
    assert "quancheng_event_loop_lag_seconds_count 1.0" in text


def test_values_that_are_no_names_are_counted_as_other() -> None:
    metrics = Metrics()
    for document in ("13812345678", "bill-13812345678", "query { viewer }", "张三", "a" * 81, ""):
        metrics.graphql(document, "ok", 0.01)
    text = metrics.render().decode()
    assert 'quancheng_graphql_seconds_count{document="other",outcome="ok"} 6.0' in text
    assert "13812345678" not in text
    assert "张三" not in text


def test_a_label_takes_a_bounded_number_of_values() -> None:
    metrics = Metrics()
    for number in range(LABEL_VALUES_MAX + 50):
        metrics.graphql(f"document-{number}", "ok", 0.01)
    counts = [line for line in lines(metrics) if line.startswith("quancheng_graphql_seconds_count")]
    assert len(counts) == LABEL_VALUES_MAX + 1
    assert 'quancheng_graphql_seconds_count{document="other",outcome="ok"} 50.0' in counts


async def test_loop_lag_is_watched_until_cancelled() -> None:
    metrics = Metrics()
    watch = asyncio.create_task(watch_loop_lag(metrics, interval_s=0.005))
    await asyncio.sleep(0.05)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    count = next(
        line for line in lines(metrics) if line.startswith("quancheng_event_loop_lag_seconds_count")
    )
    assert float(count.split()[-1]) >= 2
