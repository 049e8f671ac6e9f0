"""Signing in to the playground as a demo person of the sandbox city: development only."""

from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bff.client.city import CityClient, ClientError
from core.context.app import App
from core.processes.probe import local_host

_PATH = "/playground/people"
_BODY_MAX_BYTES = 1_000
_SHOWN = ("key", "role", "name")


def people_routes(app: App) -> list[Route]:
    """The list of demo people, and signing in as one; both empty-handed without a sandbox."""
    sessions: Path = app.settings.data_dir / "sessions"

    settings = app.settings
    own_address = f"http://{local_host(settings.host)}:{settings.port}"

    def client() -> CityClient:
        return CityClient(own_address, app.settings.sandbox_url, sessions=sessions)

    async def list_people(_request: Request) -> Response:
        try:
            async with client() as sandbox:
                people = await sandbox.people()
        except (ClientError, OSError, TimeoutError):
            people = []
        return JSONResponse([{name: one[name] for name in _SHOWN} for one in people])

    async def sign_in(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            return PlainTextResponse("send application/json", 415)
        try:
            wanted = orjson.loads((await request.body())[:_BODY_MAX_BYTES])["key"]
            async with client() as citizen:
                person = await citizen.person(wanted)
                await citizen.sign_in(person["phone"])
                await citizen.verify_real_name(person)
                await citizen.consent_to_everything()
                return JSONResponse({"accessToken": citizen.token, "person": person})
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return PlainTextResponse("name a person by key", 400)
        except (ClientError, OSError, TimeoutError) as error:
            return PlainTextResponse(str(error) or type(error).__name__, 502)

    return [
        Route(_PATH, list_people, methods=["GET"]),
        Route(_PATH, sign_in, methods=["POST"]),
    ]
