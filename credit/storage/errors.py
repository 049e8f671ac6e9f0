"""What can go wrong, each in words that name the place."""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 20
"""How many faults an error prints; it counts the rest."""


class CreditError(Exception):
    """Any refusal of the engine; its text is meant for the person at the command line."""


class ArtefactError(CreditError):
    """An artefact is unsigned, tampered with, of an unknown signer or of an unknown format."""


class RegistryError(CreditError):
    """A change of a model's state that the rules do not allow."""


class LogError(CreditError):
    """The decision log is broken, or a decision does not replay."""


@dataclass(frozen=True)
class Fault:
    """One bad value: the row as a person counts it (1 = first data row), column and reason."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.message}"


class InputError(CreditError):
    """A file or an application that cannot be read as what it claims to be."""

    def __init__(self, faults: Sequence[Fault] | str) -> None:
        self.faults = [] if isinstance(faults, str) else list(faults)
        if isinstance(faults, str):
            super().__init__(faults)
            return
        lines = [str(fault) for fault in self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            lines.append(f"… and {len(self.faults) - SHOWN} more")
        super().__init__("\n".join(lines))
