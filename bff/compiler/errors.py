"""The two signals of the compiler: a document it leaves alone, and a value it leaves alone."""

from __future__ import annotations


class CannotCompile(Exception):
    """The operation is for graphql-core to execute.

    :param reason: one sentence for the log and for ``quancheng documents show``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Odd(Exception):
    """A value the generated code does not handle itself.

    Raised before anything irreversible was done for that value, so that whoever catches it
    can hand the same value to graphql-core, which then decides what it becomes.
    """
