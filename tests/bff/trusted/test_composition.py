"""Trusted documents composed of files: shared fragments, shared texts, an id for each operation."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, print_ast

from bff.limits.admission import Priority
from bff.request.operation import Operation, RequestError
from bff.transports.endpoint import Edge
from bff.trusted.composition import DocumentError, compose
from bff.trusted.documents import NEXT, Documents, documents_of, gather
from bff.trusted.library import operations_of
from bff.trusted.shipped import ShippedOperation, document_id
from core.catalogue import Service, ServiceKind, Theme
from core.manifest import Manifest, discover

MONEY = "fragment MoneyParts on Money { fen ...UnitParts }"
UNIT = "fragment UnitParts on Money { unit }"
FILES = {
    "a/documents/wallet.graphql": "# 钱包 Wallet\nquery Wallet { all { ...MoneyParts } }\n\n"
    "query Name { name }\n",
    "b/documents/fragments.graphql": f"# Parts\n{UNIT}\n\n{MONEY}\n",
}


def test_an_operation_gets_the_fragments_that_it_uses_and_no_others() -> None:
    composition = compose(FILES)
    assert list(composition.documents) == ["a/documents/wallet.graphql"]
    (wallet,) = composition.documents.values()
    assert wallet.title == "钱包 Wallet"
    assert wallet.operations == {
        "Wallet": f"query Wallet {{ all {{ ...MoneyParts }} }}\n\n{MONEY}\n\n{UNIT}",
        "Name": "query Name { name }",
    }
    assert wallet.source == (
        "# 钱包 Wallet\nquery Wallet { all { ...MoneyParts } }\n\nquery Name { name }\n\n"
        f"{MONEY}\n\n{UNIT}\n"
    )
    assert composition.unused == []


def test_a_fragment_that_no_operation_uses_is_named() -> None:
    files = FILES | {"c/documents/fragments.graphql": "fragment Other on Money { ...UnitParts }"}
    assert compose(files).unused == [
        "c/documents/fragments.graphql: no operation uses the fragment Other"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("query Wallet { name }", "a/documents/wallet.graphql has the operation Wallet, too"),
        ("query New { name }" + UNIT, "b/documents/fragments.graphql has the fragment UnitParts"),
        ("query New { all { ...Nowhere } }", "no fragment is named Nowhere"),
        ("query New { ...A } fragment A on Query { ...B }", "no fragment is named B"),
        ("{ name }", "an operation has no name"),
        ("query New {", "Expected Name"),
        ("type Money { fen: Int }", "object_type_definition is neither"),
    ],
)
def test_what_cannot_be_composed_is_refused_with_its_file(text: str, fault: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        compose({**FILES, "z/documents/new.graphql": text})
    message = str(refusal.value)
    assert message.startswith("z/documents/new.graphql: ")
    assert fault in message


def test_a_module_uses_no_fragment_of_another() -> None:
    files = {
        "modules/a/documents/fragments.graphql": "fragment Own on Query { name }",
        "modules/a/deep/documents/one.graphql": "query One { ...Own }",
    }
    assert "Own" in compose(files).documents["modules/a/deep/documents/one.graphql"].source
    with pytest.raises(DocumentError, match=r"modules/b/documents/two\.graphql: Own belongs to"):
        compose({**files, "modules/b/documents/two.graphql": "query Two { ...Own }"})


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(DocumentError, match=r"one\.graphql.*; two\.graphql"):
        compose({"one.graphql": "query A { ...X }", "two.graphql": "query B { ...Y }"})


def test_fragments_in_a_circle_end() -> None:
    circle = "query A { ...X } fragment X on Query { ...Y } fragment Y on Query { ...X }"
    (document,) = compose({"a.graphql": circle}).documents.values()
    assert document.operations["A"].count("fragment ") == 2


class Tree:
    """A module on disk with documents at several depths."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder / name
        self.write("__init__.py", "")

    def write(self, file: str, content: str | Mapping[str, Any]) -> None:
        """A file under the module."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")

    def documents(self) -> Documents:
        """What stands there; the services are two payments and a query."""
        tiles = [
            Service(number, id_, f"{id_}缴费", f"{id_} bill", Theme.LOVE_CITY, kind, "water", 0)
            for number, (id_, kind) in enumerate(
                [("tap", ServiceKind.PAYMENT), ("pump", ServiceKind.QUERY)], 900
            )
        ]
        return documents_of([Manifest(self.name, services=tuple(tiles), package=self.name)])


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    # each its own package: documents are read once for a manifest
    name = f"wells_{tmp_path.name.replace('-', '_')}"
    monkeypatch.syspath_prepend(tmp_path)
    tree = Tree(tmp_path, name)
    tree.write("deep/er/documents/well.graphql", "query Well($kind: Int) { well(kind: $kind) }")
    shared = {"$atMost": {"Well": {"sql": 1, "upstream": 0}}, "kind": 0, "key": "{{key}}"}
    tree.write("deep/er/documents/well.json", shared)
    tree.write("tap/documents/tap.json", {"$document": "well", "kind": 1})
    own = {"$atMost": {"Well": {"sql": 2, "upstream": 0}}, "$document": "well", "kind": 2}
    tree.write("documents/pump.json", own)
    yield tree
    sys.modules.pop(name, None)


def test_services_share_a_text_and_keep_their_examples(tree: Tree) -> None:
    documents = tree.documents()
    tap, pump = documents.by_name["tap"], documents.by_name["pump"]
    assert "well" not in documents.by_name
    assert (tap.id, tap.operations[0].id) == (pump.id, pump.operations[0].id)
    assert (tap.title, pump.title) == ("tap缴费 tap bill", "pump缴费 pump bill")
    assert (tap.variables["kind"], pump.variables["kind"]) == (1, 2)
    assert tap.variables["key"] == pump.variables["key"] == "{{key}}"
    assert (tap.at_most["Well"].sql, pump.at_most["Well"].sql) == (1, 2)
    assert tap.example_path == f"{tree.name}/tap/documents/tap.json"
    operation = documents.operations[tap.operations[0].id]
    assert (operation.document, operation.priority) == ("well", Priority.CRITICAL)


def test_two_documents_of_one_name_are_refused(tree: Tree) -> None:
    tree.write("tap/documents/pump.graphql", "query Pump { name }")
    with pytest.raises(DocumentError, match=r"documents/pump\.\w+: \S+ has this name, too"):
        tree.documents()


def test_a_service_that_shares_what_is_not_there_is_refused(tree: Tree) -> None:
    tree.write("documents/spring.json", {"$document": "tap"})
    with pytest.raises(DocumentError, match=r"documents/spring\.json: no document is named tap"):
        tree.documents()


def test_an_operation_of_a_release_keeps_the_importance_of_ours() -> None:
    ours = documents_of(discover()).by_name["water-bill-payment"]
    older = "query UtilityBills { __typename }"
    same = ours.operations[0]
    shipped = [
        ShippedOperation(document_id(older), "UtilityBills", older),
        ShippedOperation(same.id, same.name, same.source),
    ]
    documents = gather([ours], {"ios-1.4.0": shipped})
    assert documents.operations[document_id(older)].priority is Priority.CRITICAL
    assert documents.operations[document_id(older)].apps == ("ios-1.4.0",)
    assert documents.operations[same.id].apps == (NEXT, "ios-1.4.0")


def test_each_operation_runs_by_its_own_id_and_by_its_name_under_the_documents(edge: Edge) -> None:
    library = edge.library
    for document in edge.documents.by_name.values():
        for operation in document.operations:
            prepared = library.find(Operation(document_id=operation.id))
            assert prepared.operation_name == operation.name
            named = Operation(document_id=document.id, operation_name=operation.name)
            assert library.find(named) is prepared
        assert set(library.operations(document.id)) - {None} == {
            operation.name for operation in document.operations
        }
    document = edge.documents.by_name["water-bill-payment"]
    for wrong in (
        Operation(document_id=document.id),
        Operation(document_id=document.id, operation_name="Home"),
        Operation(document_id=document.operations[0].id, operation_name="Home"),
    ):
        with pytest.raises(RequestError, match="one of this document: Link"):
            library.find(wrong)


TWINS = {
    *("VisitHospitals", "VisitSlots", "VisitPay", "VisitAppointment", "VisitCancel"),
    *("TrafficFinePayment", "TransitPayment", "UtilityPayment"),
    *("TrafficFinePaymentChanged", "TransitPaymentChanged", "UtilityPaymentChanged"),
}
"""Operations whose text another has, too, few lines each; this list may only shrink."""


def test_an_operation_is_written_once() -> None:
    """Equal operations are one, with variables, in a document that several services share."""
    texts: dict[str, str] = {}
    twins = set()
    for operation in documents_of(discover()).operations.values():
        (node,) = operations_of(parse(operation.source))
        text = print_ast(node).replace(operation.name, "", 1)
        if texts.setdefault(text, operation.name) != operation.name:
            twins.add(operation.name)
    assert twins == TWINS


def test_every_fragment_of_the_city_is_used() -> None:
    assert documents_of(discover()).unused == []
