"""Whoever acts for a child, the other guardian is told, sees it and may undo it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLResolveInfo
from strawberry.types.info import Info

from bff.schema.build import build_schema
from core.context.app import App
from core.context.call import Call
from core.errors import Conflict, Forbidden, NotFound
from core.graphql.fields import PARTIES_TOLD_KEY, RefusalsAsData, TellParties
from core.people.consents import grant_consent, list_consents, withdraw_consent
from core.people.mandates import act_for
from core.refusal_texts import NOT_FOUND
from core.security.authentication import Viewer
from core.security.mandate import MandateKind
from modules.identity import claims, families
from modules.identity.models import NAME, PHONE, Citizen, Mandate
from notifications.messages.models import Message
from tests.jobs import run_due
from tests.kinds.booking.people import guardian_of

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]

FUND = "welfare.housing-fund"
NAMES_A_CHILD = {"giveInfantPlan", "makeClaimCode", "moveHospitalNumber", "withdrawSchoolLeave"}
"""Operations that act for somebody whom they do not call `onBehalfOf`."""
BOOKED = "tests/kinds/booking/test_turns.py: a booking's own messages go to every party"
TOLD_OTHERWISE = {
    "grantConsent": "below",
    "withdrawConsent": "below",
    "openSchoolVideo": "tests/modules/safety/video/test_video.py: the viewing log",
    "bookHospitalNumber": BOOKED,
    "bookHospitalVisit": BOOKED,
    "bookVaccination": BOOKED,
    "holdAppointment": BOOKED,
    "moveHospitalNumber": BOOKED,
}
"""Mutations whose field tells nobody: what tells, and the test of it."""


class Family:
    """A child of two guardians, with nobody's phone; and a stranger."""

    def __init__(self, mother: Call, father: Call, stranger: Call, child: Citizen) -> None:
        self.mother, self.father, self.stranger, self.child = mother, father, stranger, child
        self.app = mother.app

    async def told(self, call: Call) -> list[str]:
        """What somebody has in the inbox of acts for others."""
        await run_due(self.app, "identity.tell_act")
        vault = self.app.vault
        rows = await Message.filter(
            person_id=call.subject_id, template__startswith="identity.acted"
        ).order_by("position")
        return [vault.decrypt(bytes(row.body_sealed), "notifications.body") for row in rows]


@pytest.fixture
async def family(app: App, citizen: MakeCitizen, call: MakeCall) -> Family:
    """A family and somebody else."""
    people = []
    for name in ("沈母亲", "孟父亲", "卓路人"):
        viewer = await citizen(name=name)
        people.append(call(user_id=viewer.user_id, level=2, session_id=viewer.session_id))
    viewer = await citizen(name="孟小宝", number="370102201706080017")
    await Citizen.filter(id=viewer.user_id).update(phone_index=None, phone_sealed=None)
    child = await Citizen.get(id=viewer.user_id)
    for guardian in people[:2]:
        await guardian_of(app, guardian, child.id)
    return Family(*people, child)


def _mutations(app: App) -> dict[str, GraphQLField]:
    mutation = build_schema(app.manifests)._schema.mutation_type
    assert mutation is not None
    return dict(mutation.fields)


def _acting(app: App) -> dict[str, Any]:
    """The declarations of all mutations that act for somebody else."""
    found = {}
    for name, field in _mutations(app).items():
        if "onBehalfOf" in field.args or name in NAMES_A_CHILD:
            found[name] = field.extensions["strawberry-definition"]
    return found


def _info(call: Call, name: str, definition: Any) -> Info[Call, None]:
    nothing: dict[str, Any] = dict.fromkeys(GraphQLResolveInfo._fields)
    raw = GraphQLResolveInfo(**{**nothing, "field_name": name, "context": call})
    return Info(_raw_info=raw, _field=definition)


async def test_every_operation_for_a_child_tells_the_other_guardian(family: Family) -> None:
    declared = _acting(family.app)
    assert len(declared) >= 20
    for name, definition in declared.items():
        telling = [one for one in definition.extensions if isinstance(one, TellParties)]
        otherwise = definition.metadata.get(PARTIES_TOLD_KEY)
        assert bool(telling) != bool(otherwise), name
        assert bool(otherwise) == (name in TOLD_OTHERWISE), name
        rule = definition.metadata["access_rule"]
        if not telling:
            continue
        service = rule.service_id or "infant-care"
        before = [await family.told(one) for one in (family.mother, family.father)]

        async def done(_: object, info: Info[Call, None], *, of: str = service, **__: Any) -> None:
            await act_for(info.context, family.child.id, service=of)

        sent = {"idempotency_key": "key-00000001"}
        for _ in range(2):  # the same key is the same act
            info = _info(replace(family.mother, _once={}), name, definition)
            await telling[0].resolve_async(done, None, info, **sent)
        mother, father = [await family.told(one) for one in (family.mother, family.father)]
        assert mother == before[0], name
        assert len(father) == len(before[1]) + 1, name
        assert "**亲 did this for **宝" in father[-1], father[-1]
        assert await family.told(family.stranger) == []


async def test_what_was_refused_is_told_to_nobody(family: Family) -> None:
    definition = _acting(family.app)["enrolInInfantCare"]
    (telling,) = [one for one in definition.extensions if isinstance(one, TellParties)]

    async def refused(_: object, info: Info[Call, None], **__: Any) -> str:
        await act_for(info.context, family.child.id, service="infant-care")
        raise Conflict(NOT_FOUND)

    info = _info(family.mother, "enrolInInfantCare", definition)
    answer = await RefusalsAsData().resolve_async(
        lambda source, info, **given: telling.resolve_async(refused, source, info, **given),
        *(None, info),
    )
    assert answer.code == "NOT_FOUND"
    assert await family.told(family.father) == []


async def test_a_consent_for_a_child_is_told_once_and_either_guardian_ends_it(
    family: Family,
) -> None:
    mothers = await act_for(family.mother, family.child.id)
    for _ in range(2):
        await grant_consent(mothers, FUND, "2026-12")
    assert [("agreed" in text) for text in await family.told(family.father)] == [True]
    fathers = await act_for(family.father, family.child.id)
    (consent,) = await list_consents(fathers)
    assert (consent.granted_by, consent.withdrawn_at) == (family.mother.subject_id, None)
    assert [await withdraw_consent(fathers, FUND) for _ in range(2)] == [1, 0]
    assert ["took back" in text for text in await family.told(family.mother)] == [True]
    assert len(await family.told(family.father)) == 1
    with pytest.raises(NotFound):
        await act_for(family.stranger, family.child.id)


async def test_a_code_for_the_childs_own_phone_is_told_to_the_other_guardian(
    family: Family,
) -> None:
    definition = _acting(family.app)["makeClaimCode"]
    (telling,) = [one for one in definition.extensions if isinstance(one, TellParties)]
    info = _info(family.mother, "makeClaimCode", definition)

    async def made(_: object, info: Info[Call, None], *, idempotency_key: str) -> Any:
        return await claims.make(info.context, family.child.id, idempotency_key)

    await telling.resolve_async(made, None, info, idempotency_key="key-00000001")
    (text,) = await family.told(family.father)
    assert "a code for a phone of their own" in text


async def test_a_proxy_over_a_child_is_ended_by_either_and_a_guardian_by_neither(
    family: Family, call: MakeCall
) -> None:
    proxy = await guardian_of(family.app, family.stranger, family.child.id)
    await Mandate.filter(id=proxy.id).update(kind=MandateKind.PROXY, services=["infant-care"])
    for _ in range(2):
        await families.end_mandate(family.father, proxy.id)
    (text,) = await family.told(family.mother)
    assert "ended what let somebody act" in text
    mothers = await Mandate.get(actor_id=family.mother.subject_id, state="active")
    with pytest.raises(Forbidden):
        await families.end_mandate(family.father, mothers.id)
    assert (await Mandate.get(id=mothers.id)).state == "active"
    officer = call(user_id=family.stranger.subject_id, level=2, roles=frozenset({"operator"}))
    await families.end_mandate(officer, mothers.id)
    assert len(await family.told(family.father)) == 1


async def test_a_child_with_a_phone_is_told_what_is_done_for_it(family: Family) -> None:
    vault = family.app.vault
    await Citizen.filter(id=family.child.id).update(
        phone_index=vault.blind_index("13700000044", PHONE),
        phone_sealed=vault.encrypt("13700000044", PHONE),
        name_sealed=vault.encrypt("孟小宝", NAME),
    )
    mothers = await act_for(family.mother, family.child.id)
    await grant_consent(mothers, FUND, "2026-12")
    own = replace(family.mother, viewer=None, mandate=mothers.mandate)
    (text,) = await family.told(own)
    assert "did this for you" in text
