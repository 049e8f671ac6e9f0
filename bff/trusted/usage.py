"""Which app versions run which documents, and so which fields: counted, never guessed.

A version is what the client says of itself (`X-App-Version`), if it is one that we know.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import date

import structlog
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)

from core.clock import Clock
from core.database import connection, fetch_all, transaction

UNKNOWN = "unknown"
_EVERY_S = 15.0

log = structlog.get_logger(__name__)


class Usage:
    """Counts in memory, written down every 15 s: a process that dies loses no more than that."""

    def __init__(self, apps: Iterable[str], clock: Clock) -> None:
        self._apps = frozenset(apps)
        self._clock = clock
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, document_id: str, app: str | None) -> None:
        """One run of a document by a version of the app."""
        self._counts[document_id, app if app in self._apps else UNKNOWN] += 1

    async def write(self) -> None:
        """Add what was counted since the last time to the table."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        today = self._clock.now().date()
        try:
            await _add(today, counts)
        except Exception:
            self._counts.update(counts)
            raise

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write from time to time, and a last time at the end."""
        task = asyncio.create_task(self._write_forever(), name="document usage")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self._write_or_log()

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await self._write_or_log()

    async def _write_or_log(self) -> None:
        """Write; counts hold up neither the next time nor the end of the process."""
        try:
            await self.write()
        except Exception:
            log.exception("document usage could not be written")


async def _add(today: date, counts: Mapping[tuple[str, str], int]) -> None:
    # in one order everywhere, so that two processes never wait for one another in a circle
    rows = sorted((document_id, app, count) for (document_id, app), count in counts.items())
    async with transaction() as tx:
        await tx.execute_query(
            """INSERT INTO bff_document_use (used_on, document_id, app, count)
               SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[])
               ON CONFLICT (used_on, document_id, app)
                 DO UPDATE SET count = bff_document_use.count + EXCLUDED.count""",
            [today, *(list(column) for column in zip(*rows, strict=True))],
        )


async def read_usage(since: date) -> Mapping[tuple[str, str], int]:
    """Runs since a day by (document id, app version)."""
    rows = await fetch_all(
        connection(),
        """SELECT document_id, app, sum(count)::bigint AS count FROM bff_document_use
           WHERE used_on >= $1 GROUP BY document_id, app""",
        since,
    )
    return {(row["document_id"], row["app"]): row["count"] for row in rows}


def fields_of(schema: GraphQLSchema, document: DocumentNode) -> frozenset[str]:
    """The fields that a document asks for, as "Type.field"."""
    types, found = TypeInfo(schema), set[str]()

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = types.get_parent_type()
            if parent is not None and not node.name.value.startswith("__"):
                found.add(f"{get_named_type(parent).name}.{node.name.value}")

    visit(document, TypeInfoVisitor(types, Collect()))
    return frozenset(found)
