"""Runs the jobs of a lane: its time limit, its retries, its end among the dead letters."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import structlog
from pgqueuer import Job as QueuedJob
from pgqueuer import RetryRequested
from pgqueuer.models import Context
from pgqueuer.qm import QueueManager

from core.context.app import App
from core.database import is_unavailable
from core.queue.jobs import GiveUp, Job
from core.telemetry.tracebacks import error_line
from core.upstream.client import UpstreamError

log = structlog.get_logger(__name__)


class JobFailed(Exception):
    """What the queue's own log says of a job that failed for good: the error's class, no more.

    The text of an error may hold personal data, and that log is kept.
    """


def register(manager: QueueManager, job: Job[Any], app: App) -> None:
    """Teach a lane's queue manager to run one kind of job."""

    async def run(queued: QueuedJob, context: Context) -> None:
        outcome, started_s = "failed", time.monotonic()
        try:
            if queued.attempts >= job.max_attempts:
                raise GiveUp("its worker died at every attempt")
            async with asyncio.timeout(job.timeout_s):
                await job.run(app, queued.payload or b"{}")
            outcome = "done"
        except asyncio.CancelledError:
            # the worker ends in a hurry; the queue would count a cancelled job as finished
            outcome = "interrupted"
            raise RetryRequested(timedelta(0), "interrupted") from None
        except Exception as error:
            outcome = _outcome(job, queued, error)
            _log_failure(job, queued, error, outcome)
            if outcome == "dead":
                raise JobFailed(type(error).__name__) from None
            delay_s = min(2.0**queued.attempts, job.max_delay_s)
            raise RetryRequested(timedelta(seconds=delay_s), type(error).__name__) from None
        finally:
            app.metrics.job(job.lane, job.kind, outcome, time.monotonic() - started_s)

    manager.entrypoint(job.kind, on_failure="hold")(run)


def _log_failure(job: Job[Any], queued: QueuedJob, error: Exception, outcome: str) -> None:
    """One line; how it came about is of use only where nobody expected the error."""
    expected = isinstance(error, GiveUp | UpstreamError) or is_unavailable(error)
    log.warning(
        "job failed",
        kind=job.kind,
        job_id=queued.id,
        attempt=queued.attempts + 1,
        outcome=outcome,
        **({"error": error_line(error)} if expected else {"exc_info": error}),
    )


def _outcome(job: Job[Any], queued: QueuedJob, error: Exception) -> str:
    spent = queued.attempts + 1 >= job.max_attempts
    return "dead" if spent or isinstance(error, GiveUp) else "retried"
