"""What Alipay may tell us, and what we do not believe."""

import base64
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.clock import SHANGHAI, ManualClock
from core.deadline import Deadline
from core.ids import new_id
from core.security.keys import load_keys
from core.standards.alipay_envelope import Signer
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamError, UpstreamFailed
from payments.psp.alipay import SANDBOX_MERCHANT, AlipayClient
from payments.psp.port import (
    CallbackRefused,
    ForeignRefund,
    MerchantRefused,
    Order,
    OrderState,
    OrderView,
    RefundOrder,
    RefundState,
    RefundView,
)


class Platform:
    """Signs as Alipay does, and answers a gateway's requests with what a test wants."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        key = load_pem_private_key((folder / "alipay_platform_private.pem").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key, self._clock = key, clock
        self.answers: list[bytes] = []
        self.heard: list[dict[str, str]] = []

    def sign(self, text: str, key: rsa.RSAPrivateKey | None = None) -> str:
        """Base64 of a signature."""
        return base64.b64encode(
            (key or self._key).sign(text.encode(), PKCS1v15(), SHA256())
        ).decode()

    def notice(
        self,
        *,
        key: rsa.RSAPrivateKey | None = None,
        age: timedelta = timedelta(0),
        without: str = "",
        **changes: str,
    ) -> bytes:
        """The body of a notice that an order is paid, changed."""
        sent_at = (self._clock.now() - age).astimezone(SHANGHAI)
        told = {
            "notify_time": f"{sent_at:%Y-%m-%d %H:%M:%S}",
            "notify_type": "trade_status_sync",
            "notify_id": "notice-0001",
            "app_id": SANDBOX_MERCHANT.app_id,
            "seller_id": SANDBOX_MERCHANT.seller_id,
            "charset": "utf-8",
            "out_trade_no": new_id().hex,
            "trade_no": "2026112322001400000001",
            "trade_status": "TRADE_SUCCESS",
            "total_amount": "56.00",
            "gmt_payment": "2026-11-23 12:00:00",
            "subject": "水费 2026-10",
        } | changes
        told.pop(without, None)
        text = "&".join(f"{name}={told[name]}" for name in sorted(told))
        return urlencode(told | {"sign_type": "RSA2", "sign": self.sign(text, key)}).encode()

    def answer(self, method: str, node: dict[str, object], *, space: str = "") -> None:
        """Queue a signed answer; `space` stands around its node."""
        text = orjson.dumps(node).decode()
        name = f"alipay_trade_{method}_response"
        body = f'{{"{name}":{space}{text}{space},"sign":"{self.sign(text)}"}}'
        self.answers.append(body.encode())

    async def take(self, request: web.Request) -> web.Response:
        """The gateway."""
        self.heard.append(dict(parse_qsl((await request.read()).decode())))
        return web.Response(body=self.answers.pop(0), content_type="text/html")


@pytest.fixture
def platform(keys_dir: Path, clock: ManualClock) -> Platform:
    """Alipay's side."""
    return Platform(keys_dir, clock)


@pytest.fixture
async def client(keys_dir: Path, clock: ManualClock, platform: Platform):
    """Our side, and a gateway that answers as it is told."""
    application = web.Application()
    application.router.add_post("/gateway.do", platform.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    keys = load_keys(keys_dir)
    assert keys.alipay_merchant_private and keys.alipay_platform_public
    async with HttpClient(Metrics()) as http:
        yield AlipayClient(
            http=http.upstream("alipay", address),
            clock=clock,
            merchant=SANDBOX_MERCHANT,
            signer=Signer(keys.alipay_merchant_private, keys.alipay_platform_public),
            gateway_url=f"{address}/gateway.do",
            base_url="http://city.example",
        )
    await runner.cleanup()


def _soon() -> Deadline:
    return Deadline.after(5)


def test_a_payment_is_read(client: AlipayClient, platform: Platform) -> None:
    view = client.read_callback({}, platform.notice()).news
    assert isinstance(view, OrderView) and view.paid_at is not None
    assert (view.state, view.amount_fen) == (OrderState.PAID, 5600)
    assert view.paid_at.isoformat() == "2026-11-23T04:00:00+00:00"


def test_the_notice_s_id_is_its_nonce(client: AlipayClient, platform: Platform) -> None:
    one = client.read_callback({}, platform.notice())
    same = client.read_callback({}, platform.notice(trade_status="TRADE_FINISHED"))
    other = client.read_callback({}, platform.notice(notify_id="n" * 128))
    assert one.nonce == same.nonce != other.nonce
    assert len(other.nonce) <= 64


def test_a_refund_is_read(client: AlipayClient, platform: Platform) -> None:
    refund_id = new_id()
    body = platform.notice(
        gmt_refund="2026-11-23 12:00:01.000", refund_fee="9.00", out_biz_no=refund_id.hex
    )
    view = client.read_callback({}, body).news
    # refund_fee is the sum of all refunds so far: it tells nothing of this one's amount
    assert isinstance(view, RefundView)
    assert (view.refund_id, view.state) == (refund_id, RefundState.SUCCEEDED)
    assert (view.psp_ref, view.amount_fen) == (refund_id.hex, None)


@pytest.mark.parametrize("number", ["", "HJSA-1"])
def test_a_refund_by_hand_is_told_as_foreign(
    client: AlipayClient, platform: Platform, number: str
) -> None:
    body = platform.notice(
        gmt_refund="2026-11-23 12:00:01.000", out_biz_no=number, refund_fee="56.00"
    )
    news = client.read_callback({}, body).news
    assert isinstance(news, ForeignRefund)
    assert (news.amount_fen, bool(news.their_ref)) == (None, True)  # 56.00 is all refunds' sum


def test_the_end_of_a_trade_is_read(client: AlipayClient, platform: Platform) -> None:
    unpaid = platform.notice(trade_status="TRADE_CLOSED", without="gmt_payment")
    returned = platform.notice(trade_status="TRADE_CLOSED")
    views = [client.read_callback({}, body).news for body in (unpaid, returned)]
    assert [view.state for view in views if isinstance(view, OrderView)] == [
        OrderState.CLOSED,
        OrderState.PAID,
    ]


def test_other_news_is_believed_and_ignored(client: AlipayClient, platform: Platform) -> None:
    body = platform.notice(notify_type="dut_user_sign")
    assert client.read_callback({}, body).news is None


def test_a_forged_signature_is_refused(client: AlipayClient, platform: Platform) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = platform.notice()
    for body in (
        platform.notice(key=stranger),
        good.replace(b"total_amount=56.00", b"total_amount=0.01"),
        good.replace(b"sign_type=RSA2", b"sign_type=RSA"),
        good + b"&total_amount=0.01",
        good + b"&extra=1",
        good.partition(b"&sign=")[0],
        good.partition(b"&sign=")[0] + b"&sign=not+base64",
        b"",
        b"\xff\xfe",
        b"&".join(b"a%d=1" % n for n in range(200)),
    ):
        _refuse(client, "signature", body)


@pytest.mark.parametrize("age_s", [301, -301, 86_400])
def test_a_stale_notice_is_refused(client: AlipayClient, platform: Platform, age_s: int) -> None:
    _refuse(client, "stale", platform.notice(age=timedelta(seconds=age_s)))


@pytest.mark.parametrize("sent_at", ["", "soon", "2026-13-01 00:00:00"])
def test_a_notice_without_its_time_is_refused(
    client: AlipayClient, platform: Platform, sent_at: str
) -> None:
    _refuse(client, "stale", platform.notice(notify_time=sent_at))
    _refuse(client, "stale", platform.notice(without="notify_time"))


@pytest.mark.parametrize(
    "change", [{"app_id": "2021000000000002"}, {"seller_id": "2088000000000009"}, {"app_id": ""}]
)
def test_another_merchants_payment_is_refused(
    client: AlipayClient, platform: Platform, change: dict[str, str]
) -> None:
    _refuse(client, "merchant", platform.notice(**change))
    _refuse(client, "merchant", platform.notice(without="seller_id"))


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "not-an-id"},
        {"trade_status": "TRADE_WON"},
        {"total_amount": "56.001"},
        {"total_amount": "a lot"},
        {"gmt_payment": "yesterday"},
        {"gmt_payment": ""},
        {"trade_no": ""},
        {"trade_no": "4" * 65},
        {"notify_id": ""},
        {"notify_id": "n" * 129},
    ],
)
def test_nonsense_is_refused(
    client: AlipayClient, platform: Platform, change: dict[str, str]
) -> None:
    _refuse(client, "malformed", platform.notice(**change))


def _refuse(client: AlipayClient, reason: str, body: bytes) -> None:
    with pytest.raises(CallbackRefused) as refused:
        client.read_callback({}, body)
    assert refused.value.reason == reason


async def test_an_answer_is_read_as_it_was_signed(client: AlipayClient, platform: Platform) -> None:
    """Escapes, order and spaces of the node are Alipay's own."""
    intent_id = new_id()
    node: dict[str, object] = {
        "code": "10000",
        "msg": 'a "}" and a \\ in it, "sign":"x"',
        "out_trade_no": intent_id.hex,
        "trade_status": "WAIT_BUYER_PAY",
    }
    platform.answer("query", node)
    platform.answer("query", node, space=" \n ")
    for _ in range(2):
        view = await client.find_order(intent_id, _soon())
        assert view.state is OrderState.UNPAID


async def test_an_answer_that_alipay_did_not_sign_is_no_answer(
    client: AlipayClient, platform: Platform
) -> None:
    intent_id = new_id()
    node: dict[str, object] = {
        "code": "10000",
        "out_trade_no": intent_id.hex,
        "trade_status": "WAIT_BUYER_PAY",
    }
    platform.answer("query", node)
    good = platform.answers.pop()
    for body in (
        good.replace(b"WAIT_BUYER_PAY", b"TRADE_SUCCESS"),
        good.replace(b'"sign"', b'"sing"'),
        b'{"alipay_trade_query_response":{"code":"10000"}}',
        b'{"alipay_trade_query_response":{"code":"10000"},"sign":""}',
        b"<html>busy</html>",
        b"[]",
        b"",
    ):
        platform.answers.append(body)
        with pytest.raises(UpstreamFailed):
            await client.find_order(intent_id, _soon())


@pytest.mark.parametrize(
    ("code", "sub_code"),
    [("20000", "isp.unknow-error"), ("40004", "ACQ.SYSTEM_ERROR"), ("10003", ""), ("50000", "")],
)
async def test_what_alipay_calls_unknown_is_unknown(
    client: AlipayClient, platform: Platform, code: str, sub_code: str
) -> None:
    refund = RefundOrder(new_id(), new_id(), 100, 5600, "LATE_PAYMENT")
    platform.answer("refund", {"code": code, "sub_code": sub_code})
    with pytest.raises(UpstreamFailed) as unknown:
        await client.refund(refund, _soon())
    assert not unknown.value.outcome_known


async def test_a_refund_without_a_change_of_funds_is_asked_for(
    client: AlipayClient, platform: Platform
) -> None:
    refund = RefundOrder(new_id(), new_id(), 100, 5600, "LATE_PAYMENT")
    told = {"code": "10000", "out_trade_no": refund.intent_id.hex, "fund_change": "N"}
    platform.answer("refund", told)
    platform.answer("fastpay_refund_query", {"code": "10000"})
    assert (await client.refund(refund, _soon())).state is RefundState.MISSING
    platform.answer("refund", told)
    platform.answer(
        "fastpay_refund_query",
        {
            "code": "10000",
            "out_request_no": refund.refund_id.hex,
            "refund_amount": "1.00",
            "refund_status": "REFUND_SUCCESS",
        },
    )
    view = await client.refund(refund, _soon())
    assert (view.state, view.amount_fen) == (RefundState.SUCCEEDED, 100)


async def test_our_own_mistakes_refuse_no_refund(client: AlipayClient, platform: Platform) -> None:
    refund = RefundOrder(new_id(), new_id(), 100, 5600, "LATE_PAYMENT")
    platform.answer("refund", {"code": "40002", "sub_code": "isv.invalid-signature"})
    with pytest.raises(MerchantRefused):
        await client.refund(refund, _soon())
    platform.answer("refund", {"code": "40004", "sub_code": "ACQ.TRADE_HAS_FINISHED"})
    assert (await client.refund(refund, _soon())).state is RefundState.FAILED
    platform.answer("refund", {"code": "40004", "sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"})
    assert (await client.refund(refund, _soon())).state is RefundState.SHORT


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("40001", "isv.missing-signature"),
        ("40002", "isv.invalid-app-id"),
        ("40002", "isv.invalid-signature"),
        ("40002", "isv.invalid-timestamp"),
        ("40003", "isv.insufficient-isv-permissions"),
        ("40006", "isv.insufficient-user-permissions"),
        ("40004", "ACQ.ACCESS_FORBIDDEN"),
    ],
)
async def test_a_refusal_of_us_is_a_failed_psp(
    client: AlipayClient, platform: Platform, clock: ManualClock, code: str, reason: str
) -> None:
    order = Order(new_id(), "水费", 100, clock.now() + timedelta(hours=1), "127.0.0.1")
    for ask in (
        lambda: client.find_order(order.intent_id, _soon()),
        lambda: client.order(order, _soon()),
    ):
        platform.answer("query", {"code": code, "sub_code": reason})
        with pytest.raises(MerchantRefused) as refused:
            await ask()
        assert refused.value.outcome_known and refused.value.blamed


async def test_answers_about_other_things_are_no_answers(
    client: AlipayClient, platform: Platform
) -> None:
    other = {"code": "10000", "out_trade_no": new_id().hex, "fund_change": "Y"}
    refund = RefundOrder(new_id(), new_id(), 100, 5600, "LATE_PAYMENT")
    platform.answer("refund", other)
    with pytest.raises(UpstreamFailed):
        await client.refund(refund, _soon())
    platform.answer("close", other)
    with pytest.raises(UpstreamFailed):
        await client.close_order(new_id(), _soon())
    platform.answer("query", other | {"trade_status": "WAIT_BUYER_PAY"})
    with pytest.raises(UpstreamFailed):
        await client.find_order(new_id(), _soon())
    told = {"out_request_no": new_id().hex, "refund_amount": "1.00"}
    platform.answer(
        "fastpay_refund_query", {"code": "10000", "refund_status": "REFUND_SUCCESS"} | told
    )
    with pytest.raises(UpstreamFailed):
        await client.find_refund(refund, _soon())


async def test_an_order_does_nothing_at_alipay(
    client: AlipayClient, platform: Platform, clock: ManualClock
) -> None:
    """It asks, so that a failing Alipay is noticed; whatever fails, no order was made."""
    order = Order(new_id(), "水费/2026=10", 5600, clock.now() + timedelta(minutes=15), "127.0.0.1")
    platform.answers.append(b"busy")
    platform.answers.append(b"busy")
    platform.answers.append(b"busy")
    with pytest.raises(UpstreamError) as failed:
        await client.order(order, _soon())
    assert failed.value.outcome_known
    platform.answers.clear()
    platform.answer("query", {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"})
    url = urlsplit(await client.order(order, _soon()))
    assert {asked["method"] for asked in platform.heard} == {"alipay.trade.query"}
    params = {name: values[0] for name, values in parse_qs(url.query).items()}
    biz = orjson.loads(params["biz_content"])
    assert (params["method"], biz["total_amount"]) == ("alipay.trade.wap.pay", "56.00")
    assert (biz["subject"], biz["time_expire"]) == ("水费 2026 10", "2026-11-23 12:15:00")
    assert params["notify_url"] == "http://city.example/callbacks/alipay"
    assert len(url.geturl()) < 2048
