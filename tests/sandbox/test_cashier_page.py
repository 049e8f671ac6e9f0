"""The cashier on a phone: it fits, can be pressed with a thumb, and pays."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.sandbox.alipay_merchant import JSON, AlipayMerchant
from tests.sandbox.merchant import Merchant
from tests.sandbox.serving import Client

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PHONE = {"width": 360, "height": 640}
TOUCH_MIN_PX = 44
pytestmark = pytest.mark.browser

Place = Callable[[Client, Path, str], Awaitable[str]]


@pytest.fixture
async def phone() -> AsyncIterator[Page]:
    """A page of a phone's size; whatever it complains of fails the test."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    path = os.environ.get("CHROMIUM_PATH") or found
    if path is None:
        pytest.skip("no Chromium on this machine")
    complaints: list[str] = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = await chromium.new_page(viewport=PHONE, is_mobile=True, has_touch=True)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        await chromium.close()
    assert complaints == []


async def at_wechat(city: Client, keys_dir: Path, number: str) -> str:
    merchant = Merchant(city.base, keys_dir, "http://127.0.0.1:9/notify")
    _, placed = await merchant.order(number, description="自来水费 2026-10 " + "很长" * 40)
    return f"{placed['h5_url']}&redirect_url=http%3A%2F%2Fshop.example%2Fdone"


async def at_alipay(city: Client, keys_dir: Path, number: str) -> str:
    merchant = AlipayMerchant(city.http, keys_dir, "")
    urls = {"return_url": "http://shop.example/done"}
    return city.base + merchant.page_url(number, subject="自来水费 2026-10 " + "很长" * 40, **urls)


@pytest.mark.parametrize("place", [at_wechat, at_alipay])
async def test_a_payer_pays_on_a_phone(
    city: Client, keys_dir: Path, phone: Page, place: Place
) -> None:
    await phone.goto(await place(city, keys_dir, "W" * 32))
    await expect(phone.get_by_role("note")).to_contain_text("沙盒")
    assert await phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    for name in ("pay", "cancel"):
        box = await phone.locator(f"#{name}").bounding_box()
        assert box is not None and box["height"] >= TOUCH_MIN_PX
    await phone.locator("#pay").tap()
    await expect(phone.locator("#state")).to_contain_text("支付成功")
    await expect(phone.locator("#pay")).to_have_count(0)
    href = await phone.get_by_role("link").get_attribute("href")
    assert href is not None and href.startswith("http://shop.example/done")


async def test_who_comes_too_late_is_told(city: Client, keys_dir: Path, phone: Page) -> None:
    await phone.goto(await at_alipay(city, keys_dir, "LATE_0001"))
    merchant = AlipayMerchant(city.http, keys_dir, "")
    assert (await merchant.call("close", out_trade_no="LATE_0001"))["code"] == "10000"
    await phone.locator("#pay").tap()
    await expect(phone.locator("#state")).to_contain_text("已关闭")
    status, body = await city.post(f"{phone.url.removeprefix(city.base)}/pay", headers=JSON)
    assert (status, body["code"]) == (409, "TRADE_CLOSED")
