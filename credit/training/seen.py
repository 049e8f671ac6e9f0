"""Which loans a model has seen: a short hash of each, so that no figure on them is called honest.

The hash is of what a row says (inputs, date and outcome), not of its number in a file: a training
file that is shuffled, renamed or mixed with others is still known.
"""

import base64
import hashlib

import numpy as np
from numpy.typing import NDArray

from credit.training.data import Dataset
from credit.training.specs.spec import Spec

BYTES = 5
"""Of each hash: among a million loans, one in a million others is taken for one of them."""

Keys = NDArray[np.uint64]


def keys_of(spec: Spec, data: Dataset) -> Keys:
    """A key for every row."""
    names = sorted(spec.needed() & set(data.columns))
    numbers = [data.columns[n] for n in names if data.columns[n].dtype == np.float64]
    texts = [data.columns[n].tolist() for n in names if data.columns[n].dtype != np.float64]
    matrix = np.column_stack([*numbers, data.day, data.bad])
    matrix[np.isnan(matrix)] = np.nan
    joined = zip(*texts, strict=True) if texts else iter([()] * len(data))
    out = np.empty(len(data), dtype=np.uint64)
    for i, words in enumerate(joined):
        body = matrix[i].tobytes() + "\x1f".join(map(str, words)).encode()
        out[i] = int.from_bytes(hashlib.blake2b(body, digest_size=BYTES).digest(), "big")
    return out


def packed(keys: Keys) -> str:
    """Keys as text for an artefact, in order and without doubles."""
    return base64.b64encode(
        b"".join(int(key).to_bytes(BYTES, "big") for key in np.unique(keys))
    ).decode()


def unpacked(text: str) -> Keys:
    """Keys of an artefact."""
    data = base64.b64decode(text)
    steps = range(0, len(data), BYTES)
    return np.array([int.from_bytes(data[i : i + BYTES], "big") for i in steps], dtype=np.uint64)


def seen(training_rows: str, spec: Spec, data: Dataset) -> NDArray[np.bool_]:
    """Where a row is one that the model was trained or recalibrated on."""
    return np.asarray(np.isin(keys_of(spec, data), unpacked(training_rows)))
