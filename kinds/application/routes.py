"""Where the papers of a case are attached and read: `/cases/<case id>/files`, with a bearer token.

A file is the body of the request; what GraphQL tells of a case are its papers and their files' ids.
"""

from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.context.http import PRIVATE, answering, path_id, read_body
from core.errors import InvalidInput, NotFound
from kinds.application import attachments, desk, service, texts
from kinds.application.files import SIZE_MOST

ATTACH = "/cases/{case_id}/files/{material}"
READ = "/cases/{case_id}/files/{file_id}"


def routes(app: App) -> list[Route]:
    """The addresses of files."""
    return [
        Route(ATTACH, answering(app, _attach), methods=["POST"]),
        Route(READ, answering(app, _read), methods=["GET"]),
    ]


async def _attach(call: Call, request: Request) -> Response:
    """Take a file: its name in `X-File-Name` (percent-encoded), its key in `Idempotency-Key`."""
    case = await service.get_case(call, path_id(request, "case_id"))
    name = unquote(request.headers.get("x-file-name", ""))
    key = request.headers.get("idempotency-key", "")
    content = await _body(request)
    row = await attachments.attach(call, case, request.path_params["material"], name, content, key)
    answer = {
        "id": str(row.id),
        "mediaType": row.media_type,
        "sizeBytes": row.size_bytes,
        "pages": row.pages,
    }
    return JSONResponse(answer, 201, PRIVATE)


async def _read(call: Call, request: Request) -> Response:
    """A file, for its citizen, or for an officer whose unit works on the case."""
    case_id, file_id = path_id(request, "case_id"), path_id(request, "file_id")
    try:
        await service.get_case(call, case_id)
    except NotFound:
        await desk.look_at(call, case_id)
    file = await attachments.read(call, case_id, file_id)
    headers = PRIVATE | {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(file.content, 200, headers, file.media_type)


async def _body(request: Request) -> bytes:
    content = await read_body(request, SIZE_MOST)
    if content is None:
        raise InvalidInput(texts.FILE_LARGE, "file", most=SIZE_MOST // 1_000_000)
    return content


ROUTES = Routes(routes)
