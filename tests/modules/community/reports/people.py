"""Citizens who report, workers who handle, in few words; everything goes over the API."""

import io
import random
from typing import Any

from PIL import Image

from bff.trusted.documents import documents_of
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.ids import new_id
from core.manifest import discover
from core.security.authentication import Viewer
from core.security.authorization import Role, scopes_of
from modules.identity import staff
from tests.asgi import Answer, Client
from tests.jobs import run_due
from tests.kinds.application.town import key
from tests.people import make_citizen

HERE = {"lat": 36.67, "lon": 117.0}
JOBS = ("applications.tell", "applications.remind_officer", "community.tell_followers")
_SOURCES = {
    operation.name: operation.source
    for name in ("snap-report", "staff-reports")
    for operation in documents_of(discover()).by_name[name].operations
}
_PHONES = iter(range(13600000000, 13699999999))
_INBOX = "{ inbox { messages(first: 50) { edges { node { title body } } } } }"
_CHUNK = "application/offset+octet-stream"


def picture(seed: int = 1, size: tuple[int, int] = (90, 80), quality: int = 90) -> bytes:
    """A photograph with a place in it; the same seed looks the same in every size."""
    colours = random.Random(seed)
    small = Image.new("RGB", (9, 8))
    small.putdata([tuple(colours.randrange(256) for _ in range(3)) for _ in range(72)])
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (36.0, 40.0, 12.5)
    written = io.BytesIO()
    small.resize(size, Image.Resampling.NEAREST).save(written, "JPEG", quality=quality, exif=exif)
    return written.getvalue()


class Street:
    """Sends what apps send; a fresh key goes with each mutation unless one is given."""

    def __init__(self, app: App, client: Client) -> None:
        self.app = app
        self.client = client

    async def citizen(self) -> Viewer:
        """Somebody who has signed in."""
        return await make_citizen(self.app, level=1, name="张三", locale="en")

    async def worker(self, unit: str = "grid_office", *prefixes: str) -> Viewer:
        """A grid worker of a unit who walks some grids."""
        async with transaction() as tx:
            person_id = await staff.enrol(
                self.app,
                tx,
                phone=str(next(_PHONES)),
                roles=[Role.GRID_WORKER],
                department=unit,
                secret=bytes(20),
            )
        roles = frozenset({Role.GRID_WORKER.value})
        worker = Viewer(person_id, new_id(), 1, roles, self.app.clock.now(), scopes_of(roles))
        if prefixes:
            await self.send(worker, "CoverGrids", prefixes=list(prefixes))
        return worker

    async def send(self, viewer: Viewer | None, name: str, **variables: Any) -> Any:
        """The value of an operation's first field, refusals included."""
        source = _SOURCES[name]
        keys = {
            part.partition(":")[0].strip("($ "): key()
            for part in source.partition("{")[0].split("$")
            if part.partition(":")[0].endswith("Key")
        }
        data = await self.client.data(source, keys | variables, viewer=viewer)
        return next(iter(data.values()))

    async def code(self, viewer: Viewer | None, name: str, **variables: Any) -> str:
        """The code with which a query is refused."""
        answer = await self.client.run(_SOURCES[name], variables, viewer=viewer)
        (code,) = set(answer.codes)
        return code

    async def upload(self, viewer: Viewer, content: bytes) -> Answer:
        """A photograph in one piece."""
        headers = {"upload-length": str(len(content)), "content-type": _CHUNK}
        return await self.request("POST", "/reports/photos", content, viewer, **headers)

    async def photo(self, viewer: Viewer, seed: int = 1) -> str:
        """The id of a photograph that was taken."""
        answer = await self.upload(viewer, picture(seed))
        assert answer.status == 201, answer.body
        return answer.headers["location"].rpartition("/")[2]

    async def request(
        self, method: str, path: str, body: bytes, viewer: Viewer | None, **headers: str
    ) -> Answer:
        """An HTTP request; header names have underscores or hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        token = self.client.token(viewer) if viewer else {}
        return await self.client.request(method, path, body, headers=token | sent)

    async def file(self, viewer: Viewer, **changes: Any) -> Any:
        """What comes of filing a report."""
        report = {
            "category": "manhole",
            "at": HERE,
            "answers": [
                {"name": "description", "value": "井盖不见了,请尽快处置。"},
                {"name": "fault", "value": "missing"},
            ],
        }
        return await self.send(viewer, "FileReport", report=report | changes)

    async def filed(self, viewer: Viewer, **changes: Any) -> Any:
        """A report that was filed."""
        answer = await self.file(viewer, **changes)
        assert "report" in answer, answer
        return answer["report"]

    async def task(self, worker: Viewer, **choices: Any) -> Any:
        """The first task of a worker's inbox."""
        inbox = await self.send(worker, "StaffReports", first=10, **choices)
        return inbox["edges"][0]["node"]

    async def messages(self, viewer: Viewer) -> list[str]:
        """What stands in somebody's inbox, the oldest first."""
        await run_due(self.app, *JOBS)
        answer = await self.client.data(_INBOX, viewer=viewer)
        nodes = [edge["node"] for edge in answer["inbox"]["messages"]["edges"]]
        return [f"{node['title']} | {node['body']}" for node in reversed(nodes)]

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        return await fetch_all(connection(), sql, *values)
