"""A hand-written endpoint for the catalogue: Starlette and orjson, nothing general in it."""

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.catalogue_document import Service, read_data, services_of


def _written(service: Service, locale: str) -> dict[str, object]:
    return {
        "id": service.id,
        "number": service.number,
        "name": service.names[locale],
        "theme": service.theme.name,
        "kind": service.kind.name,
        "department": service.departments[locale],
        "identityLevel": service.identity_level,
        "assurance": service.assurance and service.assurance.name,
        "status": service.status.name,
        "documentId": service.document_id,
        "operations": [
            {"id": one.id, "name": one.name, "kind": one.kind.name} for one in service.operations
        ],
        "deepLink": service.deep_link,
    }


def create_app() -> Starlette:
    """One route."""
    services = services_of(read_data())

    async def catalogue(request: Request) -> Response:
        """Read the request, choose the tiles, write the answer."""
        variables = orjson.loads(await request.body()).get("variables") or {}
        theme, kind = variables.get("theme"), variables.get("kind")
        chosen = [
            _written(service, "ZH")
            for service in services
            if theme in (None, service.theme.name) and kind in (None, service.kind.name)
        ]
        body = orjson.dumps({"data": {"services": chosen}})
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/graphql", catalogue, methods=["POST"])])
