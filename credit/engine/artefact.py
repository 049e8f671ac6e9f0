"""The signed model file: canonical JSON, its SHA-256 as the model's identity, an Ed25519 seal.

`model.json` holds everything needed to decide; `model.sig` the seal over its bytes. A model is
loaded only if a key the loader already trusts made the seal: the public key inside the seal
names the signer, it does not vouch for itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray

from credit.engine.features import Floats, Lookup, derive, presences
from credit.engine.intake import Inputs, States
from credit.engine.model import LEAST_MISSING_ROWS, NEUTRAL, AdditiveModel, model_from
from credit.engine.presence import WITHHELD
from credit.engine.scale import Scale
from credit.engine.schema import (
    Column,
    Feature,
    Lever,
    column_from,
    feature_from,
    lever_from,
)
from credit.engine.trend import Trend
from credit.storage.errors import ArtefactError
from credit.storage.files import TableForm, written_whole
from credit.storage.seals import canonical, fingerprint, seal, verify_seal

FORMAT = "quancheng-credit-model/2"
MODEL_FILE = "model.json"
SEAL_FILE = "model.sig"


@dataclass(frozen=True, eq=False)
class Artefact:
    """A verified model with all that a decision needs; `hash` is its identity."""

    hash: str
    content: Mapping[str, Any]

    @cached_property
    def spec(self) -> str:
        """Name of the data set's specification."""
        return str(self.content["spec"])

    @cached_property
    def language(self) -> str:
        """The language its people read first: zh or en."""
        return str(self.content["language"])

    @cached_property
    def simulated(self) -> bool:
        """True where the training data are simulated; shown wherever the model speaks."""
        return bool(self.content["simulated"])

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The input columns a decision needs."""
        return tuple(column_from(item) for item in self.content["columns"])

    @cached_property
    def spare_columns(self) -> tuple[Column, ...]:
        """Columns known at application that the model leaves aside; a policy may read them."""
        return tuple(column_from(item) for item in self.content["spare_columns"])

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The model's features in the order of its matrix."""
        return tuple(feature_from(item) for item in self.content["features"])

    @cached_property
    def levers(self) -> tuple[Lever, ...]:
        """The inputs an applicant could change."""
        return tuple(lever_from(item) for item in self.content["levers"])

    @cached_property
    def lookups(self) -> Mapping[str, Lookup]:
        """Learned category values per feature."""
        lookups: Mapping[str, Lookup] = self.content["lookups"]
        return lookups

    @cached_property
    def model(self) -> AdditiveModel:
        """The additive model."""
        return model_from(self.content["model"])

    @cached_property
    def scale(self) -> Scale:
        """The score scale."""
        return Scale(**self.content["scale"])

    @cached_property
    def file_form(self) -> TableForm:
        """How the files it is for are written."""
        form = self.content["spec_plain"]["file"]
        return TableForm(form["encoding"], form["separator"], tuple(form["header"]))

    @cached_property
    def horizon_months(self) -> int | None:
        """Months within which "default" counts; None where it is at any time."""
        months = self.content["horizon_months"]
        return None if months is None else int(months)

    @cached_property
    def through(self) -> int | None:
        """Last year of the training window; None where the data have no time."""
        through = self.content["training"]["through"]
        return None if through is None else int(through)

    @cached_property
    def columns_by_name(self) -> Mapping[str, Column]:
        """The input columns by their names."""
        return {column.name: column for column in self.columns}

    @cached_property
    def gaps_learned(self) -> NDArray[np.bool_]:
        """For each feature, whether training met enough missing values to learn from the gap."""
        missing = np.array(self.content["missing_rows"], dtype=np.int64)
        return missing >= LEAST_MISSING_ROWS

    @cached_property
    def trend(self) -> Trend:
        """How the base rate is carried on to an application's date."""
        return Trend(**self.content["trend"])

    def _shift(self, inputs: Inputs) -> Floats:
        date = self.content["date"]
        return self.trend.shift(inputs.columns[date]) if date else np.zeros(inputs.rows)

    def observe(self, inputs: Inputs) -> "Observed":
        """The model matrix, and what is known of each of its numbers."""
        matrix = derive(self.features, self.lookups, inputs.columns, inputs.rows)
        presence = presences(self.features, self.lookups, inputs, self.columns_by_name, matrix)
        missing = np.isnan(matrix)
        withheld = missing & (presence >= WITHHELD)
        matrix[withheld] = NEUTRAL
        unsupported = withheld | (missing & ~self.gaps_learned[None, :])
        return Observed(matrix, presence, unsupported, self._shift(inputs))

    def matrix(self, inputs: Inputs) -> Floats:
        """The model matrix alone: NaN where missing, `NEUTRAL` where withheld."""
        return self.observe(inputs).matrix


@dataclass(frozen=True, eq=False)
class Observed:
    """What a model sees of some rows; arrays have the shape (rows, features).

    `presence` holds `Presence`; `unsupported` is true where a value is missing in a way of which
    the training data say nothing. `shift`, one a row, is what the trend adds to the log-odds.
    """

    matrix: Floats
    presence: States
    unsupported: NDArray[np.bool_]
    shift: Floats


def save(content: Mapping[str, Any], folder: Path, key: Ed25519PrivateKey) -> str:
    """Write and seal an artefact; returns its hash.

    The seal is written before the content it seals, so an interrupted save leaves a mismatch
    that the loader refuses, never an old seal over new content.
    """
    data = canonical(content)
    with written_whole(folder / SEAL_FILE) as file:
        file.write(seal(data, key))
    with written_whole(folder / MODEL_FILE) as file:
        file.write(data)
    return fingerprint(data)


def load(folder: Path, trusted: Sequence[Ed25519PublicKey]) -> Artefact:
    """Read, verify and open an artefact.

    Raises ArtefactError when the file or its seal is absent, the signer is not among `trusted`,
    a byte has changed, or the format is another one.
    """
    model_file, seal_file = folder / MODEL_FILE, folder / SEAL_FILE
    if not model_file.is_file():
        raise ArtefactError(f"no model in {folder}: {MODEL_FILE} is absent")
    if not seal_file.is_file():
        raise ArtefactError(f"{model_file} is unsigned: {SEAL_FILE} is absent")
    data = model_file.read_bytes()
    verify_seal(data, seal_file.read_bytes(), trusted)
    content = orjson.loads(data)
    if content.get("format") != FORMAT:
        raise ArtefactError(f"{model_file}: format {content.get('format')!r}, expected {FORMAT}")
    return Artefact(fingerprint(data), content)
