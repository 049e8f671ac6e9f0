"""Composes trusted documents: fragments and operations of all files, found by their names.

A file may hold operations, fragments or both. An operation uses any fragment of the tree by its
name alone; names of fragments and of operations are unique over the tree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DefinitionNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Visitor,
    parse,
    visit,
)

from core.errors import StartError


class DocumentError(StartError):
    """A trusted document cannot be composed; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class ComposedDocument:
    """The operations of a file, complete with fragments, in the order of the file."""

    title: str
    """The file's first line, where that is a comment."""
    source: str
    """All of it: the title, every operation, then every fragment that they use, each once."""
    operations: Mapping[str, str]
    """The text of each operation by name, with the fragments that it uses and no others."""


@dataclass(frozen=True, slots=True)
class Composition:
    """All documents of a tree, by the files that hold their operations."""

    documents: Mapping[str, ComposedDocument]
    unused: Sequence[str]
    """A sentence for each fragment that no operation uses."""


@dataclass(frozen=True, slots=True)
class _Definition:
    """An operation or a fragment as a file writes it, and the fragments it names itself."""

    file: str
    name: str
    text: str
    spreads: tuple[str, ...]


def compose(sources: Mapping[str, str]) -> Composition:
    """The documents of these files (text by name of the file).

    Raises DocumentError with every fault: a text that is no GraphQL, an operation without a name,
    a name that is given twice, a fragment that is nowhere or another module's.
    """
    faults: list[str] = []
    parsed = {file: _parse(file, text, faults) for file, text in sources.items()}
    operations = {
        file: [_definition(file, node) for node in document.definitions if _is_operation(node)]
        for file, document in parsed.items()
    }
    fragments = _by_name(
        "fragment",
        (
            _definition(file, node)
            for file, document in parsed.items()
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        ),
        faults,
    )
    _by_name("operation", (one for ones in operations.values() for one in ones), faults)
    used = [_used([one], fragments, faults) for ones in operations.values() for one in ones]
    if faults:
        raise DocumentError("; ".join(dict.fromkeys(faults)))
    needed = {fragment.name for ones in used for fragment in ones}
    return Composition(
        {
            file: _compose(_title(sources[file]), ones, fragments)
            for file, ones in operations.items()
            if ones
        },
        [
            f"{fragment.file}: no operation uses the fragment {fragment.name}"
            for fragment in fragments.values()
            if fragment.name not in needed
        ],
    )


def _compose(
    title: str, operations: Sequence[_Definition], fragments: Mapping[str, _Definition]
) -> ComposedDocument:
    parts = [*operations, *_used(operations, fragments, [])]
    heading = f"# {title}\n" if title else ""
    return ComposedDocument(
        title,
        f"{heading}{_text(parts)}\n",
        {one.name: _text([one, *_used([one], fragments, [])]) for one in operations},
    )


def _text(parts: Iterable[_Definition]) -> str:
    return "\n\n".join(part.text for part in parts)


def _used(
    definitions: Iterable[_Definition],
    fragments: Mapping[str, _Definition],
    faults: list[str],
) -> Sequence[_Definition]:
    """The fragments that definitions use, also through one another, in the order of first use."""
    used: dict[str, _Definition] = {}

    def follow(definition: _Definition) -> None:
        for name in definition.spreads:
            fragment = fragments.get(name)
            if fragment is None:
                faults.append(f"{definition.file}: no fragment is named {name}")
            elif _is_of_another_module(definition.file, fragment.file):
                faults.append(f"{definition.file}: {name} belongs to {fragment.file}")
            elif name not in used:
                used[name] = fragment
                follow(fragment)

    for definition in definitions:
        follow(definition)
    return list(used.values())


def _is_of_another_module(file: str, other: str) -> bool:
    """Modules share what stands on a floor below them, never what is another's."""
    mine, others = file.split("/"), other.split("/")
    return mine[0] == others[0] == "modules" and mine[1] != others[1]


def _by_name(
    what: str, definitions: Iterable[_Definition], faults: list[str]
) -> Mapping[str, _Definition]:
    named: dict[str, _Definition] = {}
    for one in definitions:
        first = named.setdefault(one.name, one)
        if not one.name:
            faults.append(f"{one.file}: an {what} has no name")
        elif first is not one:
            faults.append(f"{one.file}: {first.file} has the {what} {one.name}, too")
    return named


def _parse(file: str, text: str, faults: list[str]) -> DocumentNode:
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        faults.append(f"{file}: {error.message}")
        return DocumentNode(definitions=())
    for node in document.definitions:
        if not _is_operation(node) and not isinstance(node, FragmentDefinitionNode):
            faults.append(f"{file}: {node.kind} is neither an operation nor a fragment")
    return document


def _is_operation(node: DefinitionNode) -> bool:
    return isinstance(node, OperationDefinitionNode)


def _definition(file: str, node: DefinitionNode) -> _Definition:
    name = getattr(node, "name", None)
    assert node.loc is not None
    text = node.loc.source.body[node.loc.start : node.loc.end]
    return _Definition(file, name.value if name else "", text, _spreads(node))


def _spreads(node: DefinitionNode) -> tuple[str, ...]:
    """The fragments that a definition names, each once, in their order."""
    names: dict[str, None] = {}

    class Collect(Visitor):
        def enter_fragment_spread(self, spread: FragmentSpreadNode, *_: object) -> None:
            names[spread.name.value] = None

    visit(node, Collect())
    return tuple(names)


def _title(text: str) -> str:
    first = text.partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""
