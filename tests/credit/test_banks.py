"""Two banks, two products each, on one model: by files alone."""

from datetime import date
from pathlib import Path

import pytest

from core.city import CityFileError, load_city
from credit.engine.decision import Engine
from credit.policy.files import SHIPPED, PolicyError, read_policies, read_policy
from credit.policy.rules import Outcome, policy_on

from .conftest import history

ON = date(2026, 6, 30)
EXAMPLE = (SHIPPED / "example_jinan.toml").read_text()
CITY = Path(__file__).parents[2] / "cities" / "jinan.toml"


def policy_file(folder: Path, bank: str, product: str, **changes: str) -> Path:
    text = EXAMPLE.split("[[examples]]")[0]
    text = text.replace('bank = "example"', f'bank = "{bank}"')
    text = text.replace('product = "working-capital"', f'product = "{product}"')
    for old, new in changes.items():
        text = text.replace(old.replace("_", " "), new)
    path = folder / f"{bank}-{product}.toml"
    path.write_text(text)
    return path


@pytest.fixture
def folder(tmp_path):
    """Four policies: stricter and looser cut-offs, another ceiling, a source done without."""
    for bank, cut in (("one", "0.12"), ("two", "0.05")):
        for product, most in (("tax", "300_000_000"), ("unsecured", "100_000_000")):
            path = policy_file(tmp_path, bank, product)
            text = path.read_text()
            for name in ("pd = 0.121", "pd = 0.12"):
                text = text.replace(name, name.replace("0.12", cut))
            text = text.replace("value = 0.12 }", f"value = {cut} }}")
            text = text.replace("value = 0.08", f"value = {float(cut) * 2 / 3:.3f}")
            text = text.replace("pd = 0.10 }", f"pd = {float(cut) * 0.9:.3f} }}")
            text = text.replace("pd = 0.08 }", f"pd = {float(cut) * 0.5:.3f} }}")
            text = text.replace("most_amount = 1_000_000_000", f"most_amount = {most}")
            if product == "unsecured":
                text = text.replace(
                    'unit = "CNY fen"', 'unit = "CNY fen"\noptional_sources = ["utilities"]'
                )
            path.write_text(text)
    return tmp_path


def test_one_model_decides_for_each_bank_and_product_by_its_own_policy(champion, folder):
    policies = read_policies(folder)
    assert len(policies) == 4
    applications = [{n: v[i] for n, v in history().items()} for i in range(150)]
    approved, largest = {}, {}
    for bank in ("one", "two"):
        for product in ("tax", "unsecured"):
            engine = Engine(champion, policy_on(policies, bank, product, ON))
            decisions = [engine.decide(a, ON) for a in applications]
            approved[bank, product] = sum(d.outcome is Outcome.APPROVE for d in decisions)
            largest[bank, product] = max(d.limit for d in decisions)
            assert {d.policy for d in decisions} == {f"{bank}/{product}/1"}
            assert {d.model for d in decisions} == {champion.hash}
    assert approved["two", "tax"] < approved["one", "tax"]
    assert largest["one", "unsecured"] <= 100_000_000 < largest["one", "tax"]
    withheld = {**applications[0], "utility_late_12m": None, "electricity_ratio": None,
                "source:utilities": "not_consented"}  # fmt: skip
    strict = Engine(champion, policy_on(policies, "one", "tax", ON)).decide(withheld, ON)
    free = Engine(champion, policy_on(policies, "one", "unsecured", ON)).decide(withheld, ON)
    assert "INPUT_ABSENT" in {rule.code for rule in strict.rules}
    assert "INPUT_ABSENT" not in {rule.code for rule in free.rules}


def test_a_price_takes_the_citys_rate_of_its_day():
    city = load_city(CITY)
    price = read_policy(SHIPPED / "example_jinan.toml").price
    assert city.rate_bps(price.reference, ON) == 300
    assert city.rate_bps("lpr_5y", ON) == 350
    with pytest.raises(CityFileError, match="no rate 'lpr_1y' for 2019-01-01"):
        city.rate_bps("lpr_1y", date(2019, 1, 1))
    assert price.rate_bps(0.02, 12, city.rate_bps("lpr_1y", ON)) == 455


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("limit = 50_000_000", "limit = 60_000_000", "example 1: limit comes out as 50000000"),
        ("rate_bps = 455", "rate_bps = 450", "example 1: rate_bps comes out as 455"),
        ("trips = { pd = 0.121 }", "trips = { pd = 0.1 }", "PD_TOO_HIGH: its example `trips`"),
        ("passes = { pd = 0.12 }", "passes = { pd = 0.2 }", "PD_TOO_HIGH: its example `passes`"),
        ("passes = { pd = 0.12 }", "passes = { score = 1 }", "PD_TOO_HIGH: its example `passes`"),
        ('is = "<=", value = 1 ', 'is = "=<", value = 1 ', "TAX_GRADE_D: '=<' is none of"),
        ('is = "<=", value = 1 ', 'is = "in", value = 1 ', "'in' does not go with 1"),
        ('outcome = "decline"', 'outcome = "approve"', "a rule refers or declines"),
        ('outcome = "decline"', 'outcome = "deny"', "'deny' is not a valid Outcome"),
        ("version = 1", 'version = "1"', "version must be a whole number"),
        ("version = 1", "", "lacks version"),
        ("version = 1", "version = 1\ncutoff = 3", "knows no cutoff"),
        ("effective_from = 2019-01-01", 'effective_from = "2019"', "must be a date"),
        ("up_to_prob = 0.05", "up_to_prob = 0.01", "must ascend"),
        ("round_to = 100_000", "round_to = 0", "at least 1"),
        ('code = "TOO_YOUNG"', 'code = "TAX_GRADE_D"', "each with a code of its own"),
        ("[limit]", "[limit", "policy x.toml"),
    ],
)
def test_a_slip_in_a_policy_does_not_load(tmp_path, old, new, message):
    path = tmp_path / "x.toml"
    assert old in EXAMPLE
    path.write_text(EXAMPLE.replace(old, new, 1))
    with pytest.raises(PolicyError) as error:
        read_policy(path)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_two_files_of_one_version_do_not_load(tmp_path):
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(EXAMPLE)
    with pytest.raises(PolicyError, match="there twice: example/working-capital/1"):
        read_policies(tmp_path)
