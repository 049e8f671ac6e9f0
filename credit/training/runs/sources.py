"""What the runs share: how data files are read and known."""

import hashlib
from pathlib import Path

from credit.files import Batch, read_whole
from credit.training.specs.spec import Spec

CARD_FILE = "model_card.md"


def read_raw(path: Path, spec: Spec) -> Batch:
    """The columns of a file that a spec knows."""
    return read_whole(path, spec.fields())


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
