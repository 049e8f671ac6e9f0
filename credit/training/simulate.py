"""The simulated city's small firms and their loans: a documented process with a known truth.

NOTHING HERE IS REAL. No firm, number or outcome was observed anywhere; whoever shows a result of
these data must say so. The process, in order:

1. Each firm has a hidden soundness s ~ N(0, 1), an industry, a district, a legal form, an age
   (months, log-normal) and a size (yearly invoices, log-normal, larger when older and sounder).
2. What authorities hold on it depends on s plus independent noise: tax grade, late returns,
   invoices of two years, share of the largest buyer, insured heads now and a year ago,
   housing-fund arrears, late utility bills, change of electricity use, registry changes, court
   cases and enforcements. Sole traders often have no insured heads or fund account: missing.
3. It asks for an amount: a share of its invoices, log-normal.
4. The true log-odds of default within twelve months are `true_log_odds`: a sum of stated effects of
   what is observed, of the industry and the year, and a weight on s that no column shows. So even
   a perfect model of the columns cannot reach certainty, and the best attainable AUC is known.
5. The outcome is a Bernoulli draw at that probability (`true_prob`, kept in the file as a column
   that is declared known only after the outcome).

Amounts in fen. Same seed, same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.ids import organisation_check_character, uscc_check_character
from credit.engine.presence import status_field

FIRMS = 1_700
LOANS = 52_000
FIRST_ON, LAST_ON = date(2019, 1, 1), date(2025, 6, 30)

DISTRICTS = ("370102", "370103", "370104", "370105", "370112", "370113", "370114", "370115",
             "370116", "370117", "370124", "370126")  # fmt: skip
"""County-level division codes of the city (GB/T 2260)."""

INDUSTRIES: Mapping[str, float] = {
    "A": 0.10, "C": 0.00, "E": 0.35, "F": 0.05, "G": 0.15, "H": 0.40,
    "I": -0.25, "K": 0.45, "L": 0.00, "M": -0.30, "O": 0.15, "P": 0.05,
}  # fmt: skip
"""GB/T 4754 sections with their true effect on the log-odds."""

FORMS = ("company", "sole_trader", "partnership")

YEAR_EFFECT: Mapping[int, float] = {
    2019: -0.20, 2020: 0.25, 2021: 0.05, 2022: 0.30, 2023: 0.15, 2024: 0.20, 2025: 0.25,
}  # fmt: skip

INTERCEPT = -5.3
HIDDEN_WEIGHT = -0.45
"""Effect of soundness beyond all that the columns tell."""

SOURCES = {
    "registry": "months_registered", "tax": "tax_grade_points", "invoices": "invoiced_12m_fen",
    "social_insurance": "insured_heads", "housing_fund": "fund_arrears_12m",
    "utilities": "utility_late_12m", "court": "court_cases_24m",
}  # fmt: skip
"""Every source was asked, with consent, about every firm; a column of it that tells the answer."""

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"

Floats = NDArray[np.float64]
Records = dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class Firms:
    """Firms as they truly are; arrays of one length."""

    soundness: Floats
    industry: NDArray[np.str_]
    district: NDArray[np.str_]
    form: NDArray[np.str_]
    months: Floats
    invoiced: Floats


def loan_history(seed: int, loans: int = LOANS) -> Records:
    """Past loans with outcome, in order of application."""
    rng = np.random.default_rng([seed, 1])
    firms = _firms(rng, loans)
    span = (LAST_ON - FIRST_ON).days + 1
    days = np.sort(rng.integers(0, span, loans))
    applied = [FIRST_ON + timedelta(days=int(day)) for day in days]
    seen = _records(firms, rng)
    log_odds = true_log_odds(seen, firms, np.array([on.year for on in applied]))
    prob = 1 / (1 + np.exp(-log_odds))
    bad = rng.random(loans) < prob
    overdue = np.where(bad, 91 + rng.integers(0, 270, loans), rng.integers(0, 60, loans))
    return {
        "loan_no": [f"SIM{i + 1:07d}" for i in range(loans)],
        "applied_on": [on.isoformat() for on in applied],
        "uscc": codes(rng, firms.district, loans),
        **_written(seen, firms),
        "defaulted": ["Y" if b else "N" for b in bad],
        "days_past_due_max": overdue.tolist(),
        "true_prob": [round(float(p), 6) for p in prob],
        "simulated": ["SIMULATED"] * loans,
    }


def registered_firms(seed: int, firms: int = FIRMS) -> Records:
    """The firms registered today, each with an application ready to be decided."""
    rng = np.random.default_rng([seed, 2])
    truth = _firms(rng, firms)
    return {
        "loan_no": [f"SIMAPP{i + 1:05d}" for i in range(firms)],
        "applied_on": [LAST_ON.isoformat()] * firms,
        "uscc": codes(rng, truth.district, firms),
        **_written(_records(truth, rng), truth),
        "simulated": ["SIMULATED"] * firms,
    }


def true_log_odds(seen: Mapping[str, Floats], firms: Firms, year: NDArray[np.int64]) -> Floats:
    """The process's own log-odds of default; missing records add nothing."""
    request_share = seen["requested_amount_fen"] / seen["invoiced_12m_fen"]
    growth = np.log(seen["invoiced_12m_fen"] / seen["invoiced_prev_12m_fen"])
    heads = np.log((seen["insured_heads"] + 1) / (seen["insured_heads_prev"] + 1))
    industry = np.array([INDUSTRIES[code] for code in firms.industry.tolist()])
    effects = [
        0.45 * (4 - seen["tax_grade_points"]),
        0.30 * np.minimum(seen["tax_late_12m"], 4),
        -0.90 * np.clip(growth, -0.8, 0.8),
        1.20 * np.maximum(seen["top_buyer_share"] - 0.4, 0),
        -0.80 * np.clip(np.nan_to_num(heads), -0.7, 0.7),
        0.18 * np.nan_to_num(seen["fund_arrears_12m"]),
        0.25 * np.minimum(seen["utility_late_12m"], 4),
        -0.70 * np.clip(np.log(seen["electricity_ratio"]), -0.7, 0.7),
        0.15 * seen["registry_changes_24m"],
        0.35 * seen["court_cases_24m"],
        0.90 * np.minimum(seen["court_enforcements_24m"], 1),
        0.90 * np.clip(np.log(request_share / 0.15), -1.5, 1.5),
        -0.35 * np.log(firms.months / 48) * (firms.months < 120),
        # a young firm that asks for much is riskier than the two together
        0.50 * (firms.months < 24) * (request_share > 0.25),
        industry,
        np.array([YEAR_EFFECT[int(y)] for y in year]),
        HIDDEN_WEIGHT * firms.soundness,
    ]
    total: Floats = np.sum(effects, axis=0)
    return INTERCEPT + total


def codes(rng: np.random.Generator, district: NDArray[np.str_], count: int) -> list[str]:
    """Unified social credit codes with valid check characters, of no firm that exists.

    The organisation part begins with `MA5M`, a range kept for this simulation.
    """
    out = []
    digits = rng.integers(0, 31, (count, 4))
    for i, region in enumerate(district.tolist()):
        body = "MA5M" + "".join(_ALPHABET[d] for d in digits[i].tolist())
        organisation = body + organisation_check_character(body)
        first = "91" + region + organisation
        out.append(first + uscc_check_character(first))
    return out


def _firms(rng: np.random.Generator, count: int) -> Firms:
    soundness = rng.standard_normal(count)
    months = np.clip(np.exp(rng.normal(3.9, 0.8, count)), 3, 400).round()
    size = 14.5 + 0.35 * soundness + 0.25 * np.log(months / 48) + 0.9 * rng.standard_normal(count)
    return Firms(
        soundness=soundness,
        industry=rng.choice(list(INDUSTRIES), count),
        district=rng.choice(DISTRICTS, count),
        form=rng.choice(FORMS, count, p=(0.72, 0.22, 0.06)),
        months=months,
        invoiced=np.round(np.exp(size) * 100),
    )


def _records(firms: Firms, rng: np.random.Generator) -> dict[str, Floats]:
    """What the authorities hold, as numbers; NaN where there is no record."""
    n = len(firms.soundness)
    s = firms.soundness

    def count(rate: Floats, most: int) -> Floats:
        return np.minimum(rng.poisson(rate), most).astype(np.float64)

    sole = firms.form == "sole_trader"
    heads = np.maximum(1, np.round(firms.invoiced / 3e7 * np.exp(0.5 * rng.standard_normal(n))))
    before = np.maximum(1, np.round(heads * np.exp(-0.08 * s + 0.25 * rng.standard_normal(n))))
    no_heads = sole & (rng.random(n) < 0.6)
    grade = np.clip(np.round(3.7 + 0.7 * s + 0.8 * rng.standard_normal(n)), 1, 5)
    share = np.exp(np.log(0.15) - 0.1 * s + 0.6 * rng.standard_normal(n))
    return {
        "tax_grade_points": grade,
        "tax_late_12m": count(0.5 * np.exp(-0.5 * s), 12),
        "invoiced_12m_fen": firms.invoiced,
        "invoiced_prev_12m_fen": np.round(
            firms.invoiced / np.exp(0.05 + 0.12 * s + 0.25 * rng.standard_normal(n))
        ),
        "top_buyer_share": np.clip(rng.beta(2, 4, n) - 0.03 * s, 0.02, 0.98).round(3),
        "insured_heads": np.where(no_heads, np.nan, heads),
        "insured_heads_prev": np.where(no_heads, np.nan, before),
        "fund_arrears_12m": np.where(sole, np.nan, count(0.4 * np.exp(-0.5 * s), 12)),
        "utility_late_12m": count(0.6 * np.exp(-0.4 * s), 12),
        "electricity_ratio": np.exp(0.02 + 0.08 * s + 0.2 * rng.standard_normal(n)).round(3),
        "registry_changes_24m": count(np.full(n, 0.7), 8),
        "court_cases_24m": count(0.15 * np.exp(-0.5 * s), 10),
        "court_enforcements_24m": count(0.02 * np.exp(-0.7 * s), 5),
        "requested_amount_fen": np.maximum(np.round(firms.invoiced * share / 1e6) * 1e6, 1e6),
    }


def _written(seen: Mapping[str, Floats], firms: Firms) -> Records:
    """Records as a file holds them: whole numbers without a point, blanks where missing."""
    out: Records = {
        "district": firms.district.tolist(),
        "industry": firms.industry.tolist(),
        "legal_form": firms.form.tolist(),
        "months_registered": [int(m) for m in firms.months],
    }
    for name, values in seen.items():
        out[name] = [None if np.isnan(v) else _short(v) for v in values.tolist()]
    for source, column in SOURCES.items():
        given = out[column]
        out[status_field(source)] = ["none" if v is None else "answered" for v in given]
    return out


def _short(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value
