"""The operations that app versions in the field were built with: one manifest per version.

A version's file is written when it is released (`quancheng documents ship`) and removed when
nobody runs it any more; until then its operations run, whatever became of ours since.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLSyntaxError, get_operation_ast, parse

FOLDER = Path(__file__).parent
_APOLLO = "apollo-persisted-query-manifest"
_MD5, _SHA256 = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}")
_APP = re.compile(r"[a-z][a-z0-9]*-[0-9]+(\.[0-9]+){0,3}")


class ManifestError(ValueError):
    """A manifest is of no form that we know."""


@dataclass(frozen=True, slots=True)
class ShippedOperation:
    """An operation as an app was built with it; `id` is what the app sends."""

    id: str
    name: str
    source: str


def document_id(source: str) -> str:
    """The id of a document's text: "sha256:" and the hash."""
    return f"sha256:{hashlib.sha256(source.encode()).hexdigest()}"


def read_shipped(folder: Path = FOLDER) -> Mapping[str, Sequence[ShippedOperation]]:
    """The operations of each live app version ("ios-1.4.0"). Raises ManifestError."""
    return {
        check_app(path.stem): parse_manifest(path.read_bytes())
        for path in sorted(folder.glob("*.json"))
    }


def parse_manifest(text: bytes) -> Sequence[ShippedOperation]:
    """The operations of a manifest in Apollo's form, or in Relay's: ids and texts.

    Raises ManifestError for anything else, where an id is a hash but not of its text, and where
    one id or one name is given twice.
    """
    try:
        manifest = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ManifestError("a manifest is JSON") from None
    if not isinstance(manifest, dict):
        raise ManifestError("a manifest is a JSON object")
    if manifest.get("format") == _APOLLO:
        found = [_apollo(operation) for operation in manifest.get("operations", ())]
    else:
        found = [_relay(key, value) for key, value in manifest.items()]
    for one in found:
        if not _is_hash_of(one.id, one.source):
            raise ManifestError(f"{one.name}: {one.id} is not the hash of its text")
    for what, values in (("id", [o.id for o in found]), ("name", [o.name for o in found])):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise ManifestError(f"the {what} {twice[0]} is given twice")
    return found


def _is_hash_of(id_: str, source: str) -> bool:
    """Whether an id that is a hash, by its form, is that of the text; any other id is a name."""
    digest = id_.removeprefix("sha256:")
    if digest != id_ or _SHA256.fullmatch(id_):
        return document_id(source) == f"sha256:{digest}"
    if _MD5.fullmatch(id_):  # as Relay's compiler makes them
        return id_ == hashlib.md5(source.encode(), usedforsecurity=False).hexdigest()
    return True


def write_manifest(shipped: Iterable[ShippedOperation]) -> bytes:
    """A manifest in Apollo's form. Raises ManifestError where a text is not one operation."""
    operations = [
        {"id": one.id, "name": one.name, "type": _kind(one), "body": one.source} for one in shipped
    ]
    manifest = {"format": _APOLLO, "version": 1, "operations": operations}
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def check_app(app: str) -> str:
    """The app version itself. Raises ManifestError where it is not like "ios-1.4.0"."""
    if _APP.fullmatch(app) is None:
        raise ManifestError(f"{app}: an app version is named like ios-1.4.0")
    return app


def _kind(shipped: ShippedOperation) -> str:
    """Query, mutation or subscription, in small letters."""
    try:
        operation = get_operation_ast(parse(shipped.source))
    except GraphQLSyntaxError as error:
        raise ManifestError(f"{shipped.name}: {error.message}") from error
    if operation is None:
        raise ManifestError(f"{shipped.name} is not one operation")
    return operation.operation.value


def _apollo(operation: Any) -> ShippedOperation:
    try:
        name, source = str(operation["name"]), str(operation["body"])
        return ShippedOperation(str(operation["id"]), name, source)
    except (KeyError, TypeError):
        raise ManifestError("an operation of an Apollo manifest has id, name and body") from None


def _relay(key: str, source: Any) -> ShippedOperation:
    if not isinstance(source, str):
        raise ManifestError("a Relay manifest maps ids to texts")
    named = re.search(r"\b(?:query|mutation|subscription)\s+(\w+)", source)
    return ShippedOperation(key, named.group(1) if named else "anonymous", source)
