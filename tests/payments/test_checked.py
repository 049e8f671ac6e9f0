"""What a PSP says is checked: currency, amount, time, second captures, foreign refunds, keys."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

from core.clock import ManualClock
from core.database import transaction
from core.ids import new_id
from core.security.keys import load_keys
from core.standards.alipay_envelope import NotSigned, Signer
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from payments import routes, settlement
from payments.psp.port import (
    Callback,
    CallbackRefused,
    ForeignRefund,
    OrderState,
    OrderView,
    RefundState,
    RefundView,
)
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT
from payments.reconciliation import cases
from payments.reconciliation.models import Case
from tests.payments.test_wechatpay import Platform
from tests.payments.world import World


async def _ordered(world: World) -> UUID:
    call = await world.citizen()
    return await world.start(call, await world.bill(call))


def _view(world: World, intent_id: UUID, **changes: Any) -> OrderView:
    told = {"psp_ref": "42", "amount_fen": 3360, "paid_at": world.clock.now()} | changes
    return OrderView(intent_id, OrderState.PAID, **told)


async def _hear(world: World, news: Any, nonce: str = "") -> str:
    callback = Callback(nonce or new_id().hex, news)
    outcome = await routes.act_on(world.app, "wechatpay", callback)
    await world.queue.run_due()
    return outcome


@pytest.mark.parametrize(
    ("changes", "outcome", "kind"),
    [
        ({"currency": "USD"}, "currency_differs", "other_currency"),
        ({"amount_fen": 3359}, "amount_differs", "other_amount"),
        ({"amount_fen": 336000}, "amount_differs", "other_amount"),
    ],
)
async def test_other_money_than_was_ordered_is_a_case_and_not_booked(
    world: World, changes: dict[str, Any], outcome: str, kind: str
) -> None:
    intent_id = await _ordered(world)
    view = _view(world, intent_id, **changes)
    for _ in range(3):
        assert await _hear(world, view, "one-nonce") == outcome  # told again, refused again
    case = await Case.get()
    assert (case.kind, case.ref, case.intent_id) == (kind, intent_id.hex, intent_id)
    assert (await world.intent(intent_id)).state == "awaiting"
    assert await _hear(world, _view(world, intent_id), "one-nonce") == "captured"
    assert await _hear(world, _view(world, intent_id), "one-nonce") == "replay"


@pytest.mark.parametrize(
    "paid_at",
    [
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 3, 0, tzinfo=UTC),
        datetime(2026, 11, 23, 5, 0, tzinfo=UTC),
        datetime(2099, 1, 1, tzinfo=UTC),
    ],
)
async def test_money_of_a_time_that_cannot_be_is_booked_now_and_a_case(
    world: World, paid_at: datetime
) -> None:
    intent_id = await _ordered(world)
    assert await _hear(world, _view(world, intent_id, paid_at=paid_at)) == "captured"
    assert (await Case.get()).kind == "other_time"
    assert (await world.intent(intent_id)).paid_at == world.clock.now()


@pytest.mark.parametrize("minutes", [-9, 0, 9])
async def test_clocks_may_differ_a_little(world: World, minutes: int) -> None:
    intent_id = await _ordered(world)
    paid_at = world.clock.now() + timedelta(minutes=minutes)
    assert await _hear(world, _view(world, intent_id, paid_at=paid_at)) == "captured"
    assert await Case.all().count() == 0
    assert (await world.intent(intent_id)).paid_at == paid_at


async def test_a_second_capture_is_a_case(world: World) -> None:
    intent_id = await _ordered(world)
    assert await _hear(world, _view(world, intent_id)) == "captured"
    for _ in range(2):
        assert await _hear(world, _view(world, intent_id, psp_ref="43")) == "amount_differs"
    case = await Case.get()
    assert (case.kind, case.their_ref, case.their_fen) == ("second_capture", "43", 3360)
    assert not case.blocking


async def test_a_foreign_refund_is_a_case_that_keeps_the_payout_back(world: World) -> None:
    intent_id = await _ordered(world)
    assert await _hear(world, _view(world, intent_id)) == "captured"
    for news in (
        ForeignRefund(intent_id, "HAND-1", 3360),
        RefundView(new_id(), RefundState.SUCCEEDED, "50", 3360, intent_id),
    ):
        assert await _hear(world, news) == "foreign_refund"
    case = await Case.get()
    assert (case.kind, case.payee, case.blocking) == ("foreign_refund", "water", True)
    async with transaction() as tx:
        assert await cases.is_blocked(tx, "water", world.clock.now().date())
    assert await _hear(world, ForeignRefund(new_id(), "HAND-2", 1)) == "no_such_order"


async def test_a_refused_callback_is_not_heard_yet(world: World) -> None:
    """At Alipay the second telling of a refused notice was answered `success`."""
    nonce, stranger = "n1", new_id()
    view = _view(world, stranger)
    assert await _hear(world, view, nonce) == "no_such_order"
    assert await _hear(world, view, nonce) == "no_such_order"
    assert routes._answer_alipay("no_such_order").body == b"fail"


@pytest.fixture
def folder(keys_dir: Path, tmp_path: Path) -> Path:
    """A key folder with a platform certificate beside the platform's key."""
    for path in keys_dir.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform")])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(begins).not_valid_after(begins + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "wechat_platform_public.5F3A.pem").write_bytes(pem)
    (tmp_path / "alipay_platform_public.2.pem").write_bytes(pem)
    (tmp_path / "other_private.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return tmp_path


def _other_key(folder: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key((folder / "other_private.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def test_both_keys_of_wechat_pay_are_taken_while_they_change(
    folder: Path, clock: ManualClock
) -> None:
    """During the change from certificates to the public key callbacks come under either serial
    (wechatpay-apiv3/wechatpay-go#263)."""
    keys = load_keys(folder)
    client = WeChatPayClient(
        http=HttpClient(Metrics()).upstream("wechatpay", "http://127.0.0.1:9"),
        clock=clock,
        merchant=SANDBOX_MERCHANT,
        private_key=keys.wechat_merchant_private,
        platform_key=keys.wechat_platform_public,
        apiv3_key=keys.wechat_apiv3,
        notify_url="http://127.0.0.1:9",
        other_platform_keys=keys.wechat_platform_others,
    )
    platform = Platform(folder, clock)
    news = {
        "mchid": SANDBOX_MERCHANT.mchid,
        "appid": SANDBOX_MERCHANT.appid,
        "out_trade_no": new_id().hex,
        "transaction_id": "42",
        "trade_state": "SUCCESS",
        "success_time": "2026-11-23T12:00:00+08:00",
        "amount": {"total": 5600, "currency": "USD"},
    }
    other = _other_key(folder)
    for sent in (platform.tell(news), platform.tell(news, key=other, serial="5F3A")):
        view = client.read_callback(*sent).news
        assert isinstance(view, OrderView) and view.currency == "USD"
    for forged in (
        platform.tell(news, key=other),
        platform.tell(news, serial="5F3A"),
        platform.tell(news, key=other, serial="5F3B"),
    ):
        with pytest.raises(CallbackRefused, match="signature"):
            client.read_callback(*forged)


def test_a_refund_in_wechat_pay_s_portal_is_told_as_foreign(
    folder: Path, clock: ManualClock
) -> None:
    keys = load_keys(folder)
    client = WeChatPayClient(
        http=HttpClient(Metrics()).upstream("wechatpay", "http://127.0.0.1:9"),
        clock=clock,
        merchant=SANDBOX_MERCHANT,
        private_key=keys.wechat_merchant_private,
        platform_key=keys.wechat_platform_public,
        apiv3_key=keys.wechat_apiv3,
        notify_url="http://127.0.0.1:9",
    )
    intent_id = new_id()
    news = {
        "mchid": SANDBOX_MERCHANT.mchid,
        "out_trade_no": intent_id.hex,
        "out_refund_no": "portal-20261123-1",
        "refund_id": "5030000001",
        "refund_status": "SUCCESS",
        "amount": {"total": 5600, "refund": 100},
    }
    callback = client.read_callback(*Platform(folder, clock).tell(news, "REFUND.SUCCESS"))
    assert callback.news == ForeignRefund(intent_id, "5030000001", 100)


def test_both_keys_of_alipay_are_taken_while_they_change(folder: Path) -> None:
    keys = load_keys(folder)
    assert keys.alipay_merchant_private is not None and keys.alipay_platform_public is not None
    signer = Signer(
        keys.alipay_merchant_private, keys.alipay_platform_public, *keys.alipay_platform_others
    )
    node = orjson.dumps({"code": "10000"}).decode()
    raw = _other_key(folder).sign(node.encode(), PKCS1v15(), hashes.SHA256())
    body = f'{{"x_response":{node},"sign":"{base64.b64encode(raw).decode()}"}}'.encode()
    assert signer.open_answer(body, "x_response") == {"code": "10000"}
    lone = Signer(keys.alipay_merchant_private, keys.alipay_platform_public)
    with pytest.raises(NotSigned):
        lone.open_answer(body, "x_response")


async def test_a_late_payment_s_time_is_checked_too(world: World) -> None:
    intent_id = await _ordered(world)
    async with transaction() as tx:
        view = _view(world, intent_id, paid_at=None)
        assert await settlement.settle(world.app, tx, "wechatpay", view) == "captured"
    assert (await world.intent(intent_id)).paid_at == world.clock.now()
