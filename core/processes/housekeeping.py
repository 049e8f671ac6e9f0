"""What the ground floor forgets each night: expired keys, counters and revocations."""

from core.context.app import App
from core.database import transaction
from core.queue.jobs import Lane, job
from core.security.authentication import ACCESS_TOKEN_LIFE


@job("core.forget_expired", lane=Lane.BULK, every="15 19 * * *")
async def forget_expired(app: App) -> None:
    """Drop the rows that can decide nothing any more. Repeat-safe.

    A revocation matters until the last access token of its session has ended; it is kept twice as
    long, because processes' clocks differ.
    """
    now = app.clock.now()
    async with transaction() as tx:
        await tx.execute_query("DELETE FROM core_idempotency WHERE expires_at <= $1", [now])
        await tx.execute_query("DELETE FROM core_rate_counter WHERE ends_at <= $1", [now])
        await tx.execute_query(
            "DELETE FROM core_session_revocation WHERE revoked_at < $1",
            [now - 2 * ACCESS_TOKEN_LIFE],
        )
