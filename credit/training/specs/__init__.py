"""The specifications that ship, by name."""

from credit.errors import CreditError
from credit.training.specs.jinan import JINAN
from credit.training.specs.sba import SBA
from credit.training.specs.spec import Spec

SPECS: dict[str, Spec] = {spec.name: spec for spec in (SBA, JINAN)}


def spec_named(name: str) -> Spec:
    """Raises CreditError naming the known specs."""
    if name not in SPECS:
        raise CreditError(f"no spec named {name!r}; known: {', '.join(sorted(SPECS))}")
    return SPECS[name]
