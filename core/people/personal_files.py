"""Files about a person that are fetched by a link: signed, for one file, good for some minutes.

Who has the link needs nothing else, so that a viewer that sends no headers can open it. It rests
on the access under which it was made: once the consent is withdrawn it opens nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import jwt
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import PRIVATE, problem
from core.deadline import Deadline
from core.errors import AppError, NotFound, Unavailable
from core.people.file_link import FileLink
from core.people.personal_read import Access, resume_access
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Locale
from core.upstream.exchange import UpstreamError, UpstreamRejected

LIFE = timedelta(minutes=5)
_FORGED = (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class PersonalFile:
    """A file as it is sent."""

    body: bytes
    media_type: str
    name: str
    """ASCII, with its ending."""


Load = Callable[[App, Deadline, Access, str], Awaitable[PersonalFile]]
"""Makes or fetches a file: `load(app, deadline, access, ref)`. Raises UpstreamError, NotFound."""


def file_link(app: App, kind: str, access_id: UUID, ref: str) -> FileLink:
    """A link to a file of a kind; `ref` says which."""
    claims = {"sub": str(access_id), "ref": ref}
    token = app.tokens.sign(claims, audience=f"file:{kind}", life=LIFE)
    return FileLink(f"/files/{kind}/{token}", app.clock.now() + LIFE)


def file_routes(kind: str, load: Load) -> Routes:
    """The route that serves the files of a kind.

    A link that is forged, of another kind or over is not found, all in the same words.
    """

    def routes(app: App) -> list[Route]:
        async def serve(request: Request) -> Response:
            try:
                file = await _load(app, kind, request.path_params["token"], load)
            except AppError as refused:
                locale = Locale.from_header(request.headers.get("accept-language"))
                return problem(refused, locale)
            headers = PRIVATE | {"Content-Disposition": f'inline; filename="{file.name}"'}
            return Response(file.body, 200, headers, file.media_type)

        return [Route(f"/files/{kind}/{{token}}", serve, methods=["GET"])]

    return Routes(routes)


async def _load(app: App, kind: str, token: str, load: Load) -> PersonalFile:
    """The file. Raises NotFound, Forbidden once the consent is withdrawn, Unavailable."""
    try:
        claims = app.tokens.read(token, audience=f"file:{kind}", claims=("sub", "ref"))
        access_id, ref = UUID(claims["sub"]), str(claims["ref"])
    except _FORGED:
        raise NotFound(NOT_FOUND) from None
    access = await resume_access(app, access_id)
    try:
        return await load(app, Deadline.after(app.settings.request_deadline_s), access, ref)
    except UpstreamRejected:
        raise NotFound(NOT_FOUND) from None
    except UpstreamError as error:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=error.upstream) from None
