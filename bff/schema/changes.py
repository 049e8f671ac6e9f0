"""docs/graphql-changes.md: what changed in the committed schema, day by day, from git."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from graphql import GraphQLSchema, build_schema, find_breaking_changes, find_dangerous_changes
from graphql.type import is_input_object_type, is_interface_type, is_object_type

SCHEMA_FILE = "schema.graphql"

_HEAD = """# Changes of the GraphQL schema

Made by `quancheng schema --changes` from the history of `schema.graphql`, a day at a time, newest
first. A change is breaking where a document that ran before may not run now; `quancheng documents
check` refuses one that breaks a document of a live app version.
"""


@dataclass(frozen=True, slots=True)
class Revision:
    """A committed schema."""

    committed_on: str
    text: str


def changes_page(repository: Path) -> str:
    """The page's text. Raises subprocess.CalledProcessError outside a git repository."""
    parts = [_HEAD]
    for older, newer in pairwise(_days(list(_revisions(repository)))):
        lines = list(describe(build_schema(older.text), build_schema(newer.text)))
        if lines:
            title = f"## {newer.committed_on}"
            parts.insert(1, "\n".join([title, "", *(f"- {line}" for line in lines), ""]))
    return "\n".join(parts)


def _days(revisions: Sequence[Revision]) -> list[Revision]:
    """The first schema there was, then the last one of each day."""
    last = {revision.committed_on: revision for revision in revisions}
    return [*revisions[:1], *last.values()]


def describe(older: GraphQLSchema, newer: GraphQLSchema) -> Iterator[str]:
    """One line per change: breaking ones first, then dangerous ones, then what is new."""
    for change in find_breaking_changes(older, newer):
        yield f"**breaking**: {change.description}"
    for dangerous in find_dangerous_changes(older, newer):
        yield f"dangerous: {dangerous.description}"
    before_names, names = ([d.name for d in schema.directives] for schema in (older, newer))
    for name in _added(before_names, names):
        yield f"new directive `@{name}`"
    for name in _added(list(older.type_map), list(newer.type_map)):
        yield f"new type `{name}`"
    for name, type_ in newer.type_map.items():
        before = older.type_map.get(name)
        if before is None or name.startswith("__") or not _has_fields(type_, before):
            continue
        for field in _added(list(before.fields), list(type_.fields)):  # type: ignore[attr-defined]
            yield f"new field `{name}.{field}`"


def _has_fields(*types: object) -> bool:
    return all(
        is_object_type(type_) or is_interface_type(type_) or is_input_object_type(type_)
        for type_ in types
    )


def _added(before: Sequence[str], after: Sequence[str]) -> list[str]:
    return [name for name in after if name not in before and not name.startswith("__")]


def _revisions(repository: Path) -> Iterator[Revision]:
    log = _git(
        repository, "log", "--first-parent", "--reverse", "--format=%H %cs", "--", SCHEMA_FILE
    )
    for line in log.splitlines():
        commit, committed_on = line.split()
        text = _git(repository, "show", f"{commit}:{SCHEMA_FILE}")
        yield Revision(committed_on, text)


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed program, fixed arguments
        ["git", *arguments],  # noqa: S607
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
