"""The loan desk's page: its words are whole, its files are there, nothing is inline."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bff.screens.loan_desk import page
from bff.screens.loan_desk.words import WORDS
from credit.api import STATUSES, Outcome
from credit.lending.applications.domain import ApplicationState
from credit.lending.terms.money_terms import RepaymentForm
from credit.training.specs.jinan import JINAN
from tests.asgi import Client

STATIC = Path(page.__file__).parent / "static"


def test_every_value_that_is_shown_has_its_words() -> None:
    sourced = [column for column in JINAN.columns if column.source]
    wanted = {
        *(f"state.{state}" for state in ApplicationState),
        *(f"form.{form}" for form in RepaymentForm),
        *(status for status in STATUSES if status != "answered"),
        *(str(outcome) for outcome in Outcome),
        *(f"source.{column.source}" for column in sourced),
        *(f"fact.{column.name}" for column in sourced),
    }
    script = (STATIC / "desk.js").read_text(encoding="utf-8")
    wanted |= set(re.findall(r"\bwords\.(\w+)", script))
    assert wanted - WORDS.keys() == set()
    asked = set(re.findall(r'(?:ask|post|figures)\("(\w+)"', script))
    assert asked == set(page._OPERATIONS)


def test_no_amount_is_shown_in_fen() -> None:
    """A person reads yuan; the script turns each column whose name ends so."""
    amounts = {name: words for name, words in WORDS.items() if name.endswith("_fen")}
    assert amounts
    for words in amounts.values():
        assert words.zh.endswith("（元）") and words.en.endswith("(yuan)")
    assert not any("（分）" in words.zh or "fen" in words.en for words in WORDS.values())
    script = (STATIC / "desk.js").read_text(encoding="utf-8")
    begin = script.index("const yuan")
    lines = script[begin : script.index("const percent")]
    shown = [{"name": "invoiced_12m_fen", "value": "400000050.0"}, {"name": "x", "value": "5"}]
    program = f"const config = {{locale: 'zh-CN'}};{lines}console.log({shown}.map(valueOf).join())"
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    told = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "4,000,000.5,5"


async def test_the_page_holds_no_data_and_nothing_inline(client: Client) -> None:
    for language, title in (("zh-CN", "融资工作台"), ("en", "Loan desk")):
        shown = await client.request("GET", page.PATH, headers={"Accept-Language": language})
        text = shown.body.decode()
        assert shown.status == 200 and f"<title>{title}</title>" in text
        assert "script-src 'self'" in shown.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]*(src=|application/json))|style=| on\w+=", text)
        (config,) = re.findall(r'id="config">(.*?)</script>', text)
        assert set(json.loads(config)["operations"]) == set(page._OPERATIONS)
    other = await client.request("GET", f"{page.PATH}?lang=zh", headers={"Accept-Language": "en"})
    assert "<title>融资工作台</title>" in other.body.decode()
    for name in ("desk.js", "charts.js", "desk.css"):
        assert (await client.request("GET", f"{page.PATH}/{name}")).status == 200
    assert (await client.request("GET", f"{page.PATH}/page.py")).status == 404
