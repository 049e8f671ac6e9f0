"""Our edge, whole, with the measured document among its trusted ones.

The process is opened as in production: settings, keys, pool, bus. DATABASE_URL names the database.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import strawberry

from bench.home_document import DOCUMENT, Query
from bff.app import Api, make_edge
from bff.trusted.documents import document_of, gather
from core.manifest import discover
from core.processes.open_app import open_app
from core.settings import Settings


def create_app() -> Api:
    """The API with another schema."""
    documents = gather([document_of("home.graphql", DOCUMENT)], {})

    @asynccontextmanager
    async def lifespan(api: Api) -> AsyncIterator[None]:
        async with open_app(Settings(), manifests=discover(), application="bench") as app:
            edge = make_edge(app, strawberry.Schema(Query), documents, trusted_only=True)
            api.open(edge)
            async with edge.running():
                yield

    return Api(lifespan=lifespan)
