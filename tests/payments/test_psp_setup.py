"""Which PSPs an installation has, by configuration alone; what is wrong is told at the start."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.context.app import App
from core.errors import StartError
from core.manifest import discover
from core.processes.open_app import open_app
from core.settings import Environment, Settings
from core.upstream.operation import SYSTEMS
from payments import routes
from payments.psp import alipay, routing
from payments.psp.alipay import AlipayClient, AlipayMerchant
from payments.psp.merchants import read_merchant
from payments.psp.port import Alipay, WeChatPay, WeChatPayPartner
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_entrusting import SANDBOX_PLAN, Plan
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT

_BOTH = """
[wechatpay]
url = "https://wechat.example"
mchid = "1900000009"
appid = "wx9"
merchant_serial = "S9"
platform_serial = "P9"
plan_id = 9
[alipay]
url = "https://alipay.example"
app_id = "2021000000000009"
seller_id = "2088000000000009"
"""


def _with(app: App, **changes: Any) -> App:
    """The same app under other settings."""
    return replace(app, settings=app.settings.model_copy(update=changes))


def _names(app: App) -> list[str]:
    return routing.names(app)


@pytest.fixture
def upstreams() -> dict[type, Any]:
    """The real adapters; nobody is called."""
    return {}


async def test_the_sandbox_has_both_in_order(app: App) -> None:
    assert isinstance(app.upstream(Alipay), AlipayClient)
    assert isinstance(app.upstream(WeChatPay), WeChatPayClient)
    assert _names(app) == ["wechatpay", "alipay", "wechatpay_sp"]
    assert routing.choose(app) == "wechatpay"


async def test_the_order_of_preference_is_a_setting(app: App) -> None:
    turned = _with(app, psps=" alipay, wechatpay ")
    assert _names(turned) == ["alipay", "wechatpay"]
    assert routing.choose(turned) == "alipay"
    assert routing.choose(turned, "wechatpay") == "wechatpay"
    assert _names(_with(app, psps="wechatpay")) == ["wechatpay"]
    assert routing.choose(_with(app, psps="wechatpay"), "alipay") == "wechatpay"


@pytest.mark.parametrize("psps", ["", ",", "paypal", "wechatpay,paypal"])
async def test_a_list_that_makes_no_sense_is_told(app: App, psps: str) -> None:
    with pytest.raises(StartError):
        _names(_with(app, psps=psps))


async def test_alipay_is_not_opened_where_it_is_not_used(app: App) -> None:
    assert alipay.open_client(_with(app, psps="wechatpay"), "http://127.0.0.1:9") is None


@pytest.mark.parametrize("key", ["alipay_merchant_private", "alipay_platform_public"])
async def test_alipay_without_its_keys_is_told(app: App, key: str) -> None:
    bare = replace(app, keys=replace(app.keys, **{key: None}))
    with pytest.raises(StartError, match="alipay_platform_public"):
        alipay.open_client(bare, "http://127.0.0.1:9")


async def test_merchants_come_from_the_upstreams_file(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "upstreams.toml"
    file.write_text(_BOTH)
    told = settings.model_copy(update={"upstreams_file": file})
    merchant = read_merchant(told, "alipay", alipay.SANDBOX_MERCHANT)
    assert merchant == AlipayMerchant("2021000000000009", "2088000000000009")
    assert read_merchant(told, "wechatpay", SANDBOX_MERCHANT).mchid == "1900000009"
    assert read_merchant(told, "wechatpay", SANDBOX_PLAN) == Plan(9)
    file.write_text(_BOTH.replace('seller_id = "2088000000000009"', ""))
    assert read_merchant(told, "alipay", alipay.SANDBOX_MERCHANT) is alipay.SANDBOX_MERCHANT
    strict = told.model_copy(update={"environment": Environment.PRODUCTION})
    with pytest.raises(StartError, match="seller_id"):
        read_merchant(strict, "alipay", alipay.SANDBOX_MERCHANT)


async def test_production_runs_without_alipay(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "upstreams.toml"
    manifests = discover()
    bound = [binding for manifest in manifests for binding in manifest.upstreams]
    names = {system.name for system in (*bound, *SYSTEMS.of(manifests))}
    entries = {name: f'[{name}]\nurl = "https://{name}.example"\n' for name in names}
    entries |= {"wechatpay": _BOTH.partition("[alipay]")[0]}
    del entries["alipay"], entries["wechatpay_sp"]
    file.write_text("\n".join(entries.values()))
    strict = settings.model_copy(
        update={"environment": Environment.PRODUCTION, "upstreams_file": file}
    )
    async with open_app(strict) as app:
        assert _names(app) == ["wechatpay"]
        assert app.upstream(Alipay) is None and app.upstream(WeChatPayPartner) is None
        with pytest.raises(StartError, match="non-tax"):
            routes.routes(app)
