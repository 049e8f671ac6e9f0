"""Which model and which policy may do what: states, evidence, four people, and a signed memory.

draft → validated → champion | challenger | shadow → retired. Only a sealed report validates. A
promotion is proposed by one person and approved by another who names the proposal; author,
validator, proposer and approver are four people. A validation holds for a year, also a
champion's; open fairness findings need a risk officer's waiver. A policy is proposed and approved
by two. Every change is a signed entry of a hash chain and is checked again at every reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from core.clock import civil_date, ensure_utc
from credit.log.chain import GENESIS, ChainStore, Head, append_after, entries
from credit.registry.evidence import Evidence
from credit.registry.officers import Actor, Duty, Officers
from credit.storage.errors import RegistryError

VALID_FOR = timedelta(days=365)
ID_LETTERS = 12


class State(StrEnum):
    """Where a model version stands."""

    DRAFT = "draft"
    VALIDATED = "validated"
    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"
    RETIRED = "retired"


ROLES = (State.CHAMPION, State.CHALLENGER, State.SHADOW)

EDGES: Mapping[State, tuple[State, ...]] = {
    State.DRAFT: (State.RETIRED,),
    State.VALIDATED: (*ROLES, State.RETIRED),
    State.CHAMPION: (State.CHALLENGER, State.SHADOW, State.RETIRED),
    State.CHALLENGER: (State.CHAMPION, State.SHADOW, State.RETIRED),
    State.SHADOW: (State.CHAMPION, State.CHALLENGER, State.RETIRED),
    State.RETIRED: (),
}
"""What may be proposed; that a draft becomes validated is nobody's proposal but a report's."""

DUTIES: Mapping[str, Duty] = {
    "registered": Duty.AUTHOR,
    "validated": Duty.VALIDATOR,
    "waived": Duty.RISK,
    "proposed": Duty.PROPOSER,
    "approved": Duty.APPROVER,
    "policy proposed": Duty.PROPOSER,
    "policy approved": Duty.APPROVER,
}


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a model, by whom; `id` is the entry's own hash."""

    id: str
    state: State
    actor: str


@dataclass(frozen=True)
class Standing:
    """One model version as the registry sees it."""

    model: str
    spec: str
    state: State
    author: str
    parent: str | None = None
    validator: str | None = None
    report: str | None = None
    valid_until: date | None = None
    blocked: tuple[str, ...] = ()
    waived: bool = False
    proposal: Proposal | None = None

    def fault(self, on: date) -> str | None:
        """Why the model does not stand on a day; None where it does."""
        if self.valid_until is None:
            return "it is not validated"
        if on > self.valid_until:
            return f"its validation ended on {self.valid_until}"
        if self.blocked and not self.waived:
            return "open fairness findings: " + "; ".join(self.blocked)
        return None


@dataclass(frozen=True)
class PolicyStanding:
    """One policy version: approved by two people, or proposed by one."""

    hash: str
    id: str
    proposer: str
    proposal: str
    approver: str | None = None


@dataclass(frozen=True)
class Book:
    """All that the registry knows at one head of its chain."""

    head: Head
    models: Mapping[str, Standing]
    policies: Mapping[str, PolicyStanding]

    def model(self, name: str) -> Standing:
        """Raises RegistryError for a model that is not registered."""
        if name not in self.models:
            raise RegistryError(f"model {name[:ID_LETTERS]} is not registered")
        return self.models[name]


@dataclass
class Registry:
    """Model and policy versions, rebuilt and checked from the chain on every call."""

    store: ChainStore
    officers: Officers = field(default_factory=lambda: Officers({}))

    def book(self) -> Book:
        """Every version by hash. Raises LogError if the chain is broken, RegistryError for an
        entry that is not signed by whoever it names."""
        models: dict[str, Standing] = {}
        policies: dict[str, PolicyStanding] = {}
        head, before = self.store.head(), GENESIS
        for entry in entries(self.store):
            payload = dict(entry.payload)
            signature = payload.pop("signature", "")
            on = date.fromisoformat(payload["on"])
            self.officers.check(payload, signature, DUTIES[payload["event"]], on)
            if payload["after"] != before:
                raise RegistryError(f"entry {entry.number} was signed for another place")
            before = entry.hash
            if payload["event"].startswith("policy"):
                _apply_policy(policies, payload, entry.hash)
            else:
                _apply(models, payload, entry.hash)
        return Book(head, models, policies)

    def serving(self, spec: str, on: date) -> dict[State, list[str]]:
        """Hashes of what stands on a day, by role, for one spec; at most one champion."""
        out: dict[State, list[str]] = {role: [] for role in ROLES}
        for standing in self.book().models.values():
            if standing.spec == spec and standing.state in out and standing.fault(on) is None:
                out[standing.state].append(standing.model)
        return out

    def register(
        self, model: str, spec: str, actor: Actor, at: datetime, *, parent: str | None = None
    ) -> None:
        """Enter a new version as a draft. Raises RegistryError if it is already known."""
        book = self.book()
        if model in book.models:
            raise RegistryError(f"model {model[:ID_LETTERS]} is already registered")
        self._write(book, "registered", actor, at, model=model, spec=spec, parent=parent)

    def validate(self, model: str, evidence: Evidence, actor: Actor, at: datetime) -> None:
        """Record a report. A version that serves keeps its state: it is validated anew."""
        book = self.book()
        standing = book.model(model)
        if standing.state is State.RETIRED:
            raise RegistryError("a retired model is not validated again")
        if actor.officer.id == standing.author:
            raise RegistryError("a model is validated by someone other than its author")
        until = civil_date(at) + VALID_FOR
        self._write(
            book, "validated", actor, at, model=model, valid_until=until.isoformat(),
            evidence=vars(evidence) | {"findings": sorted(evidence.findings)},
        )  # fmt: skip

    def waive(self, model: str, findings: tuple[str, ...], reason: str, actor: Actor,
              at: datetime) -> None:  # fmt: skip
        """Accept a model's open findings, named one by one, as a risk officer."""
        book = self.book()
        standing = book.model(model)
        if not standing.blocked or sorted(findings) != sorted(standing.blocked):
            raise RegistryError("the waiver does not name exactly the open findings")
        if not reason.strip():
            raise RegistryError("a waiver needs a reason")
        self._write(
            book, "waived", actor, at, model=model, findings=sorted(findings), reason=reason
        )

    def propose(self, model: str, state: State, actor: Actor, at: datetime) -> str:
        """First pair of eyes; returns the proposal's id. Raises RegistryError for a step that the
        states do not allow, or a role for a model that does not stand."""
        book = self.book()
        standing = book.model(model)
        _may_become(standing, state, civil_date(at))
        if state in ROLES:
            _all_different(standing, actor.officer.id)
        return self._write(book, "proposed", actor, at, model=model, state=str(state))

    def approve(self, model: str, proposal: str, actor: Actor, at: datetime) -> State:
        """Second pair of eyes on exactly this proposal; a new champion retires the old one."""
        book = self.book()
        standing = book.model(model)
        known = standing.proposal
        if known is None:
            raise RegistryError(f"nothing is proposed for model {model[:ID_LETTERS]}")
        if len(proposal) < 8 or not known.id.startswith(proposal):
            raise RegistryError(
                f"{proposal!r} is not what is proposed now: {known.id[:ID_LETTERS]}"
            )
        if actor.officer.id == known.actor:
            raise RegistryError("a proposal is approved by someone else than its proposer")
        _may_become(standing, known.state, civil_date(at))
        if known.state in ROLES:
            _all_different(standing, known.actor, actor.officer.id)
        self._write(
            book, "approved", actor, at, model=model, state=str(known.state), proposal=known.id
        )
        return known.state

    def propose_policy(self, digest: str, policy_id: str, actor: Actor, at: datetime) -> str:
        """First pair of eyes on a policy file; returns the proposal's id."""
        book = self.book()
        other = next((p for p in book.policies.values() if p.id == policy_id and p.approver), None)
        if other is not None:
            raise RegistryError(
                f"policy {policy_id} is approved already; a change is a new version"
            )
        return self._write(book, "policy proposed", actor, at, policy=digest, id=policy_id)

    def approve_policy(self, proposal: str, actor: Actor, at: datetime) -> str:
        """Second pair of eyes; returns the policy's hash."""
        book = self.book()
        found = [
            p for p in book.policies.values()
            if len(proposal) >= 8 and p.proposal.startswith(proposal) and p.approver is None
        ]  # fmt: skip
        if len(found) != 1:
            raise RegistryError(f"{proposal!r} is no open proposal of a policy")
        if actor.officer.id == found[0].proposer:
            raise RegistryError("a policy is approved by someone else than its proposer")
        self._write(
            book, "policy approved", actor, at, policy=found[0].hash, proposal=found[0].proposal
        )
        return found[0].hash

    def _write(self, book: Book, event: str, actor: Actor, at: datetime, **more: Any) -> str:
        """Append, signed, unless somebody else changed the registry since it was read."""
        payload = {
            "event": event,
            "actor": actor.officer.id,
            "at": ensure_utc(at).isoformat(),
            "on": civil_date(at).isoformat(),
            # a signed entry is good for this place in the chain alone
            "after": book.head.hash,
            **more,
        }
        signature = actor.signature(payload)
        self.officers.check(payload, signature, DUTIES[event], civil_date(at))
        entry = append_after(self.store, book.head, {**payload, "signature": signature})
        if entry is None:
            raise RegistryError("the registry changed meanwhile; look again")
        return entry.hash


def _may_become(standing: Standing, state: State, on: date) -> None:
    if state not in EDGES[standing.state]:
        raise RegistryError(f"a {standing.state} model cannot become {state}")
    fault = standing.fault(on) if state in ROLES else None
    if fault:
        raise RegistryError(fault)


def _all_different(standing: Standing, *people: str) -> None:
    everybody = [standing.author, str(standing.validator), *people]
    if len(set(everybody)) < len(everybody):
        raise RegistryError(
            "author, validator, proposer and approver must be someone else each: "
            + ", ".join(everybody)
        )


def _apply(models: dict[str, Standing], payload: Mapping[str, Any], digest: str) -> None:
    """One event onto the standings."""
    model, event = payload["model"], payload["event"]
    if event == "registered":
        models[model] = Standing(
            model, payload["spec"], State.DRAFT, payload["actor"], payload["parent"]
        )
        return
    standing = models[model]
    if event == "validated":
        state = State.VALIDATED if standing.state is State.DRAFT else standing.state
        models[model] = replace(
            standing, state=state, validator=payload["actor"],
            report=payload["evidence"]["report"],
            valid_until=date.fromisoformat(payload["valid_until"]),
            blocked=tuple(payload["evidence"]["findings"]), waived=False,
        )  # fmt: skip
    elif event == "waived":
        models[model] = replace(standing, waived=True)
    elif event == "proposed":
        proposal = Proposal(digest, State(payload["state"]), payload["actor"])
        models[model] = replace(standing, proposal=proposal)
    elif event == "approved":
        role = State(payload["state"])
        if role is State.CHAMPION:
            _retire_champion(models, standing.spec)
        models[model] = replace(standing, state=role, proposal=None)


def _retire_champion(models: dict[str, Standing], spec: str) -> None:
    for model, standing in models.items():
        if standing.spec == spec and standing.state is State.CHAMPION:
            models[model] = replace(standing, state=State.RETIRED)


def _apply_policy(
    policies: dict[str, PolicyStanding], payload: Mapping[str, Any], digest: str
) -> None:
    name = payload["policy"]
    if payload["event"] == "policy proposed":
        policies[name] = PolicyStanding(name, payload["id"], payload["actor"], digest)
    else:
        policies[name] = replace(policies[name], approver=payload["actor"])
