"""Asks what GeoReport clients ask, in both formats, and holds one answer against the other."""

from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, fromstring

from modules.community.open311.seed import CLIENT_KEY
from tests.asgi import Answer, Client

ROOT = "/open311/v2"
HERE = {"lat": "36.67", "long": "117.0"}
MANHOLE = HERE | {
    "api_key": CLIENT_KEY,
    "service_code": "manhole",
    "description": "井盖不见了 <b>&",
    "attribute[fault]": "missing",
}
_FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
_LISTS = {
    "services": "service", "attributes": "attribute", "values": "value",
    "service_requests": "request", "service_request_updates": "request_update",
    "errors": "error", "endpoints": "endpoint", "formats": "format",
}  # fmt: skip


class Door:
    """Another system."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, path: str, **arguments: str) -> Any:
        """The answer as JSON, which the XML says too."""
        json = await self.get(f"{path}.json", **arguments)
        xml = await self.get(f"{path}.xml", **arguments)
        assert (json.status, xml.status) == (200, 200), json.body
        assert spark(fromstring(xml.body)) == as_text(json.json)
        return json.json

    async def get(self, path: str, **arguments: str) -> Answer:
        """A GET below /open311/v2."""
        query = f"?{urlencode(arguments)}" if arguments else ""
        return await self.client.request("GET", f"{ROOT}/{path}{query}")

    async def post(self, path: str, form: dict[str, str] | bytes, **headers: str) -> Answer:
        """A POST of a form."""
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        sent = _FORM | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request("POST", f"{ROOT}/{path}", body, headers=sent)

    async def filed(self, **changes: str) -> str:
        """The number of a report that was filed."""
        answer = await self.post("requests.json", MANHOLE | changes)
        assert answer.status == 200, answer.body
        (receipt,) = answer.json
        return str(receipt["service_request_id"])


def spark(element: Element) -> Any:
    """XML as JSON by the Spark convention of wiki.open311.org, every leaf a text."""
    if element.tag in _LISTS:
        assert {child.tag for child in element} <= {_LISTS[element.tag]}
        return [spark(child) for child in element]
    if len(element):
        return {child.tag: spark(child) for child in element}
    return element.text or ""


def as_text(value: Any) -> Any:
    """JSON with every leaf as XML writes it."""
    if isinstance(value, dict):
        return {name: as_text(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_text(member) for member in value]
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
