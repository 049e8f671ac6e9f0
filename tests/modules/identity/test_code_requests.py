"""Asking for codes: the captcha that stands before too many, and codes that are read out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.settings import Settings
from modules.identity import domain
from modules.identity.captcha import CAPTCHA, PASS_LIFE
from modules.identity.models import LoginCode
from modules.identity.proofs.upstream import CARRIERS
from modules.identity.upstream import REGISTRY
from notifications.channels import voice
from notifications.channels.gateways import GATEWAY
from notifications.channels.port import Failed, Refused, Taken
from tests.fakes import FakeCaptcha, FakePolice, FakeProofs, FakeSms
from tests.messages import deliver_due
from tests.modules.identity.conftest import DEVICE, REFUSAL, Phone
from tests.sandbox.serving import Client as Sandbox
from tests.upstreams import by_operation

BEGIN = f"""mutation B($key: String!) {{ beginCaptcha(idempotencyKey: $key) {{
  ... on CaptchaBegun {{ url ticket }} {REFUSAL} }} }}"""


async def begin(phone: Phone) -> Any:
    return (await phone.client.data(BEGIN, {"key": "the-captchas-key"}))["beginCaptcha"]


async def use_up(phone: Phone, clock: ManualClock, before: int = 0) -> None:
    """As many codes as a phone has without a captcha, some of them `before`."""
    for _ in range(domain.CAPTCHA_AFTER_PHONE - before):
        assert (await phone.request_code())["__typename"] == "LoginCodeSent"
        clock.move(domain.CODE_COOLDOWN)


async def test_who_asks_too_often_shows_to_be_no_machine(phone: Phone, clock: ManualClock) -> None:
    await use_up(phone, clock)
    asked = await phone.request_code()
    assert (asked["code"], asked["field"]) == ("CAPTCHA_REQUIRED", "captcha")
    wrong = await phone.request_code(captcha="no-ticket")
    assert wrong["code"] == "CAPTCHA_REFUSED"
    assert await LoginCode.all().count() == domain.CAPTCHA_AFTER_PHONE
    ticket = (await begin(phone))["url"]
    key = "one-key-for-all"
    for _ in range(2):  # a lost reply does not ask for another challenge
        sent = await phone.request_code(key, captcha=ticket)
        assert sent["__typename"] == "LoginCodeSent"
    clock.move(domain.CODE_COOLDOWN)
    assert (await phone.request_code(captcha=ticket))["code"] == "CAPTCHA_REFUSED", "good once"
    clock.move(timedelta(hours=1))
    assert (await phone.request_code())["__typename"] == "LoginCodeSent"


async def test_strangers_cannot_keep_an_owner_from_codes(phone: Phone, clock: ManualClock) -> None:
    await phone.sign_in()
    clock.move(domain.CODE_COOLDOWN)
    await use_up(phone, clock, before=1)
    stranger = {"id": "a-strangers-device", "name": ""}
    assert (await phone.request_code(device=stranger))["code"] == "CAPTCHA_REQUIRED"
    for _ in range(domain.CODES_PER_HOUR):
        ticket = (await begin(phone))["url"]
        await phone.request_code(captcha=ticket, device=stranger)
        clock.move(domain.CODE_COOLDOWN)
    ticket = (await begin(phone))["url"]
    assert (await phone.request_code(captcha=ticket))["code"] == "TOO_MANY_CODES"
    mine = await phone.request_code(device=DEVICE)
    assert mine["__typename"] == "LoginCodeSent", "on the owner's own device"


async def test_one_device_does_not_ask_for_many_phones(phone: Phone, clock: ManualClock) -> None:
    device = {"id": "asks-for-many", "name": ""}
    for number in range(domain.CAPTCHA_AFTER_DEVICE):
        other = Phone(phone.client, phone.sms, f"1390013900{number}")
        assert (await other.request_code(device=device))["__typename"] == "LoginCodeSent"
    assert (await phone.request_code(device=device))["code"] == "CAPTCHA_REQUIRED"
    assert (await phone.request_code())["__typename"] == "LoginCodeSent"


async def test_while_the_captcha_is_silent_a_pass_stands_for_its_ticket(
    phone: Phone, clock: ManualClock, captcha: FakeCaptcha
) -> None:
    await use_up(phone, clock)
    captcha.is_silent = True
    begun = await begin(phone)
    assert begun["url"] is None
    assert (await phone.request_code(captcha=begun["ticket"]))["__typename"] == "LoginCodeSent"
    clock.move(domain.CODE_COOLDOWN)
    assert (await phone.request_code(captcha=begun["ticket"]))["code"] == "CAPTCHA_REFUSED"
    assert (await phone.request_code())["code"] == "CAPTCHA_REQUIRED", "silence is no open door"
    late = await begin(phone)
    clock.move(PASS_LIFE + timedelta(minutes=2))
    captcha.is_silent = False
    assert (await phone.request_code(captcha=late["ticket"]))["code"] == "CAPTCHA_REFUSED"


async def test_a_city_without_a_captcha_asks_nobody(phone: Phone, clock: ManualClock) -> None:
    phone.client.app.upstreams._addresses = {}  # type: ignore[assignment]
    await use_up(phone, clock)
    assert (await phone.request_code())["__typename"] == "LoginCodeSent"


class TestOverHttp:
    """With the sandbox's captcha and voice service."""

    @pytest.fixture
    def settings(self, settings: Settings, sandbox_port: int) -> Settings:
        """Settings of a process whose services are the sandbox's."""
        return settings.model_copy(update={"sandbox_port": sandbox_port})

    @pytest.fixture
    def upstreams(self, sms: FakeSms, police: FakePolice, proofs: FakeProofs) -> Mapping[Any, Any]:
        """All but those two."""
        return {
            **by_operation(sms, GATEWAY),
            **by_operation(police, REGISTRY),
            **by_operation(proofs, CARRIERS),
        }

    async def test_a_ticket_is_good_once_where_it_was_solved(
        self, phone: Phone, clock: ManualClock, sandbox: Sandbox
    ) -> None:
        await use_up(phone, clock)
        url = (await begin(phone))["url"]
        assert (await phone.request_code(captcha="made up"))["code"] == "CAPTCHA_REFUSED"
        _, solved = await sandbox.post("/_control/captcha/solutions", {"url": url})
        sent = await phone.request_code(captcha=solved["ticket"])
        assert sent["__typename"] == "LoginCodeSent"
        clock.move(domain.CODE_COOLDOWN)
        again = await phone.request_code(captcha=solved["ticket"])
        assert again["code"] == "CAPTCHA_REFUSED"
        await sandbox.put(f"/_control/faults/{CAPTCHA.name}", {"error_rate": 1.0})
        assert (await begin(phone))["ticket"]

    async def test_a_code_is_read_out(
        self, phone: Phone, clock: ManualClock, sandbox: Sandbox, app: App
    ) -> None:
        clock.move(datetime.now(UTC) - clock.now())
        for wrong in ("000000", None):
            asked = await phone.request_code(channel="VOICE")
            if asked["__typename"] != "LoginCodeSent":
                asked = await phone.request_code(
                    channel="VOICE", captcha=(await self._ticket(phone, sandbox))
                )
            assert asked["__typename"] == "LoginCodeSent", asked
            (newest, *_) = await LoginCode.all().order_by("-created_at")
            assert newest.expires_at - newest.created_at == domain.SPOKEN_CODE_LIFE
            await deliver_due(app)
            _, calls = await sandbox.get(f"/_control/voice/calls?phone={phone.number}")
            said = re.findall(r"\d(?:,\d){5}", calls[-1]["text"])
            assert len(said) == 2 and said[0] == said[1], "twice, digit by digit"
            code = said[0].replace(",", "")
            tokens = await phone.login(wrong or code)
            assert (tokens["__typename"] == "Tokens") is (wrong is None)
            clock.move(domain.CODE_COOLDOWN)
        assert phone.sms.sent == {}

    async def _ticket(self, phone: Phone, sandbox: Sandbox) -> str:
        url = (await begin(phone))["url"]
        _, solved = await sandbox.post("/_control/captcha/solutions", {"url": url})
        return str(solved["ticket"])

    async def test_calls_have_a_budget_of_their_own(
        self, phone: Phone, clock: ManualClock, sandbox: Sandbox
    ) -> None:
        for _ in range(domain.SPOKEN_CODES_PER_HOUR):
            sent = await phone.request_code(
                channel="VOICE", captcha=await self._ticket(phone, sandbox)
            )
            assert sent["__typename"] == "LoginCodeSent"
            clock.move(domain.CODE_COOLDOWN)
        more = await phone.request_code(channel="VOICE", captcha=await self._ticket(phone, sandbox))
        assert more["code"] == "TOO_MANY_CODES"
        assert (await phone.request_code())["__typename"] == "LoginCodeSent", "texts go on"

    async def test_a_city_without_calls_says_so(self, phone: Phone) -> None:
        addresses = dict(phone.client.app.upstreams._addresses)
        del addresses["voice"]
        phone.client.app.upstreams._addresses = addresses
        off = await phone.request_code(channel="VOICE")
        assert (off["code"], off["field"]) == ("VOICE_OFF", "channel")
        assert await LoginCode.all().count() == 0


def test_the_voice_services_signature_as_published() -> None:
    """The example of help.aliyun.com, "RPC-style request signature": DescribeRegions."""
    told = {
        "Timestamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    assert voice.signature(told, "testsecret", "GET") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"Code": "OK", "CallId": "134523^4351232"}, Taken("134523^4351232")),
        ({"Code": "isv.BUSINESS_LIMIT_CONTROL"}, Refused("too_often")),
        ({"Code": "isv.MOBILE_NUMBER_ILLEGAL"}, Refused("isv.mobile_number_illegal")),
        ({"Code": "SignatureDoesNotMatch"}, Failed("signaturedoesnotmatch", outcome_known=True)),
        (
            {"Code": "isp.RAM_PERMISSION_DENY"},
            Failed("isp.ram_permission_deny", outcome_known=True),
        ),
        ({}, Failed("no_answer")),
    ],
)
def test_the_voice_services_answers_as_documented(answer: Any, outcome: object) -> None:
    """Codes of help.aliyun.com, SingleCallByTts."""
    assert voice.judge(answer) == outcome
