"""Guardians and proxies: who may make them, what they reach, and that they end at once."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from core.assurance import Assurance
from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.database.models import AccessLog, Consent
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited, Unavailable
from core.id_documents import Document, DocumentKind
from core.ids import new_id, resident_id_check_digit
from core.people import mandates
from core.people.consents import grant_consent, list_consents, withdraw_consent
from core.people.directory import get_person
from core.people.personal_read import list_access, open_access
from core.security.authentication import Viewer
from core.security.vault import mask_name
from modules.identity import children, claims, domain, families, moving, real_name
from modules.identity.erasure import service as erasure
from modules.identity.jobs import end_mandates
from modules.identity.models import PHONE, Citizen, Mandate
from modules.identity.upstream import REGISTRY
from modules.safety.schools.guardians import ENROLMENT
from modules.welfare.housing_fund.lookup import HOUSING_FUND
from modules.welfare.housing_fund.upstream import CENTRE
from notifications.channels.gateways import GATEWAY
from notifications.messages.models import Message
from tests.fakes import FakeHousingFund, FakePolice, FakeSms
from tests.messages import deliver_due, send_code
from tests.people import new_key
from tests.upstreams import by_operation

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]

UNTIL = date(2027, 6, 30)
FUND = "welfare.housing-fund"
SERVICE = "housing-fund-query"


def _number(born: str, sequence: int) -> str:
    body = f"500000{born}{sequence:03d}"
    return body + resident_id_check_digit(body)


CHILD, TEEN, ADULT = _number("20170608", 1), _number("20100101", 1), _number("20081123", 1)


@pytest.fixture
def fund() -> FakeHousingFund:
    """The housing fund."""
    return FakeHousingFund()


@pytest.fixture
def upstreams(police: FakePolice, sms: FakeSms, fund: FakeHousingFund) -> Mapping[Any, Any]:
    """The outside systems."""
    return {
        **by_operation(sms, GATEWAY),
        **by_operation(police, REGISTRY),
        **by_operation(fund, CENTRE),
    }


async def _call(make: MakeCall, viewer: Viewer, level: int = 2) -> Call:
    return make(user_id=viewer.user_id, level=level, session_id=viewer.session_id)


async def _phone(app: App, viewer: Viewer) -> str:
    return (await get_person(app, viewer.user_id)).phone


@pytest.fixture
async def parent(app: App, citizen: MakeCitizen, call: MakeCall, police: FakePolice) -> Call:
    """A verified parent of two children, as the registry knows it."""
    viewer = await citizen()
    own = (await get_person(app, viewer.user_id)).resident_id
    for number in (CHILD, TEEN, ADULT):
        police.people[number] = "贾小例"
        police.parents.add((own, number))
    made = await _call(call, viewer)
    await grant_consent(made, "identity.family", "2026-12")
    return made


async def test_a_parent_reads_a_childs_data_under_their_own_consent(
    parent: Call, app: App, fund: FakeHousingFund
) -> None:
    mandate = await children.add_child(parent, "贾小例", CHILD, new_key())
    assert mandate.ends_at.isoformat() == "2035-06-07T16:00:00+00:00"  # 18 in Shanghai
    child = await mandates.act_for(parent, mandate.subject_id, service=SERVICE)
    with pytest.raises(Forbidden) as refused:
        await HOUSING_FUND.read(child)
    assert (refused.value.code, fund.asked) == ("CONSENT_REQUIRED", [])
    await grant_consent(child, FUND, "2026-12")
    await HOUSING_FUND.read(child)
    assert [access.person.resident_id for access in fund.asked] == [CHILD]
    row = (await list_access(child, first=1))[0]
    assert (row.actor_id, row.actor_role) == (parent.subject_id, "guardian")
    assert (row.subject_id, row.mandate_id) == (mandate.subject_id, mandate.id)
    person = await get_person(app, mandate.subject_id)
    assert person.phone == (await get_person(app, parent.subject_id)).phone


async def test_a_child_with_a_permit_is_added_by_it_and_its_school_is_asked_by_it(
    parent: Call, app: App, police: FakePolice
) -> None:
    document = Document(DocumentKind.TAIWAN_PERMIT, "12345678", date(2017, 6, 8))
    police.permits[(document.kind, document.number, document.born_on)] = "陳小文"
    police.parents.add(((await get_person(app, parent.subject_id)).resident_id, document.number))
    for born_on, code in (
        (None, "BIRTH_DATE_NEEDED"),
        (date(2017, 6, 9), "REAL_NAME_MISMATCH"),
        (date(1990, 6, 8), "NOT_A_MINOR"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await children.add_child(parent, "陳小文", document.number, new_key(), born_on)
        assert refused.value.code == code
    added = [
        await children.add_child(parent, "陳小文", number, new_key(), document.born_on)
        for number in (document.number, "1234567801(B)")
    ]
    assert added[0].id == added[1].id and added[0].subject_id is not None
    child = await get_person(app, added[0].subject_id)
    assert (child.other_document, child.resident_id) == (document, None)
    acting = await mandates.act_for(parent, child.id)
    await grant_consent(acting, ENROLMENT.id, ENROLMENT.text_version)
    access = await open_access(acting, service="x", purpose=ENROLMENT)
    named = {"document_type": "8", "document_no": document.number, "born_on": "2017-06-08"}
    assert access.person_members == named


async def test_what_the_registry_does_not_confirm_makes_no_mandate(
    parent: Call, police: FakePolice
) -> None:
    police.parents.clear()
    with pytest.raises(InvalidInput) as refused:
        await children.add_child(parent, "贾小例", CHILD, new_key())
    assert refused.value.code == "NOT_YOUR_CHILD"
    police.is_silent = True
    with pytest.raises(Unavailable):
        await children.add_child(parent, "贾小例", CHILD, new_key())
    assert await Mandate.all().count() == 0
    assert await Citizen.filter(phone_index=None).count() == 0


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (ADULT, "NOT_A_MINOR"),
        (CHILD[:-1] + "0", "RESIDENT_ID_INVALID"),
        ("500000" + "20170230" + "0010", "RESIDENT_ID_INVALID"),
        ("990000" + CHILD[6:], "RESIDENT_ID_INVALID"),
    ],
)
async def test_numbers_that_can_be_no_child_are_refused_before_anything_is_asked(
    parent: Call, police: FakePolice, number: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await children.add_child(parent, "贾小例", number, new_key())
    assert (refused.value.code, police.asked) == (code, [])


async def test_fishing_for_children_ends_after_ten_a_day(parent: Call, police: FakePolice) -> None:
    police.parents.clear()
    for _ in range(domain.CHILD_LOOKUPS_PER_DAY):
        with pytest.raises(InvalidInput):
            await children.add_child(parent, "贾小例", CHILD, new_key())
    with pytest.raises(RateLimited):
        await children.add_child(parent, "贾小例", CHILD, new_key())


async def test_the_same_child_twice_is_one_record(parent: Call) -> None:
    first = await children.add_child(parent, "贾小例", CHILD, new_key())
    second = await children.add_child(parent, "贾小例", CHILD, new_key())
    assert (first.id, await Citizen.filter(phone_index=None).count()) == (second.id, 1)
    (child,) = await Citizen.filter(phone_index=None)
    assert child.assurance == Assurance.GUARDIAN


async def test_a_guardianship_ends_with_its_consents_and_by_itself_at_eighteen(
    parent: Call, clock: ManualClock, app: App
) -> None:
    mandate = await children.add_child(parent, "贾小例", TEEN, new_key())
    child = await mandates.act_for(parent, mandate.subject_id)
    await grant_consent(child, FUND, "2026-12")
    await families.end_mandate(parent, mandate.id)
    await families.end_mandate(parent, mandate.id)  # repeat-safe
    assert (await list_consents(child))[0].withdrawn_at == clock.now()
    with pytest.raises(NotFound):
        await mandates.act_for(parent, mandate.subject_id)
    with pytest.raises(NotFound):
        await HOUSING_FUND.read(child)  # a call that was opened before
    again = await children.add_child(parent, "贾小例", TEEN, new_key())
    clock.move(again.ends_at - clock.now())
    assert await families.find_mandate(app, parent.subject_id, again.subject_id) is None


async def test_a_child_cannot_consent_alone_nor_shake_off_its_guardian(
    parent: Call, call: MakeCall
) -> None:
    mandate = await children.add_child(parent, "贾小例", CHILD, new_key())
    own = call(user_id=mandate.subject_id, level=2)
    with pytest.raises(Forbidden) as refused:
        await grant_consent(own, FUND, "2026-12")
    assert refused.value.code == "GUARDIAN_CONSENT_REQUIRED"
    await Citizen.filter(id=mandate.subject_id).update(
        phone_sealed=parent.app.vault.encrypt("13900139000", "identity.phone")
    )
    with pytest.raises(Forbidden):
        await families.end_mandate(own, mandate.id)


async def test_a_child_with_a_phone_goes_on_with_the_record_its_guardian_made(
    parent: Call, citizen: MakeCitizen, call: MakeCall, app: App, police: FakePolice
) -> None:
    young = await citizen(level=1)
    alone = await _call(call, young, 1)
    await grant_consent(alone, "identity.real-name", "2026-11")
    with pytest.raises(Forbidden) as refused:
        await real_name.verify_real_name(alone, "贾小例", CHILD)
    assert refused.value.code == "GUARDIAN_REQUIRED"
    phone = await _phone(app, young)
    mandate = await children.add_child(parent, "贾小例", CHILD, new_key())
    for wrong in (None, "000000"):
        with pytest.raises(Forbidden) as refused:
            await real_name.verify_real_name(alone, "贾小例", CHILD, wrong)
        assert refused.value.code == "CLAIM_REQUIRED", "name and number are known to many"
    assert (await get_person(app, mandate.subject_id)).has_phone is False
    for nobody in (alone, await _call(call, await citizen())):
        with pytest.raises(NotFound):
            await claims.make(nobody, mandate.subject_id, "claim-key-0")
    made = await claims.make(parent, mandate.subject_id, "claim-key-1")
    assert await claims.make(parent, mandate.subject_id, "claim-key-1") == made
    newer = await claims.make(parent, mandate.subject_id, "claim-key-2")
    assert newer.code != made.code
    made = newer
    async with transaction() as tx:
        await send_code(app, tx, phone, "123456", "before")
    await Message.create(
        id=new_id(),
        person_id=young.user_id,
        key="before",
        template="t",
        version=1,
        about="service",
        position=new_id(),
        title_sealed=app.vault.encrypt("t", "notifications.title"),
        body_sealed=app.vault.encrypt("b", "notifications.body"),
        created_at=app.clock.now(),
    )
    token = await real_name.verify_real_name(alone, "贾小例", CHILD, made.code)
    assert await Message.filter(person_id=mandate.subject_id, key="before").exists()
    assert app.tokens.verify(token).user_id == mandate.subject_id
    assert (await get_person(app, mandate.subject_id)).phone == phone
    assert await Citizen.filter(resident_index__isnull=False, closed_at=None).count() == 3


@pytest.fixture
async def pair(citizen: MakeCitizen, call: MakeCall) -> tuple[Call, Call]:
    """Somebody who helps, and an elder."""
    return await _call(call, await citizen()), await _call(call, await citizen(name="甄长青"))


async def _propose(helper: Call, elder: Call, key: str = "key-00000001") -> Mandate:
    assert elder.viewer is not None
    phone = await _phone(helper.app, elder.viewer)
    return await families.propose_proxy(helper, phone, [SERVICE], UNTIL, key)


async def test_a_proxy_reaches_the_services_that_the_elder_confirmed_and_nothing_else(
    pair: tuple[Call, Call], fund: FakeHousingFund
) -> None:
    helper, elder = pair
    mandate = await _propose(helper, elder)
    with pytest.raises(NotFound):
        await mandates.act_for(helper, elder.subject_id, service=SERVICE)
    await families.confirm_mandate(elder, mandate.id)
    acting = await mandates.act_for(helper, elder.subject_id, service=SERVICE)
    with pytest.raises(Forbidden):
        await grant_consent(acting, FUND, "2026-12")
    with pytest.raises(Forbidden):
        await withdraw_consent(acting, FUND)
    await grant_consent(elder, FUND, "2026-12")
    await HOUSING_FUND.read(acting)
    assert [access.person.id for access in fund.asked] == [elder.subject_id]
    for service in (None, "water-bill-payment"):
        with pytest.raises(NotFound):
            await mandates.act_for(helper, elder.subject_id, service=service)


async def test_a_consent_that_comes_late_brings_none_back_and_takes_none(
    pair: tuple[Call, Call],
) -> None:
    _, elder = pair
    given = await grant_consent(elder, FUND, "2026-12", "grant-01")
    assert (await grant_consent(elder, FUND, "2026-12", "grant-01")).id == given.id
    assert (await grant_consent(elder, FUND, "2026-12", "grant-02")).id == given.id
    assert await withdraw_consent(elder, FUND, "withdraw-01") == 1
    for key in ("grant-01", "grant-02"):
        late = await grant_consent(elder, FUND, "2026-12", key)
        assert late.id == given.id and late.withdrawn_at is not None
    anew = await grant_consent(elder, FUND, "2026-12", "grant-03")
    assert await withdraw_consent(elder, FUND, "withdraw-01") == 0
    live = await Consent.filter(subject_id=elder.subject_id, purpose=FUND, withdrawn_at=None)
    assert [row.id for row in live] == [anew.id]
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await grant_consent(elder, "identity.family", "2026-12", "grant-01")


async def test_a_proxy_ends_with_its_last_day_and_when_the_elder_says_so(
    pair: tuple[Call, Call], clock: ManualClock
) -> None:
    helper, elder = pair
    mandate = await _propose(helper, elder)
    await families.confirm_mandate(elder, mandate.id)
    await families.end_mandate(elder, mandate.id)
    with pytest.raises(NotFound):
        await mandates.act_for(helper, elder.subject_id, service=SERVICE)
    second = await _propose(helper, elder, "key-00000002")
    await families.confirm_mandate(elder, second.id)
    clock.move(second.ends_at - clock.now() - timedelta(seconds=1))
    await mandates.act_for(helper, elder.subject_id, service=SERVICE)
    clock.move(timedelta(seconds=1))
    with pytest.raises(NotFound):
        await mandates.act_for(helper, elder.subject_id, service=SERVICE)


async def test_a_proxy_that_ran_out_is_given_again(
    pair: tuple[Call, Call], clock: ManualClock, app: App
) -> None:
    helper, elder = pair
    first = await _propose(helper, elder)
    await families.confirm_mandate(elder, first.id)
    clock.move(first.ends_at - clock.now() - timedelta(days=1))
    until = UNTIL + timedelta(days=300)
    phone = await _phone(app, elder.require_viewer())
    second = await families.propose_proxy(helper, phone, [SERVICE], until, "key-00000002")
    with pytest.raises(Conflict) as refused:
        await families.confirm_mandate(elder, second.id)
    assert refused.value.code == "ALREADY_PROXY", "while the first one lasts"
    clock.move(timedelta(days=1))
    await families.confirm_mandate(elder, second.id)
    acting = await mandates.act_for(helper, elder.subject_id, service=SERVICE)
    assert acting.mandate is not None and acting.mandate.id == second.id
    over = await Mandate.get(id=first.id)
    assert (over.state, over.ended_at, over.ended_by) == ("ended", clock.now(), None)


async def test_what_is_over_ends_by_itself_and_nothing_else_does(
    pair: tuple[Call, Call], clock: ManualClock, app: App
) -> None:
    helper, elder = pair
    proxy = await _propose(helper, elder)
    await families.confirm_mandate(elder, proxy.id)
    unanswered = await families.propose_proxy(
        helper, "13700000000", [SERVICE], UNTIL, "key-00000002"
    )

    async def _states() -> list[str]:
        await end_mandates(app)
        return [(await Mandate.get(id=one.id)).state for one in (proxy, unanswered)]

    clock.move(domain.PROPOSAL_LIFE - timedelta(seconds=1))
    assert await _states() == ["active", "proposed"]
    clock.move(timedelta(seconds=1))
    assert await _states() == ["active", "ended"]
    clock.move(proxy.ends_at - clock.now() - timedelta(seconds=1))
    assert await _states() == ["active", "ended"]
    clock.move(timedelta(seconds=1))
    assert await _states() == ["ended", "ended"]
    await end_mandates(app)  # repeat-safe
    (party,) = await families.list_mandates(elder)
    assert (party.mandate.state, party.mandate.ended_at) == ("ended", clock.now())


async def test_only_the_owner_of_the_phone_confirms_and_only_in_time(
    pair: tuple[Call, Call], citizen: MakeCitizen, call: MakeCall, clock: ManualClock
) -> None:
    helper, elder = pair
    mandate = await _propose(helper, elder)
    stranger = await _call(call, await citizen())
    for other in (stranger, helper):
        with pytest.raises(NotFound):
            await families.confirm_mandate(other, mandate.id)
    with pytest.raises(NotFound):
        await families.end_mandate(stranger, mandate.id)
    clock.move(domain.PROPOSAL_LIFE)
    with pytest.raises(NotFound):
        await families.confirm_mandate(elder, mandate.id)
    assert (await Mandate.get(id=mandate.id)).state == "proposed"


async def test_a_proposal_to_an_unknown_phone_looks_like_any_other(
    pair: tuple[Call, Call],
) -> None:
    helper, elder = pair
    known = await _propose(helper, elder)
    unknown = await families.propose_proxy(helper, "13700000000", [SERVICE], UNTIL, "key-00000002")
    assert (known.subject_id, known.state) == (unknown.subject_id, unknown.state)
    assert await Message.filter(key__startswith="proxy:").count() == 2
    same = await _propose(helper, elder)
    assert same.id == known.id
    with pytest.raises(Conflict):
        await _propose(helper, elder, "key-00000003")


@pytest.mark.parametrize(
    ("services", "until", "code"),
    [
        ([], UNTIL, "SERVICES_INVALID"),
        (["loan-apply"], UNTIL, "SERVICES_INVALID"),
        ([SERVICE, "no-such-service"], UNTIL, "SERVICES_INVALID"),
        ([SERVICE], date(2026, 11, 22), "UNTIL_INVALID"),
        ([SERVICE], date(2036, 1, 1), "UNTIL_INVALID"),
    ],
)
async def test_a_proposal_names_services_and_an_end(
    pair: tuple[Call, Call], services: list[str], until: date, code: str
) -> None:
    helper, _ = pair
    with pytest.raises(InvalidInput) as refused:
        await families.propose_proxy(helper, "13700000000", services, until, "key-00000009")
    assert (refused.value.code, await Mandate.all().count()) == (code, 0)


async def test_nobody_proposes_to_half_the_city(pair: tuple[Call, Call]) -> None:
    helper, _ = pair
    for number in range(domain.PROPOSALS_PER_DAY):
        await families.propose_proxy(
            helper, f"1370000000{number}", [SERVICE], UNTIL, f"key-1000000{number}"
        )
    with pytest.raises(RateLimited):
        await families.propose_proxy(helper, "13700000009", [SERVICE], UNTIL, "key-20000000")
    last = f"1370000000{domain.PROPOSALS_PER_DAY - 1}"
    key = f"key-1000000{domain.PROPOSALS_PER_DAY - 1}"
    again = await families.propose_proxy(helper, last, [SERVICE], UNTIL, key)  # the reply was lost
    assert (again.state, await Mandate.all().count()) == ("proposed", domain.PROPOSALS_PER_DAY)
    assert await AccessLog.all().count() == 0


async def test_the_addressee_learns_who_asks(
    app: App, pair: tuple[Call, Call], sms: FakeSms
) -> None:
    helper, elder = pair
    mandate = await _propose(helper, elder)
    await deliver_due(app)
    proposer = await get_person(app, helper.subject_id)
    assert proposer.name is not None
    text = sms.texts[-1]
    assert mask_name(proposer.name) in text and proposer.phone[-4:] in text
    (party,) = await families.list_mandates(elder)
    assert party.other_name == proposer.name
    confirmed = await families.confirm_mandate(elder, mandate.id)
    (party,) = await families.parties_of(elder, [confirmed])
    assert party.other_name == proposer.name


async def test_nobody_is_the_proxy_of_many(pair: tuple[Call, Call], clock: ManualClock) -> None:
    helper, _ = pair
    for number in range(domain.PROXIES_MAX):
        if number == domain.PROPOSALS_PER_DAY:
            clock.move(timedelta(days=1))
        key = f"key-3000000{number}"
        await families.propose_proxy(helper, f"1370000001{number}", [SERVICE], UNTIL, key)
    clock.move(timedelta(days=1))
    with pytest.raises(Conflict) as refused:
        await families.propose_proxy(helper, "13700000999", [SERVICE], UNTIL, "key-40000000")
    assert refused.value.code == "TOO_MANY_PROXIES"
    assert await Mandate.all().count() == domain.PROXIES_MAX


async def test_what_a_minor_does_not_do_without_a_guardian(
    parent: Call, pair: tuple[Call, Call], call: MakeCall, app: App, clock: ManualClock
) -> None:
    """A stranger who got into a child's account gets no proxy from it, and the guardian sees it."""
    mandate = await children.add_child(parent, "贾小例", CHILD, new_key())
    helper, _ = pair
    child_phone = "13700000055"
    await Citizen.filter(id=mandate.subject_id).update(
        phone_index=app.vault.blind_index(child_phone, PHONE),
        phone_sealed=app.vault.encrypt(child_phone, PHONE),
    )
    child = call(user_id=mandate.subject_id, level=2)
    proposal = await families.propose_proxy(helper, child_phone, [SERVICE], UNTIL, "key-50000000")
    for work in (
        families.confirm_mandate(child, proposal.id),
        families.propose_proxy(child, "13700000056", [SERVICE], UNTIL, "key-50000001"),
        erasure.ask_erasure(child, new_key()),
    ):
        with pytest.raises(Forbidden) as refused:
            await work
        assert refused.value.code == "MINORS_MAY_NOT"
    now = clock.now()
    planted = await Mandate.create(
        id=new_id(),
        kind="proxy",
        actor_id=helper.subject_id,
        subject_id=mandate.subject_id,
        services=[SERVICE],
        state="active",
        proposed_at=now,
        confirmed_at=now,
        ends_at=now + timedelta(days=9),
    )
    seen = {party.mandate.id for party in await families.list_mandates(parent)}
    assert seen == {mandate.id, planted.id}
    ended = await families.end_mandate(parent, planted.id)
    assert (ended.state, ended.ended_by) == ("ended", parent.subject_id)


async def test_an_account_moves_to_a_new_phone_with_everything_and_the_old_one_is_told(
    pair: tuple[Call, Call], citizen: MakeCitizen, app: App, sms: FakeSms
) -> None:
    own, other = pair
    old_phone = (await get_person(app, own.subject_id)).phone
    bare = await citizen(level=1)
    new_phone = await _phone(app, bare)

    async def code_for(phone: str, key: str) -> str:
        await moving.request_code(own, phone, key)
        await deliver_due(app)
        text = [text for to, text in sms.sent.values() if to == phone][-1]
        return "".join(char for char in text if char.isdigit())[:6]

    good = await code_for(new_phone, "code-0001")
    with pytest.raises(InvalidInput):
        await moving.change_phone(own, new_phone, f"{(int(good) + 1) % 10**6:06d}", "move-0001")
    assert (await get_person(app, own.subject_id)).phone == old_phone
    await moving.change_phone(own, new_phone, good, "move-0002")
    await moving.change_phone(own, new_phone, good, "move-0002")
    assert (await get_person(app, own.subject_id)).phone == new_phone
    assert (await Citizen.get(id=bare.user_id)).closed_at is not None
    await deliver_due(app)
    assert [text for to, text in sms.sent.values() if to == old_phone and new_phone[-4:] in text]
    taken = await _phone(app, other.viewer)
    with pytest.raises(Conflict) as refused:
        await moving.change_phone(own, taken, await code_for(taken, "code-0002"), "move-0003")
    assert refused.value.code == "PHONE_IN_USE"
    assert (await get_person(app, own.subject_id)).phone == new_phone


async def test_a_guardians_consent_ends_when_the_child_is_asked_itself(
    parent: Call, call: MakeCall, clock: ManualClock
) -> None:
    for number, age in ((CHILD, 14), (TEEN, 18)):
        mandate = await children.add_child(parent, "贾小例", number, new_key())
        acting = await mandates.act_for(parent, mandate.subject_id)
        consent = await grant_consent(acting, FUND, "2026-12")
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        assert consent.until_at is not None
        assert civil_date(consent.until_at) == born.replace(year=born.year + age)


async def test_custody_that_an_office_ended_does_not_come_back_by_itself(
    parent: Call, citizen: MakeCitizen
) -> None:
    mandate = await children.add_child(parent, "贾小例", CHILD, new_key())
    officer = (await citizen()).user_id
    await Mandate.filter(id=mandate.id).update(
        state="ended", ended_by=officer, ended_at=parent.app.clock.now()
    )
    with pytest.raises(Conflict) as refused:
        await children.add_child(parent, "贾小例", CHILD, new_key())
    assert refused.value.code == "GUARDIANSHIP_ENDED"
    assert await Mandate.filter(state="active").count() == 0
