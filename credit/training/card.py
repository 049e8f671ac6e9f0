"""The model card: what a model is, where it came from and what it must not be used for."""

from collections.abc import Mapping
from typing import Any

from credit.engine.decision import NOTICE

_SIGNS = {1: "rises with it", -1: "falls with it", 0: "free"}


def model_card(content: Mapping[str, Any], digest: str) -> str:
    """Markdown card of an artefact's content."""
    training, scale = content["training"], content["scale"]
    simulated = "**SIMULATED DATA · 模拟数据**\n\n" if content["simulated"] else ""
    return f"""# Credit model {digest[:12]}

{simulated}{content["title"][1]} · {content["title"][0]}

- Bad means: {content["outcome"][1] or "as the file says"}; {_horizon(content)}
- Kind: {content["kind"]}; SHA-256 `{digest}`
- Trained by: `{training["command"]}`
- Rows with an inferred outcome (reject inference): {training["inferred_rows"]}; accepted suspects:
  {", ".join(training["accepted_suspects"]) or "none"}; added columns:
  {", ".join(training["also"]) or "none"}; stated base rate:
  {training["base_rate_stated"] or "none"}
- Rows: {training["rows"]}, through {training["through"]}, base rate {training["base_rate"]:.4f}
- Data SHA-256: `{training["data_sha256"]}`
- Code SHA-256: `{training["code_sha256"]}`
- Score: {scale["anchor"]} points at odds {scale["anchor_odds"]:g}:1,
  {scale["pdo"]:g} points double the odds, {scale["lowest"]} to {scale["highest"]}

## Use

{NOTICE[1]} · {NOTICE[0]}. For small-business loans of the kind it was trained on. Not for
natural persons' consumption, not as a credit report, not outside the ranges of its training data
(such inputs are scored and flagged). Only approved loans are in the data, so those once declined
are judged by likeness.

## Backtest (rows unseen by their fit)

| for | trained and told | rows | base rate | AUC | KS |
|---|---|---|---|---|---|
{_backtest(content)}

{_optimism(content)}The base rate's log-odds moved by {training["drift_per_year"]:+.3f} a year
(shrunk); the trend is carried on to each application's date, damped, for at most
{training["fit"]["drift_years"]:g} years.

## Features

| feature | risk | reason | 原因 |
|---|---|---|---|
{_features(content)}
"""


def _span(row: Mapping[str, Any]) -> str:
    if not row["years"]:
        return "a random fifth"
    return f"through {row['through']}, then {row['years'][0]}–{row['years'][1]}"


def _optimism(content: Mapping[str, Any]) -> str:
    gap = content["metrics"]["optimism"]
    if gap is None:
        return ""
    return f"Selection lies {gap:+.4f} AUC above the confirmation: expect the latter.\n\n"


def _horizon(content: Mapping[str, Any]) -> str:
    months = content["horizon_months"]
    return f"within {months} months of applying" if months else "no horizon, so no yearly price"


def _backtest(content: Mapping[str, Any]) -> str:
    return "\n".join(
        f"| {row['role']} | {_span(row)} | {row['rows']} | {row['base_rate']:.3f} "
        f"| {row['auc']['value']:.4f} "
        f"({row['auc']['low']:.3f}–{row['auc']['high']:.3f}) | {row['ks']['value']:.3f} |"
        for row in content["metrics"]["backtest"]
    )


def _features(content: Mapping[str, Any]) -> str:
    return "\n".join(
        f"| {feature['name']} | {_SIGNS[feature['direction']]} | {feature['reason'][1]} | "
        f"{feature['reason'][0]} |"
        for feature in content["features"]
    )
