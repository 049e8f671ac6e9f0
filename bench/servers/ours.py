"""Our edge, whole, with the measured document among its trusted ones.

The process is opened as in production: settings, keys, pool, bus. DATABASE_URL names the database.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import strawberry

from bench.home_document import DOCUMENT, Query
from bff.admission import Gate
from bff.app import Api
from bff.edge import Edge
from bff.executor import Executor
from bff.library import Library
from bff.trusted import Documents, TrustedDocument, document_id
from core.app import open_app
from core.manifest import discover
from core.settings import Settings


def create_app() -> Api:
    """The API with another schema."""
    trusted = TrustedDocument(document_id(DOCUMENT), "home", "bench", DOCUMENT, {})
    documents = Documents({trusted.id: trusted}, {trusted.name: trusted})
    library = Library(strawberry.Schema(Query), documents, trusted_only=True)

    @asynccontextmanager
    async def lifespan(api: Api) -> AsyncIterator[None]:
        async with open_app(Settings(), manifests=discover(), application="bench") as app:
            edge = Edge(app, Executor(library, shows_cost=False), documents, Gate(app.settings))
            api.open(edge)
            yield

    return Api(lifespan=lifespan)
