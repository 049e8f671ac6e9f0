"""A hand-written endpoint: Starlette and orjson, nothing general in it."""

import asyncio

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.home_document import load_home, load_services


async def home(request: Request) -> Response:
    """Read the request, gather both halves, write the answer."""
    orjson.loads(await request.body())
    services, screen = await asyncio.gather(load_services(), load_home())
    data = {
        "services": [
            {
                "id": service.id,
                "name": service.name,
                "theme": service.theme,
                "status": service.status,
                "deepLink": service.deep_link,
            }
            for service in services
        ],
        "home": {
            "sections": [
                {
                    "id": section.id,
                    "title": section.title,
                    "status": section.status,
                    "asOf": section.as_of,
                    "reason": section.reason,
                }
                for section in screen.sections
            ]
        },
    }
    return Response(orjson.dumps({"data": data}), media_type="application/json")


def create_app() -> Starlette:
    """One route."""
    return Starlette(routes=[Route("/graphql", home, methods=["POST"])])
