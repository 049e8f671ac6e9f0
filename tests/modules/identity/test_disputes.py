"""Disputes: an account that somebody says was taken stands still, and a second officer decides."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bff.schema.build import build_schema
from core.assurance import Assurance
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.errors import AppError
from core.graphql.fields import RefuseFrozen
from core.id_documents import Document, DocumentKind
from core.ids import resident_birth_date
from core.people.consents import grant_consent, list_consents
from core.people.directory import get_person
from core.security.authentication import Viewer
from kinds.application.service import open_case
from modules.identity import recovery, recovery_store
from modules.identity.disputes import service as disputes
from modules.identity.erasure import service as erasure
from modules.identity.models import Citizen, Recovery, Session
from modules.identity.proofs import service as proofs_service
from modules.identity.proofs.upstream import NETWORK_IDENTITY
from notifications.channels.gateways import GATEWAY
from payments import api as payments
from tests.asgi import Client
from tests.fakes import FakeProofs, FakeSms
from tests.messages import deliver_due
from tests.modules.identity.recoveries import approve
from tests.modules.identity.test_signed_out import session_of
from tests.people import new_key
from tests.upstreams import by_operation

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]
NEW_PHONE, ADULT = "13700000077", "370102199003077517"
MONEY = {
    "agreeAutopay", "acceptLoanOffer", "signLoanContract", "acceptTrafficViolation",
}  # fmt: skip
CONSENTS, MANDATES = {"giveLoanConsents"}, {
    "addChild", "addNewborn", "makeClaimCode", "proposeProxy", "confirmProxy", "endMandate",
}  # fmt: skip
PAPERS = {"presentLicence"}
KEYS = {"changePhone", "addPasskey", "bindDeviceKey", "linkMiniProgramme", "answerAppRequest"}
GRANT = """mutation G($purpose: String!, $version: String!, $key: String!) {
  grantConsent(purpose: $purpose, textVersion: $version, idempotencyKey: $key) {
    __typename ... on Refusal { code } } }"""


@pytest.fixture
def upstreams(sms: FakeSms, proofs: FakeProofs) -> Mapping[Any, Any]:
    """The gateway and the network identity platform."""
    return {**by_operation(sms, GATEWAY), **by_operation(proofs, NETWORK_IDENTITY)}


@pytest.fixture
def officers(call: MakeCall) -> tuple[Call, Call]:
    """Two officers at a counter."""
    roles = frozenset({"department_officer"})
    return call(level=1, roles=roles), call(level=1, roles=roles)


@pytest.fixture
async def holder(citizen: MakeCitizen, call: MakeCall) -> Call:
    """Who has the account of a name."""
    viewer = await citizen(name="罗思远")
    return call(user_id=viewer.user_id, level=2, session_id=viewer.session_id)


async def _code(work: Awaitable[object]) -> str:
    with pytest.raises(AppError) as refused:
        await work
    return refused.value.code


async def _open(app: App, holder: Call, officer: Call, key: str = "key-00000001") -> Recovery:
    person = await get_person(app, holder.subject_id)
    assert person.resident_id is not None
    return await disputes.open_at_counter(officer, "罗思远", person.resident_id, NEW_PHONE, key)


def _waiting(app: App) -> set[str]:
    mutation = build_schema(app.manifests)._schema.mutation_type
    assert mutation is not None
    return {
        name
        for name, field in mutation.fields.items()
        if any(
            isinstance(each, RefuseFrozen)
            for each in field.extensions["strawberry-definition"].extensions
        )
    }


async def _pay(viewer: Call) -> None:
    async with transaction() as tx:
        await payments.create_intent(viewer, tx, kind="bill", subject_ref="1", key="key-00000001")


def test_what_takes_money_out_agrees_or_hands_over_waits(app: App) -> None:
    """What begins a payment need not say so: payments refuse by themselves."""
    assert _waiting(app) == MONEY | CONSENTS | MANDATES | PAPERS | KEYS | {"eraseMyAccount"}


async def test_a_dispute_at_a_counter_freezes_and_tells_both_and_a_second_officer_gives_it_back(
    app: App,
    client: Client,
    holder: Call,
    officers: tuple[Call, Call],
    sms: FakeSms,
    clock: ManualClock,
) -> None:
    first, second = officers
    before = await get_person(app, holder.subject_id)
    assert await _code(_open(app, holder, holder)) == "NOT_ALLOWED"
    row = await _open(app, holder, first)
    assert (await _open(app, holder, first)).id == row.id
    assert await _code(_open(app, holder, second, "key-00000002")) == "DISPUTED_ALREADY"
    await deliver_due(app)
    for phone in (before.phone, NEW_PHONE):
        texts = [text for to, text in sms.sent.values() if to == phone]
        assert len(texts) == 1 and NEW_PHONE not in texts[0] and before.phone not in texts[0]
    viewer = holder.require_viewer()
    for purpose, code in (("welfare.housing-fund", "ACCOUNT_DISPUTED"), ("identity.carrier", None)):
        given = {"purpose": purpose, "version": "2026-12", "key": "key-00000001"}
        answer = (await client.data(GRANT, given, viewer=viewer))["grantConsent"]
        assert answer.get("code") == code, answer
    assert await _code(erasure.ask_erasure(holder, new_key())) == "ACCOUNT_UNSETTLED"
    case = open_case(holder, "housing-fund-withdrawal", {}, "key-00000001")
    assert await _code(case) == "ACCOUNT_DISPUTED"
    assert await _code(_pay(holder)) == "ACCOUNT_DISPUTED"
    (shown,) = await disputes.list_disputes(holder)
    assert (shown.id, shown.state) == (row.id, "disputed")
    assert await _code(approve(first, row)) == "NOT_ALLOWED", "four eyes"
    assert await _code(disputes.dismiss(first, row.id)) == "NOT_ALLOWED", "four eyes"
    assert await _code(recovery.withdraw(first, row.id)) == "ILLEGAL_STATE"
    await approve(second, row)
    answer = await client.data(GRANT, given | {"purpose": "welfare.housing-fund"}, viewer=viewer)
    assert answer["grantConsent"]["code"] == "ACCOUNT_DISPUTED", "until it has moved"
    clock.move(recovery.COOLING_OFF)
    await recovery.recover(app)
    assert (await get_person(app, holder.subject_id)).phone == NEW_PHONE
    assert (await Recovery.get(id=row.id)).state == "done"
    await erasure.ask_erasure(holder, new_key())  # nothing stands still any more


async def test_a_second_officer_or_time_dismisses_it_and_both_are_told(
    app: App, holder: Call, officers: tuple[Call, Call], sms: FakeSms, clock: ManualClock
) -> None:
    first, second = officers
    before = await get_person(app, holder.subject_id)
    row = await _open(app, holder, first)
    for _ in range(2):
        await disputes.dismiss(second, row.id)
    await deliver_due(app)
    again = await _open(app, holder, first, "key-00000002")
    await disputes.lapse(app)
    await deliver_due(app)
    assert (await Recovery.get(id=again.id)).state == "disputed"
    clock.move(disputes.DECIDED_WITHIN)
    for _ in range(2):
        await disputes.lapse(app)
    assert {row.state for row in await Recovery.all()} == {"dismissed"}
    await deliver_due(app)
    for phone in (before.phone, NEW_PHONE):
        assert len([text for to, text in sms.sent.values() if to == phone]) == 4
    assert await _code(approve(second, row)) == "ILLEGAL_STATE"
    assert (await get_person(app, holder.subject_id)).phone == before.phone
    await grant_consent(holder, "welfare.housing-fund", "2026-12")


async def _shown_face(call: Call, proofs: FakeProofs, name: str, number: str) -> str:
    """A ticket of who has shown their face in this session."""
    purpose = proofs_service.BY_NETWORK_IDENTITY
    await grant_consent(call.admitting_unproved(), purpose.id, purpose.text_version)
    ticket = (await proofs_service.begin_handoff(call, f"face-{number[-4:]}")).ticket
    born_on = resident_birth_date(number)
    assert born_on is not None
    document = Document(DocumentKind.RESIDENT_ID, number, born_on)
    proofs.passed[ticket] = (name, document)
    return ticket


async def test_who_shows_their_face_disputes_what_an_equal_proof_holds(
    app: App,
    holder: Call,
    officers: tuple[Call, Call],
    citizen: MakeCitizen,
    call: MakeCall,
    proofs: FakeProofs,
    clock: ManualClock,
) -> None:
    person = await get_person(app, holder.subject_id)
    assert person.resident_id is not None
    await Citizen.filter(id=holder.subject_id).update(assurance=Assurance.NETWORK_ID)
    viewer = await citizen(level=1)
    claimant = call(user_id=viewer.user_id, level=1, session_id=viewer.session_id)
    ticket = await _shown_face(claimant, proofs, "罗思远", person.resident_id)
    assert await _code(proofs_service.finish_handoff(claimant, ticket)) == "ID_IN_USE"
    row = await disputes.open_by_proof(claimant, ticket, "key-00000001")
    assert (row.state, row.disputed_id) == ("disputed", holder.subject_id)
    assert [one.id for one in await disputes.list_disputes(claimant)] == [row.id]
    assert await _code(disputes.open_by_proof(claimant, "no-ticket", "key-00000002")) == (
        "PROOF_MISMATCH"
    )
    await approve(officers[0], row)
    clock.move(recovery.COOLING_OFF)
    await recovery.recover(app)
    phone = (await get_person(app, holder.subject_id)).phone
    assert phone != person.phone and (await Citizen.get(id=viewer.user_id)).closed_at is not None


async def test_nobody_disputes_their_own_account_or_an_unheld_number(
    app: App, holder: Call, citizen: MakeCitizen, call: MakeCall, proofs: FakeProofs
) -> None:
    person = await get_person(app, holder.subject_id)
    assert person.resident_id is not None
    own = await _shown_face(holder, proofs, "罗思远", person.resident_id)
    assert await _code(disputes.open_by_proof(holder, own, "key-00000001")) == "NOTHING_TO_DISPUTE"
    viewer = await citizen(name="冯军")
    other = call(user_id=viewer.user_id, level=2, session_id=viewer.session_id)
    face = await _shown_face(other, proofs, "罗思远", person.resident_id)
    assert await _code(disputes.open_by_proof(other, face, "key-00000001")) == "ALREADY_VERIFIED"
    assert await Recovery.all().count() == 0


async def test_a_dispute_names_nobody_elses_phone(
    app: App, holder: Call, officers: tuple[Call, Call], citizen: MakeCitizen
) -> None:
    person = await get_person(app, holder.subject_id)
    taken = (await get_person(app, (await citizen()).user_id)).phone
    asked = ("罗思远", person.resident_id or "", taken, "key-00000001")
    assert await _code(disputes.open_at_counter(officers[0], *asked)) == "PHONE_IN_USE"
    assert await Recovery.all().count() == 0
    assert not await recovery_store.is_disputed(holder.subject_id)


@pytest.mark.parametrize("begun_as", ["disputed", "approved", "approved dispute", "proposed"])
async def test_a_number_won_back_meanwhile_ends_what_is_open_about_it(
    app: App, holder: Call, officers: tuple[Call, Call], citizen: MakeCitizen, call: MakeCall,
    proofs: FakeProofs, sms: FakeSms, clock: ManualClock, begun_as: str,
) -> None:  # fmt: skip
    person = await get_person(app, holder.subject_id)
    assert person.resident_id is not None
    if "dispute" in begun_as:
        row = await _open(app, holder, officers[0])
    else:
        asked = ("罗思远", person.resident_id, NEW_PHONE, "key-00000001")
        row = await recovery.propose(officers[0], *asked)
    if "approved" in begun_as:
        await approve(officers[1], row)
    viewer = await citizen(level=1)
    session = await session_of(app, viewer.user_id, "one")
    owner = call(user_id=viewer.user_id, level=1, session_id=session.id)
    ticket = await _shown_face(owner, proofs, "罗思远", person.resident_id)
    await proofs_service.finish_handoff(owner, ticket)
    state = "dismissed" if begun_as == "disputed" else "withdrawn"
    assert (await Recovery.get(id=row.id)).state == state
    await deliver_due(app)
    told = [text for to, text in sms.sent.values() if to == NEW_PHONE]
    assert len([text for text in told if "其所有人已通过其他方式找回" in text]) == 1
    mine = call(user_id=holder.subject_id, level=2, session_id=session.id)
    await grant_consent(mine, "welfare.housing-fund", "2026-12")
    assert not await recovery_store.is_disputed(holder.subject_id)
    own = (await get_person(app, holder.subject_id)).phone
    clock.move(recovery.COOLING_OFF)
    await recovery.recover(app)
    assert (await get_person(app, holder.subject_id)).phone == own != person.phone
    assert (await Session.get(id=session.id)).revoked_at is None
    held = [one.purpose for one in await list_consents(mine) if one.withdrawn_at is None]
    assert "welfare.housing-fund" in held
    assert (await Citizen.get(id=holder.subject_id)).assurance == Assurance.NETWORK_ID


async def test_who_wins_a_number_back_to_the_phone_that_was_named_is_told_nothing(
    app: App, holder: Call, officers: tuple[Call, Call], citizen: MakeCitizen, call: MakeCall,
    proofs: FakeProofs, sms: FakeSms,
) -> None:  # fmt: skip
    person = await get_person(app, holder.subject_id)
    assert person.resident_id is not None
    viewer = await citizen(level=1)
    phone = (await get_person(app, viewer.user_id)).phone
    asked = ("罗思远", person.resident_id, phone, "key-00000001")
    row = await recovery.propose(officers[0], *asked)
    await approve(officers[1], row)
    session = await session_of(app, viewer.user_id, "one")
    owner = call(user_id=viewer.user_id, level=1, session_id=session.id)
    ticket = await _shown_face(owner, proofs, "罗思远", person.resident_id)
    await proofs_service.finish_handoff(owner, ticket)
    assert (await Recovery.get(id=row.id)).state == "withdrawn"
    await deliver_due(app)
    assert [text for to, text in sms.sent.values() if to == phone] == []


async def test_no_officer_decides_over_an_account_of_their_own(
    app: App,
    holder: Call,
    officers: tuple[Call, Call],
    citizen: MakeCitizen,
    call: MakeCall,
    sms: FakeSms,
) -> None:
    first, second = officers
    person = await get_person(app, holder.subject_id)
    assert person.resident_id is not None
    roles = first.require_viewer().roles
    own = replace(holder, viewer=replace(holder.require_viewer(), roles=roles))
    friend = call(user_id=(await citizen(level=1)).user_id, level=1, roles=roles)
    theirs = (await get_person(app, friend.subject_id)).phone
    asked = ("罗思远", person.resident_id)
    for begin in (recovery.propose, disputes.open_at_counter):
        assert await _code(begin(own, *asked, NEW_PHONE, "key-00000009")) == "NOT_ALLOWED"
        assert await _code(begin(own, "冯军", ADULT, person.phone, "key-00000009")) == "NOT_ALLOWED"
    row = await disputes.open_at_counter(first, *asked, theirs, "key-00000001")
    for officer in (own, friend):
        assert await _code(disputes.dismiss(officer, row.id)) == "NOT_ALLOWED"
        assert await _code(approve(officer, row)) == "NOT_ALLOWED"
    await approve(second, row)
    for officer in (own, friend):
        assert await _code(recovery.withdraw(officer, row.id)) == "NOT_ALLOWED"
    assert (await Recovery.get(id=row.id)).state == "approved"
    await deliver_due(app)
    sms.sent.clear()
    await recovery.withdraw(first, row.id)
    await deliver_due(app)
    told = {to for to, text in sms.sent.values() if "stopped" in text or "停止" in text}
    assert told == {person.phone, theirs}


async def test_officers_find_what_waits_for_a_decision(
    app: App, client: Client, holder: Call, officers: tuple[Call, Call]
) -> None:
    row = await _open(app, holder, officers[0])
    query = "{ undecidedDisputes(first: 5) { edges { node { id name decideBy } } } }"
    found = await client.data(query, viewer=officers[1].require_viewer())
    (edge,) = found["undecidedDisputes"]["edges"]
    assert (edge["node"]["id"], edge["node"]["name"]) == (str(row.id), "**远")
    await disputes.dismiss(officers[1], row.id)
    found = await client.data(query, viewer=officers[1].require_viewer())
    assert found["undecidedDisputes"]["edges"] == []
