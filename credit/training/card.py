"""The model card: what a model is, where it came from and what it must not be used for."""

from collections.abc import Mapping
from typing import Any

from credit.engine.decision import NOTICE

_SIGNS = {1: "rises with it", -1: "falls with it", 0: "free"}


def model_card(content: Mapping[str, Any], digest: str) -> str:
    """Markdown card of an artefact's content."""
    training = content["training"]
    simulated = "**SIMULATED DATA · 模拟数据**\n\n" if content["simulated"] else ""
    backtest = "\n".join(
        f"| {row['year']} | {row['rows']} | {row['base_rate']:.3f} | {row['auc']['value']:.4f} "
        f"({row['auc']['low']:.3f}–{row['auc']['high']:.3f}) | {row['ks']['value']:.3f} |"
        for row in content["metrics"]["backtest"]
    )
    features = "\n".join(
        f"| {feature['name']} | {_SIGNS[feature['direction']]} | {feature['reason'][1]} | "
        f"{feature['reason'][0]} |"
        for feature in content["features"]
    )
    return f"""# Credit model {digest[:12]}

{simulated}{content["title"][1]} · {content["title"][0]}

- Kind: {content["kind"]}; SHA-256 `{digest}`
- Trained by: `{training["command"]}`
- Rows: {training["rows"]}, through {training["through"]}, base rate {training["base_rate"]:.4f}
- Data SHA-256: `{training["data_sha256"]}`
- Code SHA-256: `{training["code_sha256"]}`
- Score: {content["scale"]["anchor"]} points at odds {content["scale"]["anchor_odds"]:g}:1,
  {content["scale"]["pdo"]:g} points double the odds, {content["scale"]["lowest"]} to
  {content["scale"]["highest"]}

## Use

{NOTICE[1]} · {NOTICE[0]}. For small-business loans of the kind it was trained on. Not for
natural persons' consumption, not as a credit report, not outside the ranges of its training data
(such inputs are scored and flagged). Only approved loans are in the data, so those once declined
are judged by likeness.

## Backtest (each year unseen by its fit)

| year | rows | base rate | AUC | KS |
|---|---|---|---|---|
{backtest}

The base rate's log-odds moved by {training["drift_per_year"]:+.3f} a year; the intercept is set
for the year ahead of the window.

## Features

| feature | risk | reason | 原因 |
|---|---|---|---|
{features}
"""
