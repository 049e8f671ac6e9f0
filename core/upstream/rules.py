"""What must be known of an operation before it is sent: whether it is personal, whether hedged."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class Licence(Protocol):
    """What permits a personal read; `core.people.personal_read.Access` is the only one."""

    @property
    def upstream(self) -> str:
        """The upstream it was given for."""
        ...


class Unlicensed(RuntimeError):
    """A mistake in our code: personal data was about to be asked for without an Access."""


def require_licence(upstream: str, operation: str, licence: Licence | None) -> None:
    """Raise Unlicensed for a personal read that nobody consented to and no log will show."""
    if licence is None or licence.upstream != upstream:
        raise Unlicensed(f"{upstream}.{operation} reads personal data: it needs an Access")


class Declared(Protocol):
    """An operation as it is declared; `core.upstream.operation.Operation` is one."""

    @property
    def personal(self) -> bool:
        """It reads a person's data."""
        ...

    @property
    def hedged(self) -> bool:
        """A slow one is sent a second time."""
        ...


class Rules:
    """The rules of one process's operations.

    A declared upstream's own operations say them; of any other, operations are named one by one.
    """

    def __init__(self) -> None:
        self._declared: dict[str, Mapping[str, Declared]] = {}
        self._personal: set[tuple[str, str]] = set()
        self._hedged: set[tuple[str, str]] = set()

    def declare(self, upstream: str, operations: Mapping[str, Declared]) -> None:
        """Let only these operations of an upstream be sent; the mapping may grow.

        Raises ValueError where other ones are declared already.
        """
        if self._declared.setdefault(upstream, operations) is not operations:
            raise ValueError(f"declared twice, upstream: {upstream}")

    def protect(self, upstream: str, operations: Iterable[str]) -> None:
        """Refuse these operations of an upstream from now on, unless an Access is given."""
        self._personal.update((upstream, operation) for operation in operations)

    def hedge(self, upstream: str, operations: Iterable[str]) -> None:
        """Send reads of these operations a second time from now on, when the first is slow."""
        self._hedged.update((upstream, operation) for operation in operations)

    def is_hedged(self, upstream: str, operation: str) -> bool:
        """Whether a slow read of this operation is sent a second time."""
        declared = self._declared.get(upstream, {}).get(operation)
        return (upstream, operation) in self._hedged or (declared is not None and declared.hedged)

    def refuse_unlicensed(self, upstream: str, operation: str, licence: Licence | None) -> None:
        """Raise Unlicensed for a personal read without a licence.

        What a declared upstream does not declare might be one, and is refused too.
        """
        personal = (upstream, operation) in self._personal
        if upstream in self._declared:
            declared = self._declared[upstream].get(operation)
            if declared is None:
                raise Unlicensed(f"{upstream} declares no operation {operation}")
            personal = personal or declared.personal
        if personal:
            require_licence(upstream, operation, licence)
