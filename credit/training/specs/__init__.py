"""The specifications that ship, by name."""

from pathlib import Path

from credit.storage.errors import CreditError
from credit.training.specs.files import read_spec
from credit.training.specs.jinan import JINAN
from credit.training.specs.sba import SBA
from credit.training.specs.spec import Spec

SPECS: dict[str, Spec] = {spec.name: spec for spec in (SBA, JINAN)}


def spec_named(name: str) -> Spec:
    """A shipped specification by its name, or a bank's own by its file.

    Raises CreditError naming the known specs, and for a file that cannot be taken.
    """
    if name in SPECS:
        return SPECS[name]
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return read_spec(path)
    known = ", ".join(sorted(SPECS))
    raise CreditError(f"no spec named {name!r}; known: {known}, or a file FILE.toml")
