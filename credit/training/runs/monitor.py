"""`quancheng credit monitor`: drift, calibration, and a new version with its level refitted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from credit.engine.artefact import Artefact, save
from credit.storage.files import TableForm, written_whole
from credit.training.card import model_card
from credit.training.data import build
from credit.training.monitor import monitor, recalibrated
from credit.training.runs.sources import CARD_FILE, file_sha256, read_raw
from credit.training.specs.plain import spec_from_plain


@dataclass(frozen=True)
class MonitorRun:
    """The options of `monitor`."""

    data: Path
    json: Path | None
    recalibrate: Path | None
    ahead: float | None
    today: date
    as_of: date | None = None
    form: TableForm | None = None


def monitor_file(
    artefact: Artefact,
    run: MonitorRun,
    signing_key: Callable[[], Ed25519PrivateKey],
    console: Console,
) -> bool:
    """Monitor a file's loans, recalibrate if asked; True on a red alarm."""
    spec = spec_from_plain(artefact.content["spec_plain"])
    loans = build(read_raw(run.data, spec, console, run.form), spec, today=run.today)
    as_of = float((run.as_of or run.today).toordinal())
    result = monitor(artefact, spec, loans, as_of=as_of)
    if run.json:
        with written_whole(run.json) as file:
            file.write(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    _say_monitored(console, result)
    if run.recalibrate:
        content = recalibrated(
            artefact, spec, loans, file_sha256(run.data), ahead=run.ahead, as_of=as_of
        )
        digest = save(content, run.recalibrate, signing_key())
        with written_whole(run.recalibrate / CARD_FILE) as file:
            file.write(model_card(content, digest).encode())
        console.print(f"recalibrated: sha256 {digest} → {run.recalibrate}", soft_wrap=True)
    return bool(result["alarm"] == "red")


def _say_monitored(console: Console, result: dict[str, Any]) -> None:
    table = Table("month", "rows", "PSI", "beyond noise", "mean PD", "bad rate", "alarm")
    for row in result["months"]:
        table.add_row(
            row["month"],
            f"{row['rows']:,}",
            f"{row['psi']:.3f}",
            f"{row['psi_beyond_noise']:.3f}",
            f"{row['mean_prob']:.3f}",
            f"{row['bad_rate']:.3f}",
            row["alarm"],
        )
    console.print(table)
    features = Table("feature", "CSI", "beyond noise", "alarm")
    for row in result["features"]:
        features.add_row(
            row["name"], f"{row['csi']:.3f}", f"{row['beyond_noise']:.3f}", row["alarm"]
        )
    console.print(features)
    seen = " THAT THE MODEL WAS TRAINED ON" if result["only_seen_rows"] else ""
    console.print(
        f"{result['rows']:,} rows{seen}, "
        f"{result['rows_left_out']:,} of the training window left out · "
        f"score PSI {result['psi']:.3f} · {_calibration_line(result)} · "
        f"alarm: {result['alarm'].upper()}",
        highlight=False,
    )
    for reason in result["alarm_reasons"]:
        console.print(f"  {reason}", highlight=False)


def _calibration_line(result: dict[str, Any]) -> str:
    if result["mean_prob"] is None:
        return "no outcome is complete yet"
    young = result["rows_immature"]
    return f"mean PD {result['mean_prob']:.3f} against {result['bad_rate']:.3f} observed" + (
        f" ({young:,} loans too young)" if young else ""
    )
