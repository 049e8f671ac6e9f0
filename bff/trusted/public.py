"""Answers that are the same for everybody: cached as bytes here, and by proxies and phones.

A document is public only where every field that runs code of ours is declared so
(`core.graphql.public`); fields that merely read an attribute follow the object they belong to.
Nothing is public by default, and a public answer is made for a stranger whoever asks, so nothing
of a person can be in it.
"""

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import Any, NamedTuple

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

from bff.compiler.schema_facts import attribute_read, strawberry_field
from core.deadline import Monotonic
from core.graphql import PUBLIC_KEY, Public
from core.texts import Locale

_ANSWERS_MAX = 1_000
_BYTES_MAX = 32_000_000
COMPRESSED_FROM_BYTES = 1_400
"""Less fits into one packet anyhow."""


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """An answer for everybody."""

    body: bytes
    packed: bytes
    """The same, gzipped; empty where that does not pay."""
    etag: bytes
    expires_s: float
    """On the monotonic clock; long ago where nobody may keep it."""


class AnswerKey(NamedTuple):
    """What a public answer depends on."""

    text_id: str
    operation_name: str | None
    variables: bytes
    """Their digest: whatever a client sends is kept as 32 bytes."""
    locale: Locale


class PublicAnswers:
    """Public answers of this process; what was used longest ago goes first."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._answers: OrderedDict[AnswerKey, PublicAnswer] = OrderedDict()
        self._size_bytes = 0

    def find(self, key: AnswerKey) -> PublicAnswer | None:
        """The answer, unless it is too old."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        if answer.expires_s <= self._monotonic():
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return answer

    def keep(self, key: AnswerKey, body: bytes, max_age_s: int) -> PublicAnswer:
        """Keep an answer for as long as it may be cached anywhere."""
        digest = hashlib.sha256(body).hexdigest()[:32]
        answer = PublicAnswer(
            body, pack(body), f'"{digest}"'.encode(), self._monotonic() + max_age_s
        )
        self._drop(key)
        self._answers[key] = answer
        self._size_bytes += len(answer.body) + len(answer.packed)
        while len(self._answers) > _ANSWERS_MAX or self._size_bytes > _BYTES_MAX:
            self._drop(next(iter(self._answers)))
        return answer

    def left_s(self, answer: PublicAnswer) -> int:
        """For how many seconds more an answer may be kept; 0 where nobody may keep it."""
        return ceil(max(0.0, answer.expires_s - self._monotonic()))

    @staticmethod
    def once(body: bytes) -> PublicAnswer:
        """An answer that nobody keeps, because it holds errors."""
        return PublicAnswer(body, b"", b"", -inf)

    def _drop(self, key: AnswerKey) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._size_bytes -= len(answer.body) + len(answer.packed)


def answer_key(
    text_id: str, operation_name: str | None, variables: Mapping[str, Any], locale: Locale
) -> AnswerKey:
    """The key of an answer; the order in which variables were sent makes no difference."""
    text = orjson.dumps(dict(variables), option=orjson.OPT_SORT_KEYS)
    return AnswerKey(text_id, operation_name, hashlib.sha256(text).digest(), locale)


def pack(body: bytes) -> bytes:
    """The body gzipped; empty where that does not pay."""
    if len(body) < COMPRESSED_FROM_BYTES:
        return b""
    packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    packed = packer.compress(body) + packer.flush()
    return packed if len(packed) < len(body) else b""


def public_age_s(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> int | None:
    """How long an operation's answer may be kept by anybody; None where it is somebody's own.

    Fragments of the document count whether the operation spreads them or not.
    """
    if operation.operation is not OperationType.QUERY:
        return None
    types = TypeInfo(schema)
    ages: list[int | None] = []

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            definition = types.get_field_def()
            if node.name.value == "__typename":
                return
            if definition is None or node.name.value.startswith("__"):
                ages.append(None)
                return
            declared = _declared(definition)
            if declared is not None:
                ages.append(declared.max_age_s)
            elif attribute_read(definition) is None:
                ages.append(None)

    visit(document, TypeInfoVisitor(types, Collect()))
    known = [age for age in ages if age is not None]
    return min(known) if known and len(known) == len(ages) else None


def _declared(definition: GraphQLField) -> Public | None:
    inner = strawberry_field(definition)
    metadata: Mapping[Any, Any] = (inner.metadata if inner is not None else None) or {}
    found = metadata.get(PUBLIC_KEY)
    return found if isinstance(found, Public) else None
