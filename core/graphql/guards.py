"""Who may use a GraphQL root field: the access rules, and the guard that holds a field to its own.

Every guard asks core.security.authorization and nothing else. A field of a service that is open to
guardians and proxies takes the argument `onBehalfOf`; its resolver is then given that call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from core.assurance import Assurance
from core.context.call import Call
from core.errors import LoginRequired, Missing, NotFound
from core.graphql import resume_tickets
from core.graphql.resume_tickets import Action
from core.people.mandates import act_for
from core.refusal_texts import NOT_FOUND
from core.security.authorization import NO_NEED, Need, Scope, decide, need_of

Info: TypeAlias = strawberry.Info[Call, None]

OnBehalfOf: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="The person this is done for, by id: a child or an elder that the viewer has "
        "a mandate for. Null for oneself."
    ),
]


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may use a root field. Made by the functions below, one for each kind of rule."""

    need: Need = NO_NEED
    """What every caller must meet, whatever the data; of a service, the manifest says it."""
    service_id: str | None = None
    """The catalogue service whose level and freshness count."""
    for_others: bool = False
    """Whether the field takes `onBehalfOf`."""
    decided_by_data: str | None = None
    """Why the command itself must decide the rest, in a sentence."""

    @property
    def is_open(self) -> bool:
        """Whether strangers may use the field and nothing is checked."""
        return self.need == NO_NEED and self.service_id is None


def of_service(service_id: str, *, for_others: bool = False) -> AccessRule:
    """Those whom a catalogue service admits: its identity level, fresh where it asks for that.

    With `for_others` the field takes `onBehalfOf`; the service's manifest entry says so too.
    """
    return AccessRule(service_id=service_id, for_others=for_others)


def signed_in(
    level: int = 1,
    *,
    fresh: bool = False,
    proved: bool = True,
    assurance: Assurance | None = None,
) -> AccessRule:
    """Everybody who is signed in at an identity level; `fresh`: a few minutes ago. Without `proved`
    also who has the phone of an account and has not shown to be its owner. With `assurance`, whose
    real name was proved by that or by something stronger."""
    level = 2 if assurance is not None else level
    return AccessRule(Need(level=level, fresh=fresh, proved=proved, assurance=assurance))


def staff(scope: Scope, *, fresh: bool = False) -> AccessRule:
    """Members of staff with a scope, signed in with their second factor; `fresh`: a few minutes
    ago."""
    return AccessRule(Need(level=1, scope=scope, fresh=fresh))


def anybody() -> AccessRule:
    """Everybody, strangers too."""
    return AccessRule()


def by_data(because: str, *, level: int = 1, fresh: bool = False) -> AccessRule:
    """Those whom the command admits once it has read its data; `because` says why only then.

    `level` and `fresh` are asked of everybody before that. Where the data say which service it
    is, the command calls `Call.require_service`.
    """
    return AccessRule(Need(level=level, fresh=fresh), decided_by_data=because)


class Guard(FieldExtension):
    """Holds the callers of a field to its rule."""

    def __init__(self, rule: AccessRule) -> None:
        self.rule = rule

    def apply(self, field: StrawberryField) -> None:
        """Add the argument `onBehalfOf` where the service is open to guardians and proxies."""
        if self.rule.for_others:
            field.arguments = [*field.arguments, _on_behalf_of()]

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        """Decide, then run the resolver. A refusal that the caller can mend carries a ticket."""
        call, need = info.context, self._need(info.context)
        action = Action(info.field_name, kwargs, need, self.rule.service_id)
        try:
            decide(call.viewer, need, call.app.clock.now())
            resume_tickets.refuse_other(call, action)
            return await self._resolve(next_, source, info, kwargs)
        except LoginRequired as refusal:
            if refusal.resume_ticket is None:
                action = self._refused(action, refusal)
                refusal.resume_ticket = resume_tickets.issue(call, action)
            raise

    def _need(self, call: Call) -> Need:
        if self.rule.service_id is None:
            return self.rule.need
        return need_of(call.app.services[self.rule.service_id])

    def _refused(self, action: Action, refusal: LoginRequired) -> Action:
        """The action with what it turned out to need, where the data decided that."""
        if self.rule.decided_by_data is None:
            return action
        fresh = action.need.fresh or refusal.missing is Missing.FRESH_AUTH
        need = Need(
            max(action.need.level, refusal.required_level),
            fresh,
            assurance=action.need.assurance or refusal.assurance,
        )
        return Action(action.operation, action.arguments, need)

    async def _resolve(
        self, next_: Callable[..., Any], source: Any, info: Info, arguments: Mapping[str, Any]
    ) -> Any:
        arguments = dict(arguments)
        if self.rule.for_others:
            subject = arguments.pop("on_behalf_of", None)
            if subject is not None:
                service = self.rule.service_id
                call = await act_for(info.context, parse_id(subject), service=service)
                info = _with_call(info, call)
        result = next_(source, info, **arguments)
        # a subscription's resolver returns its events at once
        return await result if isawaitable(result) else result


def parse_id(text: str) -> UUID:
    """The id that a client sent. Raises NotFound for what cannot be an id of ours."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(NOT_FOUND) from None


def _on_behalf_of() -> StrawberryArgument:
    return StrawberryArgument(
        python_name="on_behalf_of",
        graphql_name=None,
        type_annotation=StrawberryAnnotation(OnBehalfOf),
        default=None,
    )


def _with_call(info: Info, call: Call) -> Info:
    """The info a resolver is given, with another call as its context."""
    raw = info._raw_info._replace(context=call)
    return type(info)(_raw_info=raw, _field=info._field)
