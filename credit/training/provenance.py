"""Where a model came from: the order it was trained by, its data and its code.

The recorded command, given the same files and the same version of the code, makes the same bytes.
"""

import hashlib
import platform
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import xgboost

from credit.engine.schema import to_plain
from credit.training.calibrate import level_of
from credit.training.data import Dataset
from credit.training.seen import keys_of, packed
from credit.training.specs.spec import Spec


@dataclass(frozen=True)
class Order:
    """What was asked of a training run, in full; part of the artefact.

    `as_of` is the ISO date on which the outcomes were looked up. Files are named as given, without
    their folders, and known by their hashes.
    """

    through: int | None
    seed: int
    data_sha256: str
    data_name: str
    base_rate: float | None = None
    accepted_suspects: frozenset[str] = frozenset()
    also: tuple[str, ...] = ()
    as_of: str | None = None
    rejects_name: str | None = None
    rejects_sha256: str | None = None
    reject_odds: float | None = None
    threads: int = 1
    spec_name: str | None = None
    spec_sha256: str | None = None
    encoding: str = ""
    separator: str = ""

    def command(self, spec: Spec) -> str:
        """The command that makes this model again, all its options included."""
        parts = ["quancheng", "credit", "train", "--spec", self.spec_name or spec.name]
        parts += ["--data", self.data_name, "--seed", str(self.seed)]
        options: list[tuple[str, Any]] = [
            ("--through", self.through),
            ("--encoding", self.encoding or None),
            ("--separator", self.separator or None),
            ("--as-of", self.as_of),
            ("--base-rate", self.base_rate),
            *(("--also", name) for name in self.also),
            *(("--accept-suspect", name) for name in sorted(self.accepted_suspects)),
            ("--rejects", self.rejects_name),
            ("--reject-odds", self.reject_odds),
            ("--threads", self.threads if self.threads > 1 else None),
        ]
        for option, value in options:
            if value is not None:
                parts += [option, str(value)]
        return shlex.join(parts)


def provenance(spec: Spec, data: Dataset, order: Order) -> dict[str, Any]:
    """Everything an artefact tells of its making."""
    real = data.where(~data.inferred)
    return {
        "command": order.command(spec),
        "through": int(real.year.max()) if spec.date or spec.year else None,
        "rows": len(data),
        "inferred_rows": int(data.inferred.sum()),
        "row_keys": packed(keys_of(spec, real)),
        "base_rate": real.base_rate,
        "drift_per_year": level_of(real).yearly,
        "seed": order.seed,
        "as_of": order.as_of,
        "base_rate_stated": order.base_rate,
        "accepted_suspects": sorted(order.accepted_suspects),
        "also": list(order.also),
        "data_sha256": order.data_sha256,
        "rejects_sha256": order.rejects_sha256,
        "reject_odds": order.reject_odds,
        "spec_sha256": order.spec_sha256,
        "code_sha256": code_fingerprint(),
        "fit": to_plain(spec.fit),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "xgboost": xgboost.__version__,
        },
    }


def code_fingerprint() -> str:
    """SHA-256 over the sources that make a model, in order of path; specifications are data."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for folder in ("engine", "training"):
        for path in sorted((root / folder).rglob("*.py")):
            if path.parent.name != "specs" or path.name == "spec.py":
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
