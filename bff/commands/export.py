"""What an app's build takes: the schema, every operation, their manifest, and a configuration for
the usual generator of TypeScript, Kotlin and Swift, so that typed models are one command away."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, print_ast

from bff.request import texts as edge_texts
from bff.schema.build import build_schema, schema_text
from bff.trusted.documents import NEXT, TrustedOperation, documents_of
from bff.trusted.shipped import ShippedOperation, write_manifest
from core import refusal_texts
from core.manifest import discover
from core.texts import Text

_HASHED = {"hashAlgorithm": "sha256"}
"""Ids that can be held against their texts."""

_SCHEMA, _OPERATIONS = "schema.graphqls", "operations.graphql"
_SCALARS = {
    "Date": ("string", "kotlin.String"),
    "DateTime": ("string", "kotlin.String"),
    "Fen": ("number", "kotlin.Long"),
    "JSON": ("unknown", "kotlin.Any"),
}
"""Our own scalars in TypeScript and Kotlin; Apollo iOS makes each a `String` to edit."""


def export(
    folder: Annotated[Path, typer.Argument(help="Where to write; made where there is none.")],
) -> None:
    """Write what an app's build takes: docs/app.md names the command for each language."""
    manifests = discover()
    ours = [one for one in documents_of(manifests).operations.values() if NEXT in one.apps]
    shipped = [ShippedOperation(one.id, one.name, one.source) for one in ours]
    files = {
        _SCHEMA: schema_text(build_schema(manifests)).encode(),
        _OPERATIONS: definitions_of(ours).encode(),
        "operations.json": write_manifest(shipped),
        "codegen.json": _json(typescript()),
        "apollo-codegen-config.json": _json(swift()),
        "build.gradle.kts": kotlin().encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    typer.echo(f"{len(ours)} operations and {len(files)} files in {folder}")


def codes() -> None:
    """Print the codes that any operation may answer with, as docs/app.md has them."""
    typer.echo(code_table())


def code_table() -> str:
    """A Markdown table of the ground floor's and the edge's refusals; services add their own."""
    texts = [*vars(refusal_texts).values(), *vars(edge_texts).values()]
    words = {text.code: text for text in texts if isinstance(text, Text)}
    rows = [f"| `{code}` | {text.en} | {text.zh} |" for code, text in sorted(words.items())]
    return "\n".join(["| code | says | 中文 |", "|---|---|---|", *rows])


def definitions_of(operations: list[TrustedOperation]) -> str:
    """Every operation and every fragment that they use, each once."""
    definitions = {}
    for operation in operations:
        for node in parse(operation.source).definitions:
            assert isinstance(node, OperationDefinitionNode | FragmentDefinitionNode) and node.name
            definitions[node.kind, node.name.value] = print_ast(node)
    return "\n\n".join(definitions.values()) + "\n"


def typescript() -> Mapping[str, Any]:
    """For GraphQL Code Generator's client preset."""
    return {
        "schema": _SCHEMA,
        "documents": _OPERATIONS,
        "generates": {
            "typescript/": {
                "preset": "client",
                "presetConfig": {"fragmentMasking": False, "persistedDocuments": _HASHED},
                "config": {
                    "documentMode": "string",
                    "emitLegacyCommonJSImports": False,
                    "useTypeImports": True,
                    "strictScalars": True,
                    "scalars": {name: script for name, (script, _) in _SCALARS.items()},
                },
            }
        },
    }


def swift() -> Mapping[str, Any]:
    """For Apollo iOS 1.x: https://apollographql.com/docs/ios/code-generation/codegen-configuration."""
    return {
        "schemaNamespace": "CityAPI",
        "input": {"schemaSearchPaths": [_SCHEMA], "operationSearchPaths": [_OPERATIONS]},
        "output": {
            "schemaTypes": {"path": "./swift", "moduleType": {"swiftPackageManager": {}}},
            "operations": {"inSchemaModule": {}},
            "testMocks": {"none": {}},
        },
        "operationManifest": {"path": "./swift/manifest.json", "version": "persistedQueries"},
    }


def kotlin() -> str:
    """For Apollo Kotlin 4: https://apollographql.com/docs/kotlin/advanced/plugin-configuration."""
    scalars = "\n".join(
        f'    mapScalar("{name}", "{type_}")' for name, (_, type_) in _SCALARS.items()
    )
    return f"""plugins {{
  kotlin("jvm")
  id("com.apollographql.apollo")
}}

apollo {{
  service("city") {{
    packageName.set("city.api")
    srcDir(".")
    includes.add("{_OPERATIONS}")
    schemaFiles.from("{_SCHEMA}")
    operationManifestFormat.set("persistedQueryManifest")
{scalars}
  }}
}}
"""


def _json(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
