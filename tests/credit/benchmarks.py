"""Specs of public benchmark sets: the engine bound to data it was not written for."""

import lzma
from pathlib import Path

from credit.engine.schema import Column, Derivation, Feature, Kind, Known, Part
from credit.training.specs.spec import Fit, Spec

_TEXT = ("取值", "value")


def _number(name: str, direction: int = 0) -> Feature:
    return Feature(name, Derivation("number", columns=(name,)), direction, _TEXT, _TEXT)


def _ratio(name: str, top: str, bottom: str) -> Feature:
    return Feature(name, Derivation("ratio", columns=(top, bottom)), 0, _TEXT, _TEXT)


def _category(name: str) -> Feature:
    return Feature(name, Derivation("effect", levels=((Part(name),),)), 1, _TEXT, _TEXT)


def _spec(
    name: str, columns: tuple[Column, ...], features: tuple[Feature, ...], bad: str, good: str,
    fit: Fit,
) -> Spec:  # fmt: skip
    ends = (Column("id", Kind.TEXT, Known.IDENTIFIER), Column("outcome", Kind.TEXT, Known.LABEL))
    return Spec(
        name=name,
        title=(name, name),
        language="en",
        columns=columns + ends,
        features=features,
        label="outcome",
        bad=frozenset({bad}),
        good=frozenset({good}),
        id="id",
        fit=fit,
    )


# German credit: attribute 1–20 in order; these seven are numbers, the rest categories
_GERMAN_NUMBERS = (2, 5, 8, 11, 13, 16, 18)


def german_spec() -> Spec:
    """Hofmann's German credit data (UCI Statlog)."""
    columns = tuple(
        Column(f"a{i}", Kind.NUMBER if i in _GERMAN_NUMBERS else Kind.TEXT, Known.APPLICATION)
        for i in range(1, 21)
    )
    features = tuple(
        _number(f"a{i}") if i in _GERMAN_NUMBERS else _category(f"a{i}") for i in range(1, 21)
    )
    fit = Fit(
        rounds=220, depth=3, learning_rate=0.04, bags=1, min_child_weight=2.0, l2=3.0,
        effect_prior=2.0, column_share=0.4,
    )  # fmt: skip
    return _spec("german", columns, features, "2", "1", fit)


def german_rows(path: Path) -> dict[str, list[str]]:
    """The file's 1,000 rows."""
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    columns = {f"a{i}": [row[i - 1] for row in rows] for i in range(1, 21)}
    return columns | {
        "outcome": [row[20] for row in rows],
        "id": [str(i) for i in range(len(rows))],
    }


_TAIWAN = (
    ["LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"]
    + [f"PAY_{i}" for i in (0, 2, 3, 4, 5, 6)]
    + [f"BILL_AMT{i}" for i in range(1, 7)]
    + [f"PAY_AMT{i}" for i in range(1, 7)]
)


def taiwan_spec() -> Spec:
    """Card clients in Taiwan (Yeh & Lien 2009); sex is left out of the model on purpose."""
    columns = tuple(Column(name, Kind.NUMBER, Known.APPLICATION) for name in _TAIWAN)
    signed = {"LIMIT_BAL": -1, "PAY_0": 1, "PAY_2": 1, "PAY_3": 1}
    plain = tuple(_number(name, signed.get(name, 0)) for name in _TAIWAN if name != "SEX")
    used = tuple(_ratio(f"use{i}", f"BILL_AMT{i}", "LIMIT_BAL") for i in (1, 2, 3))
    paid = tuple(_ratio(f"paid{i}", f"PAY_AMT{i}", "LIMIT_BAL") for i in (1, 2))
    fit = Fit(rounds=250, depth=4, learning_rate=0.06, bags=1, min_child_weight=10.0)
    return _spec("taiwan", columns, plain + used + paid, "1", "0", fit)


def taiwan_rows(raw: dict[str, list[str]]) -> dict[str, list[str]]:
    """The file's columns under the spec's names."""
    return raw | {"id": raw["ID"], "outcome": raw["default.payment.next.month"]}


def polish_spec() -> Spec:
    """Polish companies, first year (Zięba et al. 2016): 64 financial ratios."""
    names = [f"Attr{i}" for i in range(1, 65)]
    columns = tuple(Column(name, Kind.NUMBER, Known.APPLICATION, blank=("?",)) for name in names)
    fit = Fit(
        rounds=320, depth=4, learning_rate=0.1, bags=1, min_child_weight=1.0, l2=1.0, max_bin=64,
    )  # fmt: skip
    return _spec("polish", columns, tuple(_number(name) for name in names), "1", "0", fit)


def polish_rows(path: Path) -> dict[str, list[str | None]]:
    """The rows after the ARFF header; "?" is missing."""
    with lzma.open(path, "rt") as file:
        lines = [line.strip() for line in file]
    start = next((i for i, line in enumerate(lines) if line.lower() == "@data"), -1)
    rows = [line.split(",") for line in lines[start + 1 :] if line and line[0] not in "@%"]
    columns: dict[str, list[str | None]] = {
        f"Attr{i + 1}": [None if row[i] == "?" else row[i] for row in rows] for i in range(64)
    }
    return columns | {
        "outcome": [row[64] for row in rows],
        "id": [str(i) for i in range(len(rows))],
    }
