"""Paying from a browser, an app, and from inside WeChat: what each is given, and what is refused.

`samples/sdk_calls.json` was made by two clients that nobody here wrote; it names them.
"""

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from graphql import build_schema, get_named_type, is_object_type, is_union_type

from core.clock import SystemClock
from core.deadline import Deadline
from core.errors import AppError, Conflict, InvalidInput
from core.ids import new_id
from core.security.keys import load_keys
from core.standards.alipay_envelope import _canonical
from core.telemetry.metrics import Metrics
from core.texts import Locale
from core.upstream.client import HttpClient
from payments.domain import PaymentMethod, Wish
from payments.graphql import to_payment
from payments.models import Intent
from payments.psp.channels import PaymentChannel
from payments.psp.port import Order, OrderState
from payments.psp.wechatpay_channels import Caller, sdk_call
from payments.service import checked
from tests.payments.test_psp_contract import _alipay, _wechatpay
from tests.payments.town import Town, check_town

SAMPLES = orjson.loads((Path(__file__).parent / "samples/sdk_calls.json").read_bytes())
BROWSER, APP, PAGE, MINI = PaymentChannel
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


@pytest.fixture
def upstreams(two_psps: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Two PSPs; the second has no channel inside WeChat."""
    return two_psps


def _holds(signature: str, text: str) -> None:
    """Raises InvalidSignature unless the sample's key has signed this text."""
    key = load_pem_public_key(SAMPLES["public_key"].encode())
    assert isinstance(key, RSAPublicKey)
    key.verify(base64.b64decode(signature), text.encode(), PKCS1v15(), SHA256())


@pytest.mark.parametrize(
    ("channel", "sample", "names"),
    [
        (APP, "app", ("prepayid", "timestamp", "noncestr", "sign")),
        (MINI, "jsapi", ("package", "timeStamp", "nonceStr", "paySign")),
        (PAGE, "jsapi", ("package", "timeStamp", "nonceStr", "paySign")),
    ],
)
def test_wechat_pay_is_called_as_a_foreign_client_calls_it(
    channel: PaymentChannel, sample: str, names: tuple[str, ...]
) -> None:
    theirs, signed = SAMPLES[sample], []
    prepay, timestamp, nonce, sign = names

    def take(*lines: str) -> str:
        signed.append("".join(f"{line}\n" for line in lines))
        return str(theirs[sign])

    ours = sdk_call(
        channel,
        Caller("1900000109", "wx8888888888888888"),
        theirs[prepay].removeprefix("prepay_id="),
        timestamp=theirs[timestamp],
        nonce=theirs[nonce],
        sign=take,
    )
    assert ours == theirs
    _holds(theirs[sign], signed[0])


async def test_alipay_s_app_order_is_a_foreign_client_s(keys_dir: Path) -> None:
    theirs = dict(parse_qsl(SAMPLES["order"]))
    signature = theirs.pop("sign")
    _holds(signature, _canonical(theirs))
    order = Order(new_id(), "水费 2026-10", 5600, SystemClock().now(), "127.0.0.1", APP)
    async with HttpClient(Metrics()) as http:
        door = http.upstream("alipay", "https://alipay.example")
        client = _alipay(door, "https://city.example", load_keys(keys_dir))
        ours = dict(parse_qsl(client._cashier(order, "56.00")))
    assert ours.keys() - {"format"} == theirs.keys() | {"sign"}
    for name in ("method", "charset", "version", "sign_type", "notify_url", "app_id"):
        assert ours[name] == theirs[name]
    told, said = orjson.loads(ours["biz_content"]), orjson.loads(theirs["biz_content"])
    assert told.keys() == said.keys()
    assert {told[n] == said[n] for n in ("total_amount", "subject", "product_code")} == {True}


@pytest.fixture
def order() -> Order:
    """What is to be paid."""
    ends_at = (SystemClock().now() + timedelta(minutes=15)).replace(microsecond=0)
    return Order(new_id(), "水费 2026-10", 5600, ends_at, "127.0.0.1")


@pytest.mark.parametrize("channel", [APP, PAGE, MINI])
async def test_the_sandbox_s_wechat_pay_takes_the_signed_call_alone(
    sandbox_port: int, keys_dir: Path, order: Order, channel: PaymentChannel
) -> None:
    address = f"http://127.0.0.1:{sandbox_port}/wechatpay"
    order = _in(order, channel)
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as phone:
        psp = _wechatpay(http.upstream("wechatpay", address), address, load_keys(keys_dir))
        call = orjson.loads(await psp.order(order, Deadline.after(5)))
        for name in call.keys() - {"package"}:
            async with phone.post(f"{address}/sdk", json=call | {name: "x" * 32}) as answer:
                assert answer.status in (400, 401, 404), name
        async with phone.post(f"{address}/sdk", json=call) as answer:
            assert answer.status == 200 and "/cashier/wx" in str(answer.url)
            page = answer.url
        async with phone.post(f"{page}/pay") as answer:
            assert answer.status == 200
        view = await psp.find_order(order.intent_id, Deadline.after(5))
    assert (view.state, view.amount_fen) == (OrderState.PAID, 5600)


async def test_the_sandbox_s_alipay_takes_the_order_text(
    sandbox_port: int, keys_dir: Path, order: Order
) -> None:
    address = f"http://127.0.0.1:{sandbox_port}/alipay"
    order = _in(order, APP)
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as phone:
        psp = _alipay(http.upstream("alipay", address), address, load_keys(keys_dir))
        text = await psp.order(order, Deadline.after(5))
        forged = text.replace("56.00", "0.01")
        async with phone.get(f"{address}/gateway.do?{forged}") as answer:
            assert "isv.invalid-signature" in await answer.text()
        async with phone.get(f"{address}/gateway.do?{text}") as answer:
            page = answer.url
        async with phone.post(f"{page}/pay") as answer:
            assert answer.status == 200
        view = await psp.find_order(order.intent_id, Deadline.after(5))
    assert (view.state, view.amount_fen) == (OrderState.PAID, 5600)


def _in(order: Order, channel: PaymentChannel) -> Order:
    """The same order in a channel."""
    openid = OPENID if channel in (PAGE, MINI) else None
    return Order(
        order.intent_id, order.title, order.amount_fen, order.expires_at, order.client_address,
        channel, openid,
    )  # fmt: skip


async def test_an_app_gets_a_call_and_a_browser_an_address(town: Town) -> None:
    payer = await town.citizen()
    for channel, openid in ((BROWSER, None), (APP, None), (MINI, OPENID)):
        intent = await town.begin(payer, await town.bill(payer), channel=channel, openid=openid)
        shown = to_payment(intent, Locale.ZH)
        assert shown.channel is channel
        assert (shown.cashier_url is None) == (channel is not BROWSER)
        assert (shown.sdk_call is None) == (channel is BROWSER)
        assert town.wechat.orders[intent.id].order.channel is channel


async def test_another_channel_closes_the_open_one(town: Town) -> None:
    payer = await town.citizen()
    bill_id = await town.bill(payer)
    first = await town.begin(payer, bill_id)
    second = await town.begin(payer, bill_id, channel=MINI, openid=OPENID)
    third = await town.begin(payer, bill_id, channel=MINI, openid=OPENID)
    assert second.id != first.id and third.id == second.id
    first = await town.intent(first.id)
    assert (first.state, first.refusal) == ("cancelling", "CHANNEL_CHANGED")
    town.wechat.pay(second.id)
    await town.hear_all()
    await town.queue.run_for(timedelta(minutes=20))
    paid = await town.intent(second.id)
    assert (paid.state, paid.openid) == ("fulfilled", None)
    assert (await town.intent(first.id)).state == "expired"
    await check_town(town)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(PaymentMethod.ALIPAY, MINI, OPENID), "CHANNEL_NOT_OFFERED"),
        (Wish(None, MINI), "OPENID_NEEDED"),
        (Wish(None, PAGE, "o 1"), "OPENID_NEEDED"),
        (Wish(None, PAGE, "o" * 129), "OPENID_NEEDED"),
    ],
)
async def test_what_cannot_be_paid_so_is_refused_and_nothing_is_written(
    town: Town, wish: Wish, code: str
) -> None:
    payer = await town.citizen()
    bill_id = await town.bill(payer)
    with pytest.raises(AppError) as refused:
        await town.begin(payer, bill_id, wish.method, wish.channel, wish.openid)
    assert refused.value.code == code and isinstance(refused.value, Conflict | InvalidInput)
    assert await Intent.all().count() == 0 and not town.wechat.orders


async def test_a_channel_that_nobody_has_is_refused(town: Town) -> None:
    town.wechat.channels = frozenset({BROWSER})
    payer = await town.citizen()
    with pytest.raises(Conflict) as refused:
        await town.begin(payer, await town.bill(payer), channel=MINI, openid=OPENID)
    assert refused.value.code == "CHANNEL_NOT_OFFERED"


async def test_a_payment_leaves_only_for_a_psp_of_its_channel(town: Town) -> None:
    payer = await town.citizen()
    town.wechat.faults.always = "down"
    inside = await town.begin(payer, await town.bill(payer), channel=MINI, openid=OPENID)
    app = await town.begin(payer, await town.bill(payer), channel=APP)
    assert (inside.psp, app.psp) == ("wechatpay", "alipay")
    assert (app.state, inside.cashier_url) == ("awaiting", None)
    town.wechat.faults.always = "ok"
    await town.queue.run_for(timedelta(minutes=1))
    inside = await town.intent(inside.id)
    assert inside.state == "awaiting"
    order = town.wechat.orders[inside.id].order
    assert (order.channel, order.openid) == (MINI, OPENID)


def test_an_openid_is_kept_only_where_it_is_needed() -> None:
    assert checked(Wish(None, APP, OPENID)).openid is None
    assert checked(Wish(None, MINI, OPENID)).openid == OPENID


def test_every_mutation_that_begins_a_payment_takes_method_and_channel() -> None:
    """Whatever answers with a payment, unless it is about one that is there already."""
    schema = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())
    assert schema.mutation_type is not None
    begun, missing = 0, []
    for name, field in schema.mutation_type.fields.items():
        result = get_named_type(field.type)
        members = result.types if is_union_type(result) else (result,)
        pays = any(
            is_object_type(m) and m.name.endswith("Started") and "payment" in m.fields
            for m in members
        )
        begun += pays
        if pays and not {"method", "channel"} <= field.args.keys():
            missing.append(name)
    assert begun >= 8 and missing == []
