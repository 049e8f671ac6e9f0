"""How somebody is proved, and what the phone alone opens: next to nothing once it was silent."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from core.assurance import Assurance
from core.clock import ManualClock
from core.context.app import App
from core.id_documents import Document, DocumentKind
from core.security.authentication import Viewer
from core.security.authorization import Need, decide
from modules.identity import domain
from modules.identity.models import PHONE, Citizen
from modules.identity.proofs import service as proofs_service
from modules.identity.real_name import REAL_NAME
from tests.fakes import FakePolice, FakeProofs
from tests.messages import deliver_due
from tests.modules.identity.conftest import REFUSAL
from tests.modules.identity.conftest import Phone as Handset

NAME, NUMBER = "欧阳娜", "110101199003070011"
CARD_OF_HERS = Document(DocumentKind.RESIDENT_ID, NUMBER, date(1990, 3, 7))
OTHER_NAME, OTHER_NUMBER = "李想", "110101199003070038"
CARD = "6222020200112233445"
VERIFIED = f"... on RealNameVerified {{ accessToken level viewer {{ id name }} }} {REFUSAL}"
GRANT = f"""mutation G($purpose: String!, $version: String!, $key: String!) {{
  grantConsent(purpose: $purpose, textVersion: $version, idempotencyKey: $key) {{
    ... on ConsentGranted {{ consent {{ id }} }} {REFUSAL} }} }}"""
VERIFY = f"""mutation V($name: String!, $number: String!, $key: String!) {{
  verifyRealName(name: $name, residentId: $number, idempotencyKey: $key) {{ {VERIFIED} }} }}"""
BY_PHONE = f"""mutation P($name: String!, $number: String!, $key: String!) {{
  proveByPhone(name: $name, residentId: $number, idempotencyKey: $key) {{ {VERIFIED} }} }}"""
BY_CARD = f"""mutation C($name: String!, $number: String!, $card: String!, $key: String!) {{
  proveByCard(name: $name, residentId: $number, cardNo: $card, idempotencyKey: $key) {{
    {VERIFIED} }} }}"""
BEGIN = f"""mutation B($key: String!) {{ beginNetworkProof(idempotencyKey: $key) {{
  ... on ProofBegun {{ ticket url }} {REFUSAL} }} }}"""
FINISH = f"""mutation F($ticket: String!, $key: String!) {{
  finishNetworkProof(ticket: $ticket, idempotencyKey: $key) {{ {VERIFIED} }} }}"""
PURPOSES = (
    REAL_NAME,
    proofs_service.BY_CARRIER,
    proofs_service.BY_CARD,
    proofs_service.BY_NETWORK_IDENTITY,
)


async def ask(phone: Handset, token: str, query: str, **variables: Any) -> Any:
    """The one field of an operation."""
    data = await phone.ask(query, token, {"key": uuid4().hex} | variables)
    (value,) = data.values()
    return value


async def agreed(phone: Handset) -> str:
    """Sign in and agree to all ways of being proved; the access token."""
    token = str((await phone.sign_in())["accessToken"])
    for purpose in PURPOSES:
        given = {"purpose": purpose.id, "version": purpose.text_version}
        answer = await ask(phone, token, GRANT, **given)
        assert answer["__typename"] == "ConsentGranted", answer
    return token


@pytest.fixture
def known(police: FakePolice, proofs: FakeProofs, phone: Handset) -> None:
    """Two people whom the registry knows; the phone is the first one's."""
    police.people |= {NUMBER: NAME, OTHER_NUMBER: OTHER_NAME}
    proofs.phones[phone.number] = NUMBER
    proofs.cards[CARD] = NUMBER


async def test_each_proof_says_how_and_the_strongest_stays(
    phone: Handset, known: None, proofs: FakeProofs
) -> None:
    token = await agreed(phone)
    pair = {"name": NAME, "number": NUMBER}
    seen = []
    begun = await ask(phone, token, BEGIN)
    pending = await ask(phone, token, FINISH, ticket=begun["ticket"])
    assert pending["code"] == "PROOF_PENDING"
    proofs.passed[begun["ticket"]] = (NAME, CARD_OF_HERS)
    for query, given in (
        (VERIFY, pair),
        (BY_PHONE, pair),
        (BY_CARD, pair | {"card": CARD}),
        (FINISH, {"ticket": begun["ticket"]}),
    ):
        token = (await ask(phone, token, query, **given))["accessToken"]
        seen.append((await ask(phone, token, "{ viewer { assurance } }"))["assurance"])
    assert seen == ["TYPED", "CARRIER", "BANK_CARD", "NETWORK_ID"]
    (row,) = await Citizen.all()
    assert row.assurance == "NETWORK_ID"
    limited = await ask(phone, token, BY_PHONE, **pair)
    assert limited["__typename"] == "RateLimited", "five tries a day, whatever the way"


async def test_what_is_not_confirmed_changes_nothing(
    phone: Handset, known: None, proofs: FakeProofs
) -> None:
    token = await agreed(phone)
    other = Handset(phone.client, phone.sms, "13900139000")
    theirs = await agreed(other)
    begun = await ask(other, theirs, BEGIN)
    proofs.passed[begun["ticket"]] = (NAME, CARD_OF_HERS)
    for query, given, code in (
        (BY_PHONE, {"name": OTHER_NAME, "number": OTHER_NUMBER}, "PROOF_MISMATCH"),
        (BY_CARD, {"name": NAME, "number": NUMBER, "card": CARD[:-1] + "0"}, "PROOF_MISMATCH"),
        (BY_CARD, {"name": NAME, "number": NUMBER, "card": "x"}, "PROOF_MISMATCH"),
        (FINISH, {"ticket": begun["ticket"]}, "PROOF_MISMATCH"),  # of another session
        (FINISH, {"ticket": "no-such-ticket"}, "PROOF_MISMATCH"),
    ):
        assert (await ask(phone, token, query, **given))["code"] == code
    assert [row.level for row in await Citizen.all()] == [1, 1]


async def test_a_stronger_proof_wins_a_number_back(
    phone: Handset, known: None, clock: ManualClock
) -> None:
    thief = Handset(phone.client, phone.sms, "13900139000", {"id": "thief-0001", "name": ""})
    stolen = await agreed(thief)
    taken = await ask(thief, stolen, VERIFY, name=NAME, number=NUMBER)
    assert taken["level"] == 2
    token = await agreed(phone)
    weak = await ask(phone, token, VERIFY, name=NAME, number=NUMBER)
    assert weak["code"] == "ID_IN_USE"
    back = await ask(phone, token, BY_PHONE, name=NAME, number=NUMBER)
    assert back["level"] == 2
    (held,) = await Citizen.filter(closed_at=None)
    assert held.phone_index == phone.client.app.vault.blind_index(phone.number, PHONE)
    assert back["viewer"]["id"] == str(held.id) and held.assurance == "CARRIER"
    headers = {"authorization": f"Bearer {taken['accessToken']}"}
    for _ in range(50):
        answer = await phone.client.run("{ mandates { id } }", headers=headers)
        if answer.status == 401:
            break
    assert answer.codes == ["SESSION_EXPIRED"]
    await deliver_due(phone.client.app)
    told = [text for number, text in phone.sms.sent.values() if number == thief.number]
    assert "8000" in told[-1], "the phone before is told"
    # the thief has no carrier who says so
    clock.move(domain.CODE_COOLDOWN)
    stolen = await agreed(thief)
    again = await ask(thief, stolen, BY_PHONE, name=NAME, number=NUMBER)
    assert again["code"] == "PROOF_MISMATCH"


async def _silent(phone: Handset, clock: ManualClock) -> tuple[Handset, str]:
    """The phone was silent for long, and comes back on another device."""
    token = await agreed(phone)
    await ask(phone, token, VERIFY, name=NAME, number=NUMBER)
    clock.move(domain.SILENCE)
    other = replace(phone, device={"id": "device-0002", "name": ""})
    return other, str((await other.sign_in())["accessToken"])


async def test_who_has_a_silent_number_sees_nothing_of_its_account(
    phone: Handset, known: None, clock: ManualClock
) -> None:
    other, token = await _silent(phone, clock)
    assert await ask(other, token, "{ viewer { name level } }") == {"name": None, "level": 1}
    headers = {"authorization": f"Bearer {token}"}
    for query in (
        "{ mandates { id } }",
        "{ viewer { consents { purpose } } }",
        "{ viewer { sessions { id } } }",
    ):
        answer = await phone.client.run(query, headers=headers)
        assert answer.codes == ["LEVEL_REQUIRED"], query
    export = """mutation E($key: String!) { exportMyData(idempotencyKey: $key) {
      __typename ... on Refusal { code } } }"""
    assert (await ask(other, token, export))["code"] == "LEVEL_REQUIRED"
    # name and number are known to many
    typed = await ask(other, token, VERIFY, name=NAME, number=NUMBER)
    assert typed["code"] == "STRONGER_PROOF"
    for purpose in PURPOSES[1:2]:
        await ask(other, token, GRANT, purpose=purpose.id, version=purpose.text_version)
    proved = await ask(other, token, BY_PHONE, name=NAME, number=NUMBER)
    assert proved["level"] == 2
    assert await ask(other, proved["accessToken"], "{ mandates { id } }") == []
    assert await Citizen.all().count() == 1


async def test_coming_again_proves_nobody(phone: Handset, known: None, clock: ManualClock) -> None:
    """Neither on the device of the first visit, which is known by then, nor on a third."""
    other, _ = await _silent(phone, clock)
    for device in (other.device, {"id": "device-0003", "name": ""}):
        clock.move(domain.CODE_COOLDOWN)
        again = replace(other, device=device)
        token = (await again.sign_in())["accessToken"]
        assert await ask(again, token, "{ viewer { name level } }") == {"name": None, "level": 1}
    clock.move(domain.CODE_COOLDOWN)
    token = (await phone.sign_in())["accessToken"]
    assert (await ask(phone, token, "{ viewer { level } }"))["level"] == 2, "its owner's own device"


async def test_a_recycled_number_gets_an_account_of_its_own(
    phone: Handset, known: None, clock: ManualClock, proofs: FakeProofs, app: App
) -> None:
    other, token = await _silent(phone, clock)
    mine = await ask(other, token, VERIFY, name=OTHER_NAME, number=OTHER_NUMBER)
    assert (mine["level"], mine["viewer"]["name"]) == (2, "*想")
    old, new = sorted(await Citizen.all(), key=lambda row: row.phone_index is not None)
    assert old.phone_index is None and old.level == 2 and str(new.id) == mine["viewer"]["id"]
    assert await ask(other, mine["accessToken"], "{ mandates { id } }") == []
    # whose number it was gets the account back on a new one
    moved = Handset(phone.client, phone.sms, "13700137000", {"id": "device-0003", "name": ""})
    proofs.phones[moved.number] = NUMBER
    token = await agreed(moved)
    typed = await ask(moved, token, VERIFY, name=NAME, number=NUMBER)
    assert typed["code"] == "CLAIM_REQUIRED"
    back = await ask(moved, token, BY_PHONE, name=NAME, number=NUMBER)
    assert back["viewer"]["id"] == str(old.id)
    await old.refresh_from_db()
    assert old.phone_index == app.vault.blind_index(moved.number, PHONE)


def test_proofs_have_an_order() -> None:
    order = list(Assurance)
    for n, proof in enumerate(order):
        for m, other in enumerate(order):
            assert proof.is_stronger_than(other) is (n > m)
    assert Assurance.CARRIER.is_stronger_than(None)
    assert not Assurance.TYPED.is_stronger_than(None)


def test_a_rule_admits_who_is_not_proved_only_where_it_says_so(clock: ManualClock) -> None:
    viewer = Viewer(uuid4(), uuid4(), 1, frozenset(), clock.now(), proved=False)
    decide(viewer, Need(level=1, proved=False), clock.now())
    from core.errors import LoginRequired

    with pytest.raises(LoginRequired):
        decide(viewer, Need(level=1), clock.now())
