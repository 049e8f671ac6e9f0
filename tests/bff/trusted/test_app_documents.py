"""The committed documents are what an app is built from: whole, cacheable, for any generator."""

from collections.abc import Iterator, Mapping

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_abstract_type,
    is_interface_type,
    is_object_type,
    parse,
    print_ast,
    visit,
)

from bff.schema.build import build_schema
from bff.trusted.documents import TrustedOperation, documents_of
from bff.trusted.shipped import ShippedOperation, document_id, parse_manifest, write_manifest
from bff.trusted.usage import fields_of
from core.manifest import discover
from tests.asgi import Client

MANIFESTS = discover()
SCHEMA: GraphQLSchema = build_schema(MANIFESTS)._schema
DOCUMENTS = documents_of(MANIFESTS)
OPERATIONS = list(DOCUMENTS.operations.values())

UNASKED = {
    "PageInfo.hasPreviousPage": "pages are read forwards; caches keep it",
    "PageInfo.startCursor": "pages are read forwards; caches keep it",
    "RoadCamera.distanceM": "on a map the place says it",
    "AirStation.distanceM": "the whole city is shown",
    "Spring.distanceM": "the whole city is shown",
    "Autopay.textVersion": "a record of what was agreed to, for whoever disputes it",
    "GovernmentItem.casesLastYear": "for statistics",
    "CaseForm.serviceId": "the form was asked for by it",
    "CaseForm.item": "a number of the registry, for the unit that answers",
    "Message.template": "for statistics; the app shows the text",
}
"""Fields that no screen needs, and why. Cursors of single edges are among them: pages go on from
`endCursor`."""


def _offered() -> Iterator[tuple[str, set[str]]]:
    """Each field, with the names under which asking for it counts: its interfaces' too."""
    for name, type_ in SCHEMA.type_map.items():
        if name.startswith("__") or not is_object_type(type_):
            continue
        for field in type_.fields:
            yield f"{name}.{field}", {f"{one}.{field}" for one in (name, *type_.interfaces)}


def test_every_field_of_a_screen_is_asked_for() -> None:
    """Production runs nothing but documents: what none asks for does not exist for the app."""
    asked = set().union(*(fields_of(SCHEMA, parse(one.source)) for one in OPERATIONS))
    unreachable = {
        field
        for field, names in _offered()
        if not names & asked and not field.endswith("Edge.cursor")
    }
    assert unreachable == UNASKED.keys()


class _Selections:
    """What one operation selects, fragments followed."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def fields(self, node: SelectionSetNode) -> set[str]:
        """The names of the fields of one object, whatever its type turns out to be."""
        names: set[str] = set()
        for one in node.selections:
            if isinstance(one, FieldNode):
                names.add(one.alias.value if one.alias else one.name.value)
            elif isinstance(one, InlineFragmentNode):
                names |= self.fields(one.selection_set)
            elif isinstance(one, FragmentSpreadNode):
                names |= self.fields(self._fragments[one.name.value].selection_set)
        return names


def _objects(source: str) -> Iterator[tuple[str, GraphQLNamedType, set[str], set[str]]]:
    """Each selected object: its field, type, fields of its own, and those of fragments, too."""
    document, types = parse(source), TypeInfo(SCHEMA)
    selections = _Selections(document)
    seen: list[tuple[str, GraphQLNamedType, set[str], set[str]]] = []

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            if node.selection_set is None:
                return
            type_ = types.get_type()
            assert type_ is not None
            own = {
                one.name.value
                for one in node.selection_set.selections
                if isinstance(one, FieldNode)
            }
            whole = selections.fields(node.selection_set)
            seen.append((node.name.value, get_named_type(type_), own, whole))

    visit(document, TypeInfoVisitor(types, Collect()))
    return iter(seen)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_plain_client_can_tell_members_and_cache_entities(operation: TrustedOperation) -> None:
    """Generators add `__typename` themselves; a client without one has to have it from us."""
    for field, type_, own, whole in _objects(operation.source):
        if is_abstract_type(type_):
            assert "__typename" in own, f"{field}: which member of {type_} it is"
        if (is_object_type(type_) or is_interface_type(type_)) and "id" in type_.fields:
            assert "id" in whole, f"{field}: a cache knows a {type_} by its id"


def test_one_operation_has_one_name_and_one_id() -> None:
    """Apollo's and Kotlin's generators make one class of each, by name."""
    names = [one.name for one in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(one.id == document_id(one.source) for one in OPERATIONS)


def test_the_documents_as_a_manifest_are_read_back() -> None:
    text = write_manifest([_shipped(one) for one in OPERATIONS])
    assert {one.id for one in parse_manifest(text)} == {one.id for one in OPERATIONS}


def _shipped(operation: TrustedOperation) -> ShippedOperation:
    return ShippedOperation(operation.id, operation.name, operation.source)


def test_the_texts_are_what_a_generator_prints() -> None:
    """Fragments and operations alike: parsed and printed they say the same."""
    for one in OPERATIONS:
        again = print_ast(parse(one.source))
        assert print_ast(parse(again)) == again


async def test_the_catalogue_names_the_operations_of_a_service_in_their_order(
    client: Client,
) -> None:
    query = "{ services { id status documentId operations { id name kind } } }"
    documents = documents_of(client.app.manifests)
    for service in (await client.data(query))["services"]:
        document = documents.for_service(service["id"])
        if document is not None:
            assert [(one["id"], one["name"]) for one in service["operations"]] == [
                (one.id, one.name) for one in document.operations
            ]
            for one in service["operations"]:
                assert one["kind"].lower() == documents.operations[one["id"]].kind
                answer = await client.post(b'{"documentId":"%b"}' % one["id"].encode())
                assert "DOCUMENT_UNKNOWN" not in answer.codes
        else:
            assert (service["status"], service["operations"]) == ("PLANNED", [])
