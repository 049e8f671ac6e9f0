"""The emergency bureau: signs alerts of CAP 1.2 and owes them to the product."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from pydantic import Field
from signxml.signer import XMLSigner
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.callbacks import Sender
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import Body, read_body, reply

SYSTEM = "emergency"
SENDER = "alerts@emergency.sandbox.invalid"
PATH = "/ingest/alerts/v1"
WAITS_S = (1, 2, 5, 15, 60, 300, 900)
CAP = "urn:oasis:names:tc:emergency:cap:1.2"


class NewAlert(Body):
    """An alert to send now; without a place it is for the whole city."""

    msg_type: Literal["Alert", "Update", "Cancel", "Ack", "Error"] = "Alert"
    status: Literal["Actual", "Exercise", "System", "Test", "Draft"] = "Actual"
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"] = "Severe"
    references: list[str] = Field(default_factory=list)
    """Each sender,identifier,sent."""
    identifier: str | None = None
    polygon: str | None = None
    circle: str | None = None
    geocode: str | None = None
    minutes: int = Field(120, ge=1, le=10_000)


async def sources(request: Request, city: City) -> Response:
    """Whose alerts concern the city: the bureau itself."""
    _, certificate = identity(city.settings.seed)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return reply({"sources": [{"sender": SENDER, "certificate_pem": pem}]})


async def send(request: Request, city: City) -> Response:
    """Send an alert: it is owed to the product from now on. Answers what to reference it by."""
    body = await read_body(request, NewAlert)
    now = city.now().astimezone(SHANGHAI).replace(microsecond=0)
    identifier = body.identifier or f"A{city.serial('alert')}"
    document = sign(city.settings.seed, alert(body, identifier, now))
    if city.settings.api_url:
        city.callbacks.enqueue(SYSTEM, f"{city.settings.api_url}{PATH}", document)
    reference = f"{SENDER},{identifier},{now.isoformat()}"
    return reply({"identifier": identifier, "reference": reference}, 201)


def alert(body: NewAlert, identifier: str, now: datetime) -> etree._Element:
    """The alert in two languages, not yet signed."""
    root = etree.Element(f"{{{CAP}}}alert", nsmap={None: CAP})
    for name, text in (
        ("identifier", identifier), ("sender", SENDER), ("sent", now.isoformat()),
        ("status", body.status), ("msgType", body.msg_type), ("scope", "Public"),
        ("references", " ".join(body.references)),
    ):  # fmt: skip
        _add(root, name, text)
    for language, event, headline, instruction, where in (
        ("zh-CN", "暴雨", "暴雨红色预警", "请留在高处。", "示范区"),
        ("en-US", "Rainstorm", "Red rainstorm warning", "Stay on high ground.", "Shifan district"),
    ):
        info = etree.SubElement(root, f"{{{CAP}}}info")
        for name, text in (
            ("language", language), ("category", "Met"), ("event", event),
            ("responseType", "Shelter"), ("urgency", "Immediate"), ("severity", body.severity),
            ("certainty", "Observed"),
            ("expires", (now + timedelta(minutes=body.minutes)).isoformat()),
            ("senderName", "应急管理局" if language == "zh-CN" else "Emergency bureau"),
            ("headline", headline), ("description", headline), ("instruction", instruction),
        ):  # fmt: skip
            _add(info, name, text)
        if body.polygon or body.circle or body.geocode:
            area = etree.SubElement(info, f"{{{CAP}}}area")
            _add(area, "areaDesc", where)
            _add(area, "polygon", body.polygon or "")
            _add(area, "circle", body.circle or "")
            if body.geocode:
                code = etree.SubElement(area, f"{{{CAP}}}geocode")
                _add(code, "valueName", "GB/T 2260")
                _add(code, "value", body.geocode)
    return root


def _add(root: etree._Element, name: str, text: str) -> None:
    if text:
        etree.SubElement(root, f"{{{CAP}}}{name}").text = text


def sign(seed: int, root: etree._Element) -> bytes:
    """The document with the bureau's enveloped signature."""
    key, certificate = identity(seed)
    signed = XMLSigner(signature_algorithm="ecdsa-sha256").sign(root, key=key, cert=[certificate])
    document: bytes = etree.tostring(signed, xml_declaration=True, encoding="UTF-8")
    return document


@cache
def identity(seed: int) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The bureau's key, the same for a seed, and its certificate."""
    secret = hashlib.sha256(f"{seed}:emergency".encode()).digest()
    key = ec.derive_private_key(int.from_bytes(secret) >> 1, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox emergency bureau")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


@asynccontextmanager
async def running(city: City) -> AsyncIterator[None]:
    """Send what is owed."""
    headers = {"Content-Type": "application/cap+xml"}
    city.callbacks.register(SYSTEM, Sender(lambda _body: headers, WAITS_S))
    yield


SYSTEMS = (
    System(
        name=SYSTEM,
        title_zh="应急管理局预警",
        title_en="Emergency bureau",
        operations=(Operation("fetch_sources", "GET", "/emergency/sources", sources),),
        controls=(Operation("send_alert", "POST", "/_control/emergency/alerts", send),),
        running=running,
    ),
)
