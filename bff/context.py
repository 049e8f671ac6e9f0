"""From a request to a call: who asks, in which language, until when."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection

from core.app import App
from core.auth import Viewer
from core.call import Call
from core.deadline import Deadline
from core.errors import LoginRequired
from core.logging import request_scope
from core.texts import Locale
from core.texts_common import SESSION_EXPIRED

_BEARER = "bearer "


@asynccontextmanager
async def open_call(app: App, connection: HTTPConnection) -> AsyncIterator[Call]:
    """The call of one request. Raises LoginRequired for a token that is not good."""
    headers = connection.headers
    with request_scope(headers.get("x-request-id")) as request_id:
        yield Call(
            app=app,
            deadline=Deadline.after(app.settings.request_deadline_s),
            request_id=request_id,
            viewer=await viewer_of(app, headers.get("authorization")),
            locale=Locale.from_header(headers.get("accept-language")),
            address=connection.client.host if connection.client else "",
            resume_ticket=headers.get("x-resume-ticket"),
        )


async def viewer_of(app: App, authorization: str | None) -> Viewer | None:
    """The viewer of an Authorization header; None without one.

    Raises LoginRequired for a token that is forged, expired or revoked.
    """
    if not authorization:
        return None
    if not authorization.lower().startswith(_BEARER):
        raise LoginRequired(SESSION_EXPIRED)
    viewer = app.tokens.verify(authorization[len(_BEARER) :].strip())
    await app.revocations.refuse_revoked(viewer)
    return viewer
