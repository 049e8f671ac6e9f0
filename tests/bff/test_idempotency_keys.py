"""A request that is sent again is answered as at first, and undoes nothing that was done since:
every mutation looks at its key, or is by itself the same however often and late it comes."""

import dis
from collections.abc import Callable
from inspect import unwrap
from typing import Any

from bff.schema.build import build_schema
from core.manifest import discover

_ENDED = "what has ended has ended: twice is once"
_TOKEN = "what is asked for is proved by what the caller holds, and the first answer counts"
BY_ITSELF = {
    "approveRecovery": "what is approved is approved",
    "beginCaptcha": "nothing is kept of it here",
    "cancelPayment": _ENDED,
    "confirmProxy": "what is confirmed is confirmed",
    "decideCorrection": "the same officer's same decision is one",
    "dismissDispute": "what is dismissed is dismissed",
    "endAppGrant": _ENDED,
    "endAutopay": _ENDED,
    "endMandate": _ENDED,
    "exportMyData": "it changes nothing",
    "finishNetworkProof": _TOKEN,
    "joinQueue": "one ticket each, which binds to nothing",
    "markMessageRead": "read is read",
    "proveByCard": _TOKEN,
    "proveByPhone": _TOKEN,
    "refreshSession": _TOKEN,
    "revokeSession": _ENDED,
    "verifyRealName": _TOKEN,
    "withdrawRecovery": _ENDED,
}
"""Mutations that need no key, and why; the list may only shrink."""


def test_every_mutation_looks_at_its_key_or_says_why_not() -> None:
    schema = build_schema(discover())
    mutation = schema.get_type_by_name("Mutation")
    fields = {schema.config.name_converter.get_graphql_name(one): one for one in mutation.fields}
    assert len(fields) > 150
    assert all("idempotency_key" in _arguments(field) for field in fields.values())
    careless = {name for name, field in fields.items() if not _reads_key(_function(field))}
    assert careless == set(BY_ITSELF)


def _arguments(field: Any) -> set[str]:
    return {argument.python_name for argument in field.arguments}


def _function(field: Any) -> Callable[..., Any]:
    return unwrap(field.base_resolver.wrapped_func)


def _reads_key(function: Callable[..., Any]) -> bool:
    return any(
        one.opname.startswith("LOAD") and one.argval == "idempotency_key"
        for one in dis.get_instructions(function)
    )
