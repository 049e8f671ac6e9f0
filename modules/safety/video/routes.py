"""Where streams are served, where a media server asks, and where a school reads its log.

`GET /school-video/<view>/<path>?until=…&signature=…` serves a playlist or a part of a stream;
`POST /school-video/authorise` answers a media server in the form of MediaMTX
(mediamtx.org, "External HTTP server"); `GET /ingest/schools/v1/video-views` is signed by a school.
"""

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.clock import parse_moment
from core.context.app import App
from core.context.contributions import Routes
from core.context.http import PRIVATE, address_of, problem, read_object, text_in
from core.deadline import Deadline
from core.errors import AppError, Forbidden, InvalidInput, NotFound, Unavailable
from core.refusal_texts import INVALID_INPUT, NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.standards import hls
from core.standards.hls import PlaylistError
from core.texts import Locale
from modules.safety.schools.signed_requests import signed_by_school
from modules.safety.video import signing, store, texts
from modules.safety.video.authorising import authorise
from modules.safety.video.domain import LIFE, Verdict
from modules.safety.video.signing import BASE, Signed
from modules.safety.video.upstream import read_playlist, read_segment

_ASKED_MAX_BYTES = 8_192
_READS = {"read"}
_LOG_PAGE = 500
_STATUS = {Verdict.YES: 204, Verdict.NO: 403, Verdict.UNKNOWN: 503}


def routes(app: App) -> list[Route]:
    """The addresses of streams."""

    async def stream(request: Request) -> Response:
        try:
            return await _serve(app, request)
        except AppError as refused:
            return problem(refused, Locale.from_header(request.headers.get("accept-language")))

    async def ask(request: Request) -> Response:
        return Response(status_code=await _answer(app, request))

    async def views(request: Request) -> Response:
        try:
            return JSONResponse(await _log(app, request), headers=PRIVATE)
        except AppError as refused:
            return problem(refused, Locale.from_header(request.headers.get("accept-language")))

    return [
        Route(f"{BASE}/authorise", ask, methods=["POST"]),
        Route(f"{BASE}/{{address:path}}", stream, methods=["GET"]),
        Route("/ingest/schools/v1/video-views", views, methods=["GET"]),
    ]


async def _serve(app: App, request: Request) -> Response:
    """A playlist with its addresses signed, or a part of the stream.

    Raises Forbidden for an address that does not hold, in the same words whatever is wrong with it,
    NotFound, Unavailable.
    """
    signed = signing.read_address(request.path_params["address"], request.query_params)
    if signed is None or not hls.is_path(signed.path):
        raise Forbidden(texts.VIDEO_URL_INVALID)
    player = request.headers.get("user-agent", "")
    verdict, camera_ref = await authorise(app, signed, address_of(app, request), player)
    if verdict is Verdict.UNKNOWN:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PLATFORM)
    if verdict is Verdict.NO:
        raise Forbidden(texts.VIDEO_URL_INVALID)
    deadline = Deadline.after(app.settings.request_deadline_s)
    if not hls.is_playlist(signed.path):
        body = await read_segment(app, deadline, camera_ref, signed.path)
        return Response(body, 200, PRIVATE, "application/octet-stream")
    playlist = await read_playlist(app, deadline, camera_ref, signed.path)
    return Response(_signed_playlist(app, signed, playlist), 200, PRIVATE, hls.MEDIA_TYPE)


def _signed_playlist(app: App, signed: Signed, playlist: bytes) -> str:
    """Raises NotFound for what the platform should not have sent."""
    until = int((app.clock.now() + LIFE).timestamp())
    try:
        return hls.rewrite(
            playlist.decode(),
            signed.path,
            lambda path: signing.address_of(app, signed.view_id, path, until),
        )
    except (PlaylistError, UnicodeDecodeError):
        raise NotFound(NOT_FOUND) from None


async def _answer(app: App, request: Request) -> int:
    """The status by which a media server lets a player in: 204, 401 to ask for credentials, 403.

    Without credentials it is 401: players ask so at first. They are the view and the token, or the
    token alone, in the request's own fields or as `token` in the query.
    """
    body = await read_object(request, _ASKED_MAX_BYTES)
    if body is None:
        return 403
    token = text_in(body, "password") or text_in(body, "token") or _queried(body)
    if not token:
        return 401 if not text_in(body, "user") else 403
    camera_ref = text_in(body, "path").strip("/")
    signed = signing.read_token(token, camera_ref)
    if signed is None or text_in(body, "action") not in _READS:
        return 403
    verdict, found = await authorise(app, signed, text_in(body, "ip"), "")
    if verdict is Verdict.YES and found != camera_ref:
        return 403
    return _STATUS[verdict]


def _queried(body: dict[str, Any]) -> str:
    return next(iter(parse_qs(text_in(body, "query")).get("token", [])), "")


async def _log(app: App, request: Request) -> dict[str, object]:
    """What guardians have watched of a school's cameras, from `since` on, by pupils."""
    school, _, _ = await signed_by_school(app, request)
    try:
        since = parse_moment(request.query_params.get("since", ""))
    except ValueError:
        raise InvalidInput(INVALID_INPUT, "since", detail="since is a moment") from None
    rows = await store.list_of_school(school.code, since, _LOG_PAGE)
    views = [
        {
            "view_id": str(row.id),
            "camera_ref": row.camera_ref,
            "pupil_ref": row.pupil_ref,
            "opened_at": row.opened_at.isoformat(),
            "last_seen_at": row.last_seen_at.isoformat(),
        }
        for row in rows
    ]
    return {"views": views}


ROUTES = Routes(routes)
