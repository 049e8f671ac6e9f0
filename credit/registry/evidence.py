"""What a validation rests on: a report that the installation made and sealed, and its floors.

`credit evaluate` seals the JSON that it writes with the installation's model key. A report with a
figure changed, of another model, on rows that the model has seen, or below the floors validates
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from credit.storage.errors import ArtefactError, InputError, RegistryError
from credit.storage.files import written_whole
from credit.storage.seals import fingerprint, seal, verify_seal

HONEST = ("out of time", "out of sample")


@dataclass(frozen=True)
class Floors:
    """The least that a model must show on rows it has not seen."""

    rows: int = 300
    bad_rows: int = 20
    auc_low: float = 0.55
    """Of the lower end of the 95 % interval."""


@dataclass(frozen=True)
class Evidence:
    """A report that holds: its hash, its figures, and the fairness findings that stay open."""

    report: str
    sample: str
    rows: int
    auc: float
    policy: str
    findings: tuple[str, ...]


def write_report(path: Path, result: dict[str, Any], key: Ed25519PrivateKey | None) -> str:
    """Write a report as JSON and seal it beside (`X.json.sig`) if there is a key; its hash."""
    data = orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    if key is not None:
        with written_whole(_seal_path(path)) as file:
            file.write(seal(data, key))
    with written_whole(path) as file:
        file.write(data)
    return fingerprint(data)


def read_evidence(
    path: Path, model: str, trusted: Sequence[Ed25519PublicKey], floors: Floors
) -> Evidence:
    """The evidence of a report. Raises RegistryError where it is none, InputError if unreadable."""
    try:
        data = path.read_bytes()
        verify_seal(data, _seal_path(path).read_bytes(), trusted, "report")
        result = orjson.loads(data)
        figures = result["figures"]
        evidence = Evidence(
            report=fingerprint(data),
            sample=result["sample"],
            rows=int(result["rows"]),
            auc=float(figures["auc"]["value"]),
            policy=str(result["policy_hash"]),
            findings=tuple(finding_text(row) for row in result["fairness"] if row["blocks"]),
        )
    except FileNotFoundError as error:
        raise RegistryError(
            f"{error.filename} is absent: a report counts only with its seal"
        ) from error
    except ArtefactError as error:
        raise RegistryError(f"{path.name}: {error}") from error
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no validation report: {error}") from error
    if result["model"] != model:
        raise RegistryError(f"{path.name} tells of model {result['model'][:12]}, not {model[:12]}")
    if faults := faults_of(floors, result):
        raise RegistryError("the report does not carry a validation: " + "; ".join(faults))
    return evidence


def finding_text(row: Mapping[str, Any]) -> str:
    """A fairness finding in words: which group, and which of its ratios is low."""
    parts = [("", row["ratio"]), ("amount ", row["granted_ratio"])]
    text = ", ".join(f"{what}{ratio:.2f}" for what, ratio in parts if ratio is not None)
    return f"{row['group']}={row['value']} ({text})"


def faults_of(floors: Floors, result: Mapping[str, Any]) -> list[str]:
    """Why a report cannot carry a validation; none where it can."""
    rows, sample = int(result["rows"]), str(result["sample"])
    bad = rows * float(result["base_rate"])
    low = float(result["figures"]["auc"]["low"])
    faults = []
    if sample not in HONEST:
        faults.append(f"its rows are {sample}")
    if rows < floors.rows:
        faults.append(f"{rows} rows, at least {floors.rows} are needed")
    if bad < floors.bad_rows:
        faults.append(f"{bad:.0f} bad loans, at least {floors.bad_rows} are needed")
    if not low >= floors.auc_low:
        faults.append(f"AUC may be as low as {low:.3f}, the floor is {floors.auc_low:.2f}")
    return faults


def _seal_path(path: Path) -> Path:
    return path.with_name(path.name + ".sig")
