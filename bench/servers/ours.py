"""Our edge, whole, with the product's home document over cards in memory.

The process is opened as in production: settings, keys, pool, bus. DATABASE_URL names the database.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.home_document import home, schema
from bff.app import Api, make_edge
from bff.trusted.documents import document_of, gather
from core.manifest import discover
from core.processes.open_app import open_app
from core.settings import Settings


def create_app() -> Api:
    """The API with another schema."""
    documents = gather([document_of("home.graphql", home().source)], {})

    @asynccontextmanager
    async def lifespan(api: Api) -> AsyncIterator[None]:
        async with open_app(Settings(), manifests=discover(), application="bench") as app:
            edge = make_edge(app, schema(), documents, trusted_only=True)
            api.open(edge)
            async with edge.running():
                yield

    return Api(lifespan=lifespan)
