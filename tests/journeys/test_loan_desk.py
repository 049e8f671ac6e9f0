"""Officers at work in a browser: the bank's decides, the platform's risk officer settles a review.

Every page is looked at in the width of a desk and of a phone; pictures go to test-artefacts/.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from journeys.house import House
from journeys.loans import apply, do, until
from playwright.async_api import Page, async_playwright, expect

from bff.client.city import CityClient, key

pytestmark = pytest.mark.browser
ARTEFACTS = Path("test-artefacts")
"""Made by the first picture."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
WIDTHS = (1400, 390)
SILENT_YUAN = "30013"
"""The sandbox's banks leave such an application to their officers."""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page in Chinese; whatever it complains of fails the test."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    path = os.environ.get("CHROMIUM_PATH") or found
    if path is None:
        pytest.skip("no Chromium on this machine")
    complaints: list[str] = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        opened = await chromium.new_page(locale="zh-CN")
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        await chromium.close()
    assert complaints == []


async def test_officers_do_their_work_in_a_browser(
    house: House, client: CityClient, page: Page
) -> None:
    owner = await client.person("sme_owner")
    await client.sign_in(owner["phone"])
    await client.verify_real_name(owner)
    both = {"amount_yuan": SILENT_YUAN, "second_product": ""}
    waiting = await apply(client, **both)
    await until(lambda: do(client, "LoanAnswers", caseId=waiting), lambda found: found)
    await _bank_officer_offers(house, client, page)
    (answer,) = await do(client, "LoanAnswers", caseId=waiting)
    assert (answer["state"], answer["offer"]["amount"]) == ("OFFERED", 3_001_300)

    (company,) = await do(client, "LoanCompanies")
    await do(
        client, "WithdrawLoanConsents", companyId=company["id"], bank="city-bank",
        sources=["court"], withdrawKey=key(),
    )  # fmt: skip
    referred = await apply(client, gives=False, **both)
    await until(lambda: _state(client, referred), lambda state: state == "review")
    await _risk_officer_passes_on(house, client, page)
    await until(lambda: _state(client, referred), lambda state: state == "with_banks")


async def _bank_officer_offers(house: House, client: CityClient, page: Page) -> None:
    await _sign_in(house, client, page, "bank_officer")
    await expect(page.locator("#tab-applications")).to_have_attribute("aria-current", "page")
    row = page.locator("tbody tr").filter(has_text="30,013")
    await expect(row).to_have_count(1)
    await _look(page, "loan-desk-bank-list")
    await row.locator("button").click()
    await expect(page.locator("main")).to_contain_text("建议批准")
    await _look(page, "loan-desk-bank-application")
    await page.locator("#margin").fill("9000")
    await page.locator("#offer").click()
    await expect(page.locator("#notice")).to_have_class("bad")
    await page.locator("#margin").fill("200")
    await page.locator("#offer").click()
    await expect(page.locator("#notice")).to_have_text("已处理")
    await expect(page.locator("main")).to_contain_text("已报价")
    await page.locator("#tab-figures").click()
    await expect(page.locator("svg")).to_have_count(3)
    await expect(page.locator("main")).not_to_contain_text("银税贷")  # another bank's
    await _look(page, "loan-desk-bank-figures")


async def _risk_officer_passes_on(house: House, client: CityClient, page: Page) -> None:
    await _sign_in(house, client, page, "risk_officer")
    await page.locator("tbody button").first.click()
    await expect(page.locator("main")).to_contain_text("未获授权查询")
    await _look(page, "loan-desk-review")
    await page.locator("#step-pass_on").click()
    await expect(page.locator("#notice")).to_have_text("请填写意见")
    await page.locator("#note").fill("已电话核实,无被执行案件")
    await page.locator("#step-pass_on").click()
    await expect(page.locator("#notice")).to_have_text("已处理")
    for tab in ("figures", "products", "models"):
        await page.locator(f"#tab-{tab}").click()
        await expect(page.locator("main h2").first).to_be_visible()
        await _look(page, f"loan-desk-risk-{tab}")
    await expect(page.locator("main")).to_contain_text("champion")


async def _sign_in(house: House, client: CityClient, page: Page, role: str) -> None:
    person = await client.person(role)
    await page.goto(f"{house.api_urls[0]}/desk/loans")
    await page.locator("[name=phone]").fill(person["phone"])
    before = len(await client.sandbox("GET", f"/_control/sms?phone={person['phone']}"))
    await page.locator("#send").click()
    await expect(page.locator("#notice")).to_have_text("验证码已发送")
    code = await client.read_code(person["phone"], newer_than=before)
    await page.locator("[name=code]").fill(code)
    await page.locator("[name=totp]").fill(await client.authenticator_code(person))
    if role == "bank_officer":
        await _look(page, "loan-desk-sign-in")
    await page.locator("#log-in").click()
    await expect(page.locator("#tabs button").first).to_be_visible()


async def _look(page: Page, name: str) -> None:
    """A picture in each width; nothing but tables, which scroll by themselves, is wider."""
    await expect(page.locator("main")).not_to_contain_text("正在读取")
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.screenshot(path=ARTEFACTS / f"{name}-{width}.png", full_page=True)
    await page.set_viewport_size({"width": WIDTHS[0], "height": 900})


async def _state(client: CityClient, case_id: str) -> Any:
    edges = (await do(client, "LoanCases"))["edges"]
    return next(edge["node"]["state"] for edge in edges if edge["node"]["id"] == case_id)
