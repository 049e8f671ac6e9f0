"""Root fields: each is declared with its access rule, and the schema can be asked for it.

A mutation returns its own union of a payload and `Refused`; an AppError, the rule's own refusals
included, becomes the matching member. Queries and subscriptions raise it; a query field is
nullable for that, whatever its resolver returns, so that one refusal leaves the rest of a screen.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLField
from strawberry.extensions import FieldExtension
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

from core.errors import AppError
from core.graphql.guards import AccessRule, Guard, Info
from core.graphql.types import to_refusal
from core.people import acts
from core.people.freezes import refuse_frozen
from core.texts import Named

RULE_KEY = "access_rule"
"""Where a root field says in its metadata who may use it."""

PARTIES_TOLD_KEY = "parties_told"
"""Where a mutation says in its metadata how the parties hear of it, where its field does not."""

PUBLIC_KEY = "public"
"""Where a field says in its metadata that its value is the same for everybody."""

Metadata: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Public:
    """The same for everybody, and so long anybody may keep it."""

    max_age_s: int


def public(max_age_s: int) -> Metadata:
    """Metadata of a field whose value is the same for everybody but for the language.

    `query(anybody(), metadata=public(60), …)`. The resolver must not look at the viewer.
    """
    return {PUBLIC_KEY: Public(max_age_s)}


def query(
    rule: AccessRule,
    *,
    description: str,
    returns: Any = None,
    metadata: Metadata | None = None,
    never_refuses: bool = False,
) -> Any:
    """A query field for those whom the rule admits; nullable, unless it `never_refuses`.

    `returns` is the GraphQL type, where the resolver's own annotation is not (a `Reading`). Only a
    field that is open to everybody and raises no AppError may say that it never refuses.
    """
    if never_refuses and not rule.is_open:
        raise ValueError("a rule that admits not everybody refuses")
    return strawberry.field(
        description=description,
        graphql_type=returns,
        extensions=[*_guards(rule), *([] if never_refuses else [NullWhereRefused()])],
        metadata=_metadata(rule, metadata),
    )


def mutation(
    rule: AccessRule,
    *,
    description: str,
    act: Named | None = None,
    parties_told: str | None = None,
    waits: bool = False,
) -> Any:
    """A mutation field for those whom the rule admits; its refusals are data.

    Done for somebody else, it is told to the other parties: `act` says what was done, the service
    where it is None. `parties_told` says how else they hear of it, in a sentence. What `waits` is
    refused while it is disputed whose the viewer's account is.
    """
    first: list[FieldExtension] = [RefuseFrozen()] if waits else []
    telling = [] if parties_told else [TellParties(act)]
    return strawberry.mutation(
        description=description,
        # the last one stands outside: it sees the guard's refusals too
        extensions=[*first, *_guards(rule), *telling, RefusalsAsData()],
        metadata=_metadata(rule, {PARTIES_TOLD_KEY: parties_told} if parties_told else None),
    )


def subscription(rule: AccessRule, *, description: str) -> Any:
    """A subscription field for those whom the rule admits when they subscribe."""
    return strawberry.subscription(
        description=description, extensions=_guards(rule), metadata=_metadata(rule)
    )


def rule_of(field: GraphQLField) -> AccessRule | None:
    """The rule that a field of a built schema was declared with, if any."""
    definition = field.extensions.get("strawberry-definition")
    metadata: Mapping[str, object] = getattr(definition, "metadata", None) or {}
    rule = metadata.get(RULE_KEY)
    return rule if isinstance(rule, AccessRule) else None


class RefuseFrozen(FieldExtension):
    """Refuses the owner of an account that is disputed; the guard has decided before."""

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        """Look, and run the resolver."""
        await refuse_frozen(info.context)
        result = next_(source, info, **kwargs)
        return await result if isawaitable(result) else result


class TellParties(FieldExtension):
    """Tells the other parties of what was done for somebody, once it is done."""

    def __init__(self, act: Named | None) -> None:
        self.act = act

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        """Run the resolver; what it refuses is told to nobody. A lost answer is asked for again
        with the same key, and so is a message that a crash has kept back."""
        acts.representations(info.context).clear()  # of the field before
        result = await next_(source, info, **kwargs)
        await acts.tell_parties(info.context, info.field_name, kwargs, self.act)
        return result


class NullWhereRefused(FieldExtension):
    """Makes the type of a field nullable; stands before no resolver."""

    def apply(self, field: StrawberryField) -> None:
        """Change the type, once: a field may be part of several schemas."""
        if not isinstance(field.type, StrawberryOptional):
            field.type = StrawberryOptional(field.type)
        field.extensions = [one for one in field.extensions if one is not self]


class RefusalsAsData(FieldExtension):
    """Returns an AppError as a member of the mutation's union instead of raising it."""

    def apply(self, field: StrawberryField) -> None:
        """Describe the union, where it does not say itself what it is."""
        union = field.type
        if isinstance(union, StrawberryUnion) and not union.description:
            union.description = "What has come of it, or the refusal that says why nothing has."

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        """Run the resolver; an expected refusal becomes its answer."""
        try:
            return await next_(source, info, **kwargs)
        except AppError as error:
            return to_refusal(error, info.context)


def _guards(rule: AccessRule) -> list[FieldExtension]:
    """Nothing stands before a field that is open: its resolver is called directly."""
    return [] if rule.is_open else [Guard(rule)]


def _metadata(rule: AccessRule, more: Metadata | None = None) -> Metadata:
    return {RULE_KEY: rule, **(more or {})}
