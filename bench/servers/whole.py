"""Our edge with the product's own schema and documents, as production runs it.

FREE_TEXT=1 lets it run texts that are no trusted document, as outside production.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bff.app import Api, make_edge
from bff.schema.build import build_schema
from bff.trusted.documents import documents_of
from core.manifest import discover
from core.processes.open_app import open_app
from core.settings import Settings


def create_app() -> Api:
    """The API without what it makes ready for services."""
    trusted_only = os.environ.get("FREE_TEXT") != "1"

    @asynccontextmanager
    async def lifespan(api: Api) -> AsyncIterator[None]:
        async with open_app(Settings(), manifests=discover(), application="bench") as app:
            schema, documents = build_schema(app.manifests), documents_of(app.manifests)
            edge = make_edge(app, schema, documents, trusted_only=trusted_only)
            api.open(edge)
            async with edge.running():
                yield

    return Api(lifespan=lifespan)
