"""Acts for somebody else: whoever else is party to them is told, whoever acted. One rule for all.

`core.people.mandates.act_for` notes whom a call acts for; the mutation's field tells of it once it
is done (`core.graphql.fields`), unless it declares how else they hear of it. A command that knows
better whether anything was done tells it in its own transaction, by `tell`. Whom this reaches says
`core.people.parties`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, transaction
from core.rooms import ExtensionPoint
from core.security.mandate import Mandate
from core.texts import Named


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done for a person by another, of a service or of their account ("").

    `what` says it to people; of the same `key` each party is told once.
    """

    actor_id: UUID
    subject_id: UUID
    service_id: str
    what: Named
    key: str


@dataclass(frozen=True, slots=True)
class Teller:
    """How the parties of an act are told, when the transaction commits."""

    tell: Callable[[App, Transaction, Act], Awaitable[None]]


TELLER = ExtensionPoint("people.acts", Teller, key=lambda _: "the teller")


@dataclass(frozen=True, slots=True)
class Representation:
    """Under which mandate a call acts, in which service; None for the account itself."""

    mandate: Mandate
    service_id: str | None


def representations(call: Call) -> list[Representation]:
    """For whom this call has acted so far."""
    found: list[Representation] = call.once("people.representations", list)
    return found


async def tell(app: App, tx: Transaction, act: Act) -> None:
    """Tell everybody else who is party to an act, when `tx` commits; once."""
    for teller in app.extensions(TELLER):
        await teller.tell(app, tx, act)


async def tell_parties(call: Call, operation: str, sent: object, what: Named | None) -> None:
    """Tell of everything that an operation has done for others. `sent` are its arguments: the same
    sent again is told once a day. Without `what` the service says what it was."""
    app, today = call.app, civil_date(call.app.clock.now())
    for each in representations(call):
        service = None if each.service_id is None else app.services[each.service_id]
        said = Named(service.name_zh, service.name_en) if what is None and service else what
        if said is None:
            raise ValueError(f"{operation} acts for others and does not say what it does")
        mandate = each.mandate
        text = f"{mandate.actor_id} {mandate.subject_id} {operation} {sent!r} {today}"
        key = f"acted:{sha256(text.encode()).hexdigest()}"
        act = Act(mandate.actor_id, mandate.subject_id, each.service_id or "", said, key)
        async with transaction() as tx:
            await tell(app, tx, act)
