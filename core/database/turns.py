"""Turns: which of two things came first, whatever the clocks of their processes say."""

from core.database.pool import connection, fetch_one


async def draw_turn() -> int:
    """The next number of the database's own sequence, committed at once and never drawn again.

    What is drawn after another has come back is greater, in whichever process.
    """
    row = await fetch_one(connection(), "SELECT nextval('core_turn') AS turn")
    assert row is not None
    return int(row["turn"])
