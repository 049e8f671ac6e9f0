"""Real estate: the own share alone; the certificate, its code and its signature."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import SignatureCoverageLevel, async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.errors import Unavailable
from core.people.personal_read import Access, grant_consent
from core.security.authentication import Viewer
from core.upstream.records import Records
from modules.property.holdings.certificate import VALID, issue
from modules.property.holdings.domain import Ownership, RealEstate
from modules.property.holdings.lookup import PURPOSE, REGISTRY
from tests.asgi import Client
from tests.fakes import Silence
from tests.upstreams import by_operation

Citizen = Callable[..., Awaitable[Viewer]]
HOME = RealEstate(
    "鲁(2020)济南市不动产权第0000001号", "370102000000GB00000F00000001", "示范路1号", "住宅",
    "90.50", Ownership.SHARED, 2, "1/2", date(2020, 5, 1), True, False,
)  # fmt: skip


class FakeRegistry(Silence):
    """A registry with what it is given."""

    name = "real_estate"

    def __init__(self) -> None:
        super().__init__()
        self.holdings: Records[RealEstate] = Records([])

    async def query_holdings(self, access: Access) -> Records[RealEstate]:
        """See modules.property.holdings.lookup."""
        self.answer("query_holdings")
        return self.holdings


@pytest.fixture
def registry() -> FakeRegistry:
    """The real-estate registry."""
    return FakeRegistry()


@pytest.fixture
def upstreams(registry: FakeRegistry) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(registry, REGISTRY)


@pytest.fixture
async def owner(call: Callable[..., Call], citizen: Citizen) -> Viewer:
    """Somebody verified who has consented."""
    viewer = await citizen(name="欧阳示范")
    await grant_consent(call(user_id=viewer.user_id, level=2), PURPOSE.id, PURPOSE.text_version)
    return viewer


async def _certify(client: Client, owner: Viewer) -> Any:
    answer = await client.operate("NoPropertyCertificate", viewer=owner)
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]["noPropertyCertificate"]


async def _verify(client: Client, code: str) -> Any:
    return await client.operate("VerifyNoPropertyCertificate", {"code": code})


async def test_what_is_owned_comes_with_the_own_share_alone(
    client: Client, owner: Viewer, registry: FakeRegistry
) -> None:
    registry.holdings = Records([HOME], 1)
    answer = (await client.operate("RealEstate", viewer=owner)).json["data"]["realEstate"]
    assert (answer["status"], answer["record"]["unreadable"]) == ("LIVE", 1)
    assert answer["record"]["holdings"] == [
        {
            "certificateNo": HOME.certificate_no, "unitNo": HOME.unit_no, "address": "示范路1号",
            "use": "住宅", "floorAreaM2": "90.50", "ownership": "SHARED", "ownerCount": 2,
            "ownShare": "1/2", "registeredOn": "2020-05-01", "mortgaged": True, "seized": False,
        }
    ]  # fmt: skip


async def test_a_certificate_is_signed_and_anybody_verifies_it(
    client: Client, app: App, owner: Viewer
) -> None:
    issued = await _certify(client, owner)
    facts = issued["facts"]
    assert (facts["holder"], facts["asOf"]) == ("***范", "2026-11-23T04:00:00.000Z")
    assert facts["holderIdNo"][6:14] == "********" and len(facts["holderIdNo"]) == 18
    assert (await _verify(client, issued["code"])).json["data"] == {
        "verifyNoPropertyCertificate": facts
    }
    pdf = await client.request("GET", issued["pdf"]["url"])
    assert (pdf.status, pdf.headers["content-type"]) == (200, "application/pdf")
    (page,) = PdfReader(BytesIO(pdf.body)).pages
    text = page.extract_text()
    for words in ("无房证明", "欧阳示范", facts["certificateNo"], facts["holderIdNo"]):
        assert words in text
    assert app.keys.document_certificates is not None
    roots = list(load_certs_from_pemder_data(app.keys.document_certificates))
    status = await _validate(pdf.body, roots)
    assert status.bottom_line and status.coverage is SignatureCoverageLevel.ENTIRE_FILE


async def _validate(pdf: bytes, roots: list[Any]) -> Any:
    (signature,) = PdfFileReader(BytesIO(pdf)).embedded_signatures
    return await async_validate_pdf_signature(signature, ValidationContext(trust_roots=roots))


async def test_a_certificate_that_is_altered_is_known_by_its_signature(
    client: Client, app: App, owner: Viewer
) -> None:
    pdf = (await client.request("GET", (await _certify(client, owner))["pdf"]["url"])).body
    altered = pdf.replace(b"/MediaBox [ 0 0", b"/MediaBox [ 1 0", 1)
    assert altered != pdf
    roots = list(load_certs_from_pemder_data(app.keys.document_certificates or b""))
    status = await _validate(altered, roots)
    assert not status.intact and not status.bottom_line


async def test_who_owns_something_gets_no_certificate(
    client: Client, owner: Viewer, registry: FakeRegistry
) -> None:
    registry.holdings = Records([HOME])
    answer = await client.operate("NoPropertyCertificate", viewer=owner)
    assert answer.codes == ["OWNS_PROPERTY"]


async def test_nothing_is_certified_on_silence_or_on_half_an_answer(
    client: Client, owner: Viewer, registry: FakeRegistry
) -> None:
    await client.operate("RealEstate", viewer=owner)  # a last good answer without property
    registry.is_silent = True
    refused = await client.operate("NoPropertyCertificate", viewer=owner)
    assert refused.codes == ["UPSTREAM_UNAVAILABLE"]
    registry.is_silent, registry.holdings = False, Records([], 1)
    refused = await client.operate("NoPropertyCertificate", viewer=owner)
    assert refused.codes == ["UPSTREAM_UNAVAILABLE"]


async def test_a_code_that_is_forged_foreign_or_over_is_not_found(
    client: Client, owner: Viewer, clock: ManualClock
) -> None:
    issued = await _certify(client, owner)
    head, _, signature = issued["code"].rpartition(".")
    link = issued["pdf"]["url"].rpartition("/")[2]
    for code in ("", "x", f"{head}.{signature[::-1]}", link):
        assert (await _verify(client, code)).codes == ["NOT_FOUND"]
    clock.move(VALID - timedelta(seconds=1))
    assert (await _verify(client, issued["code"])).codes == []
    clock.move(timedelta(seconds=1))
    assert (await _verify(client, issued["code"])).codes == ["NOT_FOUND"]


async def test_without_a_document_key_nothing_is_certified(
    app: App, call: Callable[..., Call], owner: Viewer
) -> None:
    without = replace(app, keys=replace(app.keys, document_signing=None))
    with pytest.raises(Unavailable) as refused:
        await issue(replace(call(user_id=owner.user_id, level=2), app=without))
    assert refused.value.code == "NO_CERTIFICATES"
