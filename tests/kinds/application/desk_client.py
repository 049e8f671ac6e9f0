"""The trusted operations of applications over HTTP, for journeys."""

from typing import Any

from bff.trusted.documents import documents_of
from core.manifest import discover
from core.security.authentication import Viewer
from tests.asgi import Client
from tests.kinds.application.town import key

_DOCUMENTS = documents_of(discover())
_SOURCES = {
    operation.name: operation.source
    for name in ("hotline-12345", "my-cases", "staff-cases")
    for operation in _DOCUMENTS.by_name[name].operations
}
_KEYS = ("openKey", "stepKey", "saveKey", "takeKey", "actKey", "handOverKey", "returnKey",
         "papersKey")  # fmt: skip


class Desk:
    """Sends the operations that apps send, and reads their answers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, viewer: Viewer | None, name: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation, refusals included; it gets a fresh key unless one is given."""
        source = _SOURCES[name]
        keys = {one: key() for one in _KEYS if f"${one}:" in source}
        data: dict[str, Any] = await self._client.data(source, keys | variables, viewer=viewer)
        return data

    async def code(self, viewer: Viewer | None, name: str, **variables: Any) -> str:
        """The code with which a query is refused."""
        answer = await self._client.run(_SOURCES[name], variables, viewer=viewer)
        (code,) = set(answer.codes)
        return code

    async def task(self, officer: Viewer) -> dict[str, Any]:
        """The first task of an officer's own queue."""
        queue = await self.send(officer, "StaffTasks", first=10, mine=True)
        node: dict[str, Any] = queue["staffTasks"]["edges"][0]["node"]
        return node

    async def act(self, officer: Viewer, event: str, **choices: str) -> dict[str, Any]:
        """An officer takes a step of the first task of their queue; the case then, or a refusal."""
        task = await self.task(officer)
        answer = await self.send(officer, "ActOnTask", taskId=task["id"], event=event, **choices)
        changed = answer["actOnTask"]
        found: dict[str, Any] = changed["task"]["case"] if "task" in changed else changed
        return found

    async def step(self, citizen: Viewer, case_id: str, event: str, note: str = "") -> Any:
        """A step of the citizen; the case then, or a refusal."""
        answer = await self.send(citizen, "StepApplication", caseId=case_id, event=event, note=note)
        return answer["takeCaseStep"].get("case") or answer["takeCaseStep"]
