"""Where photographs are sent and read: `/reports/photos`, with a bearer token.

Uploads are those of tus 1.0.0 (tus.io/protocols/resumable-upload) with its extensions `creation`
and `creation-with-upload`: what a lost connection has cut off goes on where it stopped.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.context.http import PRIVATE, answering, path_id, read_body
from kinds.application import texts as engine_texts
from kinds.application.files import SIZE_MOST
from modules.community.reports import photos, texts

UPLOADS, UPLOAD = "/reports/photos", "/reports/photos/{photo_id}"
ORIGINAL = "/reports/photos/{photo_id}/original"
TUS = {
    "Tus-Resumable": "1.0.0",
    "Tus-Version": "1.0.0",
    "Tus-Extension": "creation,creation-with-upload",
    "Tus-Max-Size": str(SIZE_MOST),
}
_CHUNK = "application/offset+octet-stream"
_SHOWN = PRIVATE | {"Content-Security-Policy": "sandbox; default-src 'none'"}


def routes(app: App) -> list[Route]:
    """The addresses of photographs."""
    return [
        Route(UPLOADS, answering(app, _begin), methods=["POST"]),
        Route(UPLOADS, _options, methods=["OPTIONS"]),
        Route(UPLOAD, answering(app, _append), methods=["PATCH"]),
        Route(UPLOAD, answering(app, _read), methods=["GET", "HEAD"]),
        Route(ORIGINAL, answering(app, _read_original), methods=["GET"]),
    ]


async def _options(_request: Request) -> Response:
    """What this server speaks."""
    return Response(status_code=204, headers=TUS)


async def _begin(call: Call, request: Request) -> Response:
    """Begin an upload; a body is its first piece."""
    photo = await photos.begin(call, _number(request, "upload-length"))
    headers = TUS | PRIVATE | {"Location": f"{UPLOADS}/{photo.id}"}
    if request.headers.get("content-type") == _CHUNK:
        received = await photos.append(call, photo.id, 0, await _body(request))
        headers["Upload-Offset"] = str(received)
    return Response(status_code=201, headers=headers)


async def _append(call: Call, request: Request) -> Response:
    """A piece of an upload."""
    if request.headers.get("content-type") != _CHUNK:
        raise photos.NoUpload(texts.UPLOAD_TYPE, "Content-Type")
    offset, photo_id = _number(request, "upload-offset"), path_id(request, "photo_id")
    await photos.get_upload(call, photo_id)  # of nobody else a byte is read
    received = await photos.append(call, photo_id, offset, await _body(request))
    return Response(status_code=204, headers=TUS | PRIVATE | {"Upload-Offset": str(received)})


async def _read(call: Call, request: Request) -> Response:
    """How far an upload is (HEAD), or the photograph."""
    photo_id = path_id(request, "photo_id")
    if request.method == "HEAD":
        photo = await photos.resume(call, photo_id)
        progress = {
            "Upload-Offset": str(photo.received_bytes),
            "Upload-Length": str(photo.size_bytes),
        }
        return Response(status_code=200, headers=TUS | PRIVATE | progress)
    media_type, content = await photos.read(call, photo_id)
    return Response(content, 200, _SHOWN, media_type)


async def _read_original(call: Call, request: Request) -> Response:
    """The photograph as it was sent, for staff."""
    content = await photos.read_original(call, path_id(request, "photo_id"))
    return Response(content, 200, _SHOWN, "application/octet-stream")


def _number(request: Request, header: str) -> int | None:
    text = request.headers.get(header, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


async def _body(request: Request) -> bytes:
    content = await read_body(request, SIZE_MOST)
    if content is None:
        raise photos.TooLarge(engine_texts.FILE_LARGE, "file", most=SIZE_MOST // 1_000_000)
    return content


ROUTES = Routes(routes)
