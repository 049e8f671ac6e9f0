"""The registry: evidence, four people, a memory nobody can rewrite, nothing written on refusal."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from credit.log.chain import MemoryStore, append
from credit.registry.evidence import Evidence, Floors, read_evidence, write_report
from credit.registry.officers import Actor, Duty, Officer, Officers, entry_of, read_officers
from credit.registry.registry import EDGES, Registry, State
from credit.storage.errors import LogError, RegistryError
from credit.storage.seals import canonical, public_hex

from .conftest import KEY

AT = datetime(2025, 6, 30, tzinfo=UTC)
ON = date(2025, 6, 30)
A, B = "a" * 64, "b" * 64
FINDING = "region=370126 (0.71)"
GOOD = Evidence("r" * 64, "out of time", 1_000, 0.8, "p" * 64, ())

EVERYTHING = frozenset(Duty)


def person(number: int, duties=EVERYTHING) -> Actor:
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return Actor(Officer(f"s{number}", f"name {number}", duties, public_hex(key.public_key())), key)


ZHAO, QIAN, SUN, LI, WANG = (person(n) for n in range(1, 6))


@pytest.fixture
def registry():
    everybody = [ZHAO, QIAN, SUN, LI, WANG]
    return Registry(MemoryStore(), Officers({a.officer.id: a.officer for a in everybody}))


def validated(registry, model=A, evidence=GOOD, at=AT):
    registry.register(model, "jinan", ZHAO, at)
    registry.validate(model, evidence, QIAN, at)


def serve(registry, model, state, at=AT):
    registry.approve(model, registry.propose(model, state, SUN, at), LI, at)


def refused(registry, match, call):
    before = list(registry.store.lines())
    with pytest.raises(RegistryError, match=match):
        call()
    assert list(registry.store.lines()) == before


def state(registry, model=A):
    return registry.book().model(model).state


def test_from_draft_to_champion(registry):
    validated(registry)
    assert state(registry) is State.VALIDATED
    serve(registry, A, State.CHAMPION)
    assert registry.serving("jinan", ON)[State.CHAMPION] == [A]
    assert registry.serving("sba", ON)[State.CHAMPION] == []


def test_a_draft_is_validated_by_nothing_but_a_report(registry):
    registry.register(A, "jinan", ZHAO, AT)
    for target in State:
        if target not in EDGES[State.DRAFT]:
            refused(registry, "cannot become", lambda s=target: registry.propose(A, s, SUN, AT))
    assert State.VALIDATED not in {s for edges in EDGES.values() for s in edges}


def test_four_different_people(registry):
    """By who they are: the same key is the same person, whatever it calls itself."""
    registry.register(A, "jinan", ZHAO, AT)
    refused(registry, "other than its author", lambda: registry.validate(A, GOOD, ZHAO, AT))
    registry.validate(A, GOOD, QIAN, AT)
    for same in (ZHAO, QIAN):
        refused(
            registry, "someone else each", lambda p=same: registry.propose(A, State.SHADOW, p, AT)
        )
    proposal = registry.propose(A, State.SHADOW, SUN, AT)
    refused(registry, "than its proposer", lambda: registry.approve(A, proposal, SUN, AT))
    for same in (ZHAO, QIAN):
        refused(registry, "someone else each", lambda p=same: registry.approve(A, proposal, p, AT))
    registry.approve(A, proposal, LI, AT)


def test_a_stranger_or_a_person_of_another_duty_does_nothing(registry):
    stranger = person(9)
    refused(registry, "no officer", lambda: registry.register(A, "jinan", stranger, AT))
    impostor = Actor(ZHAO.officer, stranger.key)
    refused(registry, "does not hold", lambda: registry.register(A, "jinan", impostor, AT))
    clerk = person(5, frozenset({Duty.AUTHOR}))
    registry.officers = Officers({**registry.officers.people, "s5": clerk.officer})
    registry.register(A, "jinan", ZHAO, AT)
    refused(registry, "may not act as validator", lambda: registry.validate(A, GOOD, clerk, AT))
    gone = replace(QIAN.officer, until=date(2025, 1, 1))
    registry.officers = Officers({**registry.officers.people, "s2": gone})
    refused(registry, "left on 2025-01-01", lambda: registry.validate(A, GOOD, QIAN, AT))


def test_an_approval_names_what_it_approves(registry):
    validated(registry)
    seen = registry.propose(A, State.SHADOW, SUN, AT)
    replaced = registry.propose(A, State.CHAMPION, SUN, AT)
    refused(registry, "not what is proposed now", lambda: registry.approve(A, seen, LI, AT))
    assert registry.approve(A, replaced[:8], LI, AT) is State.CHAMPION


def test_a_validation_holds_for_a_year_also_a_champions(registry):
    validated(registry)
    serve(registry, A, State.CHAMPION)
    later = AT + timedelta(days=366)
    assert registry.serving("jinan", later.date())[State.CHAMPION] == []
    assert "ended on" in registry.book().model(A).fault(later.date())
    refused(registry, "validation ended", lambda: registry.propose(A, State.CHALLENGER, SUN, later))
    registry.validate(A, GOOD, WANG, later)
    assert state(registry) is State.CHAMPION
    assert registry.serving("jinan", later.date())[State.CHAMPION] == [A]


def test_a_new_finding_on_a_champion_has_a_way_in(registry):
    validated(registry)
    serve(registry, A, State.CHAMPION)
    registry.validate(A, replace(GOOD, findings=(FINDING,)), QIAN, AT)
    assert registry.serving("jinan", ON)[State.CHAMPION] == []
    registry.waive(A, (FINDING,), "few loans there yet", WANG, AT)
    assert registry.serving("jinan", ON)[State.CHAMPION] == [A]


def test_open_fairness_findings_block_until_waived_one_by_one(registry):
    validated(registry, evidence=replace(GOOD, findings=(FINDING,)))
    refused(
        registry, "open fairness findings", lambda: registry.propose(A, State.CHAMPION, SUN, AT)
    )
    for named in ((), ("region=370101 (0.5)",), (FINDING, FINDING)):
        refused(
            registry,
            "exactly the open findings",
            lambda f=named: registry.waive(A, f, "x", WANG, AT),
        )
    refused(registry, "needs a reason", lambda: registry.waive(A, (FINDING,), " ", WANG, AT))
    registry.waive(A, (FINDING,), "few loans there yet", WANG, AT)
    serve(registry, A, State.CHAMPION)


def test_a_new_champion_retires_the_old_one_for_good(registry):
    for model in (A, B):
        validated(registry, model)
        serve(registry, model, State.CHAMPION)
    assert registry.serving("jinan", ON)[State.CHAMPION] == [B]
    assert state(registry) is State.RETIRED
    for target in State:
        refused(registry, "cannot become", lambda s=target: registry.propose(A, s, SUN, AT))
    refused(registry, "not validated again", lambda: registry.validate(A, GOOD, QIAN, AT))


def test_shadow_and_challenger_may_be_promoted(registry):
    validated(registry)
    for role in (State.SHADOW, State.CHALLENGER, State.CHAMPION):
        serve(registry, A, role)
    assert state(registry) is State.CHAMPION


def test_nothing_happens_twice_or_to_strangers(registry):
    registry.register(A, "jinan", ZHAO, AT)
    refused(registry, "already", lambda: registry.register(A, "jinan", ZHAO, AT))
    refused(registry, "not registered", lambda: registry.validate(B, GOOD, QIAN, AT))
    refused(registry, "nothing is proposed", lambda: registry.approve(A, "0" * 12, LI, AT))


def test_an_entry_that_nobody_signed_is_found(registry):
    """Also one that was signed for another place in the chain."""
    validated(registry)
    signed = next(iter(registry.store.lines()))
    copy = Registry(MemoryStore(list(registry.store.lines())), registry.officers)
    append(copy.store, orjson.loads(signed)["payload"])
    with pytest.raises(RegistryError, match="signed for another place"):
        copy.book()
    forged = Registry(MemoryStore(list(registry.store.lines())), registry.officers)
    payload = orjson.loads(signed)["payload"] | {"model": B}
    append(forged.store, payload)
    with pytest.raises(RegistryError, match="signature of officer s1 does not hold"):
        forged.book()
    broken = MemoryStore([line.replace(b"jinan", b"sba") for line in registry.store.lines()])
    with pytest.raises((LogError, RegistryError)):
        Registry(broken, registry.officers).book()


def test_policies_take_two_people_and_a_new_version(registry):
    proposal = registry.propose_policy("f" * 64, "bank/loan/1", SUN, AT)
    refused(registry, "than its proposer", lambda: registry.approve_policy(proposal, SUN, AT))
    refused(registry, "no open proposal", lambda: registry.approve_policy("0" * 12, LI, AT))
    assert registry.approve_policy(proposal[:10], LI, AT) == "f" * 64
    refused(
        registry,
        "approved already",
        lambda: registry.propose_policy("e" * 64, "bank/loan/1", SUN, AT),
    )


def test_officers_are_known_by_one_key_each(tmp_path):
    path = tmp_path / "officers.toml"
    path.write_text(entry_of(ZHAO.officer) + entry_of(QIAN.officer))
    officers = read_officers(path)
    assert officers.actor(QIAN.key).officer.id == "s2"
    with pytest.raises(RegistryError, match="no officer"):
        officers.actor(SUN.key)
    for twin in (replace(ZHAO.officer, id="other"), replace(QIAN.officer, id="s1")):
        path.write_text(entry_of(ZHAO.officer) + entry_of(twin))
        with pytest.raises(RegistryError, match="two officers have one"):
            read_officers(path)
    assert read_officers(tmp_path / "absent.toml").people == {}


REPORT = {
    "model": A, "sample": "out of time", "rows": 900, "base_rate": 0.1, "policy_hash": "p",
    "figures": {"auc": {"value": 0.7, "low": 0.66}}, "fairness": [],
}  # fmt: skip


def evidence_of(tmp_path, **changes):
    path = tmp_path / "r.json"
    write_report(path, REPORT | changes, KEY)
    return read_evidence(path, A, [KEY.public_key()], Floors())


def test_a_report_is_evidence_only_with_its_seal(tmp_path):
    evidence = evidence_of(tmp_path)
    assert (evidence.rows, evidence.auc, evidence.sample) == (900, 0.7, "out of time")
    path = tmp_path / "r.json"
    told = path.read_bytes()
    for better in (told.replace(b"0.66", b"0.67"), canonical(REPORT)):
        path.write_bytes(better)
        with pytest.raises(RegistryError, match="it was changed"):
            read_evidence(path, A, [KEY.public_key()], Floors())
    path.write_bytes(told)
    with pytest.raises(RegistryError, match="unknown key"):
        read_evidence(path, A, [ZHAO.key.public_key()], Floors())
    (tmp_path / "r.json.sig").unlink()
    with pytest.raises(RegistryError, match="absent: a report counts only with its seal"):
        read_evidence(path, A, [KEY.public_key()], Floors())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"model": B}, "tells of model bbbbbbbbbbbb"),
        ({"sample": "in sample"}, "its rows are in sample"),
        ({"rows": 40}, "40 rows, at least 300"),
        ({"base_rate": 0.01}, "9 bad loans"),
        ({"figures": {"auc": {"value": 0.5, "low": 0.45}}}, "as low as 0.450"),
    ],
)
def test_a_report_below_the_floors_validates_nothing(tmp_path, changes, match):
    with pytest.raises(RegistryError, match=match):
        evidence_of(tmp_path, **changes)
