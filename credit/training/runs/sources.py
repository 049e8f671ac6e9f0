"""What the runs share: how data files are read and known."""

import hashlib
from pathlib import Path

from rich.console import Console

from credit.storage.files import Batch, TableForm, form_of, merged, read_whole
from credit.training.specs.spec import Spec

CARD_FILE = "model_card.md"


def read_raw(path: Path, spec: Spec, console: Console, given: TableForm | None = None) -> Batch:
    """The columns of a file that a spec knows; says how the file was read if not as usual."""
    form = form_of(path, merged(spec.file, given))
    if form.said():
        console.print(f"{path.name}: {form.said()}", highlight=False)
    return read_whole(path, spec.fields(), form)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
