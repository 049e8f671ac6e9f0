"""Lines of Python source, indented, with fresh variable names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bff.compiler.errors import CannotCompile

MAX_LINES = 40_000
"""A document that needs more source than this is not compiled."""


class Function:
    """One function being written."""

    def __init__(self, name: str, parameters: str, summary: str) -> None:
        self.name = name
        self._head = [f"def {name}({parameters}):", f'    """{summary}"""']
        self._first: list[str] = []
        self._body: list[str] = []
        self._indent = 1
        self._variables = 0

    def variable(self, stem: str) -> str:
        """A name not used in this function before, and never the name of a global."""
        self._variables += 1
        return f"v{self._variables}_{stem}"

    def before(self, line: str) -> None:
        """A line at the start of the function, before any loop."""
        self._first.append(f"    {line}")

    def line(self, text: str) -> None:
        self._body.append("    " * self._indent + text)

    def lines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.line(text)

    def enter(self, opening: str) -> None:
        """Open a block that `leave` closes."""
        self.line(opening)
        self._indent += 1

    def leave(self) -> None:
        self._indent -= 1

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        self.enter(opening)
        before = len(self._body)
        yield
        if len(self._body) == before:
            self.line("pass")
        self.leave()

    @property
    def source(self) -> list[str]:
        return [*self._head, *self._first, *self._body]


class Writer:
    """The functions of one module, in the order in which they were finished."""

    def __init__(self) -> None:
        self._functions: list[Function] = []
        self._lines = 0

    def add(self, function: Function) -> None:
        """Add a finished function.

        :raises CannotCompile: when the source grows out of bounds.
        """
        self._functions.append(function)
        self._lines += len(function.source)
        if self._lines > MAX_LINES:
            raise CannotCompile(f"more than {MAX_LINES} lines of source")

    @property
    def source(self) -> str:
        return "\n\n\n".join("\n".join(function.source) for function in self._functions)
