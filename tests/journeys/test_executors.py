"""Every trusted document, against the running city: compiled and by graphql-core, the same answer.

A document that is asked for by its id runs compiled; sent as text, graphql-core executes it.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
from graphql import (
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
)
from journeys.entities import EntityCache, with_typename
from journeys.house import House

from bff.client.city import Answer, CityClient, ClientError, key
from bff.commands.services import run_document
from bff.trusted.documents import TrustedDocument, documents_of
from bff.trusted.library import operations_of
from core.catalogue import ServiceStatus
from core.manifest import discover

MANIFESTS = discover()
DOCUMENTS = documents_of(MANIFESTS)
PLANNED = {
    tile.id for m in MANIFESTS for tile in m.services if tile.status is ServiceStatus.PLANNED
}
OWN_MOMENT = re.compile(rb'"(asOf|quotedAt|quoteHoldsUntil|resumeTicket|errorId|message)":"[^"]*"')
"""What two answers of one server tell differently: when it was, tickets and numbers of errors."""

RIDE_CODE = re.compile(rb'"rideCode":{"code":"[^"]+","expiresAt":"[^"]+"}')
"""A code that is another at every call."""


_TRIES = 4
"""How often two answers are compared: a part may come too late, news may arrive in between."""


def settled(answer: Any) -> bytes:
    """An answer's bytes but for what belongs to its moment."""
    return RIDE_CODE.sub(b'"rideCode":{}', OWN_MOMENT.sub(rb'"\1":""', orjson.dumps(answer)))


def alike(compiled: Any, core: Any, again: Any) -> bool:
    """Whether two answers have the same members in the same order, and the same values.

    A value that is another when the very same is asked `again` (a code for the next seconds)
    belongs to its moment.
    """
    if type(compiled) is not type(core) or type(compiled) is not type(again):
        return False
    if isinstance(compiled, dict):
        return list(compiled) == list(core) == list(again) and all(
            alike(compiled[name], core[name], again[name]) for name in compiled
        )
    if isinstance(compiled, list):
        return len(compiled) == len(core) == len(again) and all(
            alike(*items) for items in zip(compiled, core, again, strict=True)
        )
    return bool(compiled == core or compiled != again)


def test_what_differs_is_found() -> None:
    one, other = {"a": [{"b": 1}], "c": "x"}, {"a": [{"b": 2}], "c": "x"}
    assert alike(one, one, one)
    assert not alike(one, other, one)
    assert not alike(one, {"c": "x", "a": [{"b": 1}]}, one)
    assert not alike(one, {"a": [], "c": "x"}, one)
    assert alike(one, other, {"a": [{"b": 3}], "c": "x"}), "it is another each time"


class Twins(CityClient):
    """Runs each query of a document a second time, as text, and compares."""

    compared = 0
    entities = EntityCache()

    async def run(
        self,
        query: str | None = None,
        variables: Mapping[str, Any] | None = None,
        *,
        document_id: str | None = None,
        operation: str | None = None,
    ) -> Answer:
        """See CityClient."""
        answer = await super().run(query, variables, document_id=document_id, operation=operation)
        if document_id is not None:
            source = DOCUMENTS.operations[document_id].source
            node = get_operation_ast(parse(source), operation)
            if node is not None and node.operation is OperationType.QUERY:
                for _ in range(_TRIES):
                    core = await super().run(source, variables, operation=operation)
                    again = await super().run(
                        None, variables, document_id=document_id, operation=operation
                    )
                    if alike(answer.data, core.data, again.data):
                        break
                    await asyncio.sleep(0.5)
                    answer = again
                else:
                    raise AssertionError((operation, answer, core))
                typed = await super().run(with_typename(source), variables, operation=operation)
                Twins.entities.take(typed.data)
                Twins.compared += 1  # of whomever a document names, too
        return answer


async def test_both_executors_answer_every_query_alike(house: House) -> None:
    queries = 0
    async with Twins(
        house.api_urls[0], house.sandbox_url, sessions=house.data_dir / "sessions"
    ) as client:
        person = await client.person("citizen")
        await client.sign_in(person["phone"])
        await client.verify_real_name(person)
        await client.consent_to_everything()
        for name, document in DOCUMENTS.by_name.items():
            if name in PLANNED:
                continue
            # a screen may fail: its example names a payment that nobody made, say
            with suppress(ClientError, LookupError):
                async for _ in run_document(client, person, document):
                    pass
            queries += sum(_has_example(document, node) for node in _queries(document))
    assert Twins.compared >= queries * 0.9
    assert Twins.entities.faults == []
    assert len(set(Twins.entities.types.values())) >= 15, "entities of many types were seen"


async def test_both_executors_refuse_a_strangers_mutations_alike(house: House) -> None:
    compared = 0
    async with CityClient(house.api_urls[0], house.sandbox_url) as client:
        for name, document in DOCUMENTS.by_name.items():
            if name == "login":
                continue  # a stranger may
            for operation in document.operations:
                (node,) = operations_of(parse(operation.source))
                if node.operation is not OperationType.MUTATION:
                    continue
                names = [v.variable.name.value for v in node.variable_definitions or ()]
                body = {"variables": {name: _any(document, name) for name in names}}
                by_text = await _said(client, {"query": operation.source} | body)
                assert await _said(client, {"documentId": operation.id} | body) == by_text
                named = {"documentId": document.id, "operationName": operation.name}
                assert await _said(client, named | body) == by_text
                compared += 1
    assert compared >= 10


def _queries(document: TrustedDocument) -> list[OperationDefinitionNode]:
    nodes = operations_of(parse(document.source))
    return [node for node in nodes if node.operation is OperationType.QUERY]


def _has_example(document: TrustedDocument, node: OperationDefinitionNode) -> bool:
    needed = [v for v in node.variable_definitions or () if isinstance(v.type, NonNullTypeNode)]
    return all(v.variable.name.value in document.variables for v in needed)


def _any(document: TrustedDocument, name: str) -> Any:
    """The example variable; a stranger comes no further than its form, so blanks stay blanks."""
    value = document.variables.get(name)
    return key() if value == "{{key}}" else value


async def _said(client: CityClient, body: Mapping[str, Any]) -> bytes:
    assert client._session is not None
    async with client._session.post(f"{client._api}/graphql", json=body) as response:
        answer = await response.json(content_type=None)
    answer.pop("extensions", None)
    text = settled(answer)
    assert b'"code":"' in text, "it was no refusal"
    return text
