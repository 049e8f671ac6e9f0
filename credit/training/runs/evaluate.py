"""`quancheng credit evaluate`: figures on loans that the model has not seen, as page and JSON."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from credit.engine.artefact import Artefact
from credit.engine.features import Floats
from credit.policy.choice import policy_for
from credit.registry.evidence import write_report
from credit.storage.errors import InputError
from credit.storage.files import Batch, TableForm, written_whole
from credit.training.data import Dataset, build, joined
from credit.training.evaluate import evaluate
from credit.training.report import render
from credit.training.runs.sources import file_sha256, read_raw
from credit.training.sample import SampleKind
from credit.training.specs.plain import spec_from_plain
from credit.training.specs.spec import Spec


@dataclass(frozen=True)
class EvaluationRun:
    """The options of `evaluate`."""

    data: Path
    report: Path
    json: Path
    training_data: Path | None
    every_row: bool
    today: date
    policy: Path | None = None
    as_of: date | None = None
    form: TableForm | None = None


def evaluate_file(
    artefact: Artefact, run: EvaluationRun, key: Ed25519PrivateKey | None, console: Console
) -> dict[str, Any]:
    """Evaluate on a file and write both reports, the JSON sealed with the key."""
    spec = spec_from_plain(artefact.content["spec_plain"])
    raw = read_raw(run.data, spec, console, run.form)
    loans = build(raw, spec, today=run.today)
    after = _after(spec, raw)
    if run.training_data:
        loans, after = _with_window(artefact, spec, run, loans, after, console)
    try:
        policy = policy_for(artefact.spec, run.policy, run.today)
        result = evaluate(
            artefact,
            spec,
            loans,
            policy,
            every_row=run.every_row,
            as_of=float((run.as_of or run.today).toordinal()),
            after_columns=after,
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    result["evaluated_on"] = run.today.isoformat()
    result["data"] = {"name": run.data.name, "sha256": file_sha256(run.data)}
    page = render(result).encode()
    with written_whole(run.report) as file:
        file.write(page)
    write_report(run.json, result, key)
    if key is None:
        console.print("the report is not sealed: --key holds no private key", highlight=False)
    _say_evaluated(console, result)
    return result


def _with_window(
    artefact: Artefact,
    spec: Spec,
    run: EvaluationRun,
    loans: Dataset,
    after: dict[str, Floats],
    console: Console,
) -> tuple[Dataset, dict[str, Floats]]:
    """The loans to evaluate with the training window of another file before them."""
    assert run.training_data is not None
    raw = read_raw(run.training_data, spec, console, run.form)
    earlier = build(raw, spec, today=run.today)
    window = earlier.year <= (artefact.through or 0)
    before = _after(spec, raw)
    both = {
        name: np.concatenate([before[name][window], values])
        for name, values in after.items()
        if name in before
    }
    return joined(earlier.where(window), loans), both


def _after(spec: Spec, raw: Batch) -> dict[str, Floats]:
    """Contaminated numbers in the file, read leniently: they are shown, never used."""
    out = {}
    for column in spec.after_columns():
        if column.name in raw:
            values = np.array([_lenient(v) for v in raw[column.name]], dtype=np.float64)
            if not np.isnan(values).all():
                out[column.name] = values
    return out


def _lenient(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _say_evaluated(console: Console, result: dict[str, Any]) -> None:
    console.print(sample_line(result), highlight=False, soft_wrap=True)
    table = Table("model", "AUC (95 %)", "KS", "Brier")
    rows = {"this model": result["figures"], **result["peers"]}
    for name, figures in rows.items():
        cells = [_interval(figures[key]) for key in ("auc", "ks", "brier")]
        table.add_row(name, *cells)
    console.print(table)
    base = result["figures"]["brier_base_rate"]
    again = result["recalibrated"]
    if again:
        verdict = "" if again["is_better"] else "; no better, so leave it"
        console.print(
            f"Brier after recalibrating on the first quarter: {again['brier']:.4f} "
            f"(base rate's own: {base:.4f}){verdict}",
            highlight=False,
        )
    leaky = result["leaky"]
    if leaky:
        worst = leaky["worst"]
        honest = result["figures"]["auc"]["value"]
        others = ", ".join(f"{k} {v:.3f}" for k, v in leaky["auc"].items() if k != worst)
        console.print(
            f"WARNING: with the outcome-contaminated column {worst} the AUC would read "
            f"{leaky['auc'][worst]:.3f}; honestly it is {honest:.3f} (others: {others})",
            style="bold yellow",
            highlight=False,
            soft_wrap=True,
        )
    blocked = [f for f in result["fairness"] if f["blocks"]]
    if blocked:
        console.print(
            f"{len(blocked)} group(s) below the four-fifths ratio: promotion needs a signed waiver",
            highlight=False,
        )


def sample_line(result: dict[str, Any]) -> str:
    """What rows were measured, in words that promise no more than they are."""
    rows, window = result["rows"], " – ".join(str(day) for day in result["window"])
    left = f"{result['rows_left_out']:,} others left out"
    kind = SampleKind(result["sample"])
    if kind is SampleKind.OUT_OF_TIME:
        line = f"{rows:,} rows after the training window ({window}); {left}"
    elif kind is SampleKind.OUT_OF_SAMPLE:
        line = f"{rows:,} rows that the model has not seen (no dates: not later ones); {left}"
    else:
        line = (
            f"WARNING: IN SAMPLE: {rows:,} rows, {result['rows_seen_in_training']:,} of them "
            f"trained on; no figure here says what the model will do"
        )
    young = result["rows_immature"]
    return line + (f"; {young:,} too young for their outcome" if young else "")


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.4f} ({figure['low']:.3f}–{figure['high']:.3f})"
