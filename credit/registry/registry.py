"""Which model may do what: states, four eyes, and a memory nobody can rewrite.

draft → validated → champion | challenger | shadow → retired. Every change is an entry of a hash
chain. A promotion is proposed by one person and approved by another; a model whose fairness
report has open findings needs a waiver signed with a risk officer's key first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.clock import ensure_utc
from credit.errors import RegistryError
from credit.log.chain import ChainStore, Head, append_after, entries
from credit.seals import canonical, public_hex


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
    State.DRAFT: (State.VALIDATED, State.RETIRED),
    State.VALIDATED: (*ROLES, State.RETIRED),
    State.CHAMPION: (State.CHALLENGER, State.SHADOW, State.RETIRED),
    State.CHALLENGER: (State.CHAMPION, State.SHADOW, State.RETIRED),
    State.SHADOW: (State.CHAMPION, State.CHALLENGER, State.RETIRED),
    State.RETIRED: (),
}


@dataclass(frozen=True)
class Standing:
    """One model version as the registry sees it. `proposal` is (state, by whom) or None."""

    model: str
    spec: str
    state: State
    author: str
    parent: str | None = None
    blocked: tuple[str, ...] = ()
    waived: bool = False
    proposal: tuple[State, str] | None = None


@dataclass(frozen=True)
class Waiver:
    """A risk officer's signed acceptance of a model's open fairness findings."""

    model: str
    findings: tuple[str, ...]
    reason: str
    signer: str
    signature: str

    @staticmethod
    def sign(model: str, findings: Sequence[str], reason: str, key: Ed25519PrivateKey) -> "Waiver":
        """Sign exactly these findings of exactly this model."""
        body = _waiver_bytes(model, tuple(findings), reason)
        return Waiver(
            model, tuple(findings), reason, public_hex(key.public_key()), key.sign(body).hex()
        )


def _waiver_bytes(model: str, findings: tuple[str, ...], reason: str) -> bytes:
    return canonical({"model": model, "findings": sorted(findings), "reason": reason})


@dataclass
class Registry:
    """Model versions and their states, rebuilt from the chain on every call.

    `risk_officers` are the public keys that may sign waivers.
    """

    store: ChainStore
    risk_officers: Sequence[Ed25519PublicKey] = field(default=())

    def standings(self) -> dict[str, Standing]:
        """Every model version by hash. Raises LogError if the chain is broken."""
        found: dict[str, Standing] = {}
        for entry in entries(self.store):
            _apply(found, entry.payload)
        return found

    def serving(self, spec: str) -> dict[State, list[str]]:
        """Hashes by role for one spec; at most one champion."""
        out: dict[State, list[str]] = {role: [] for role in ROLES}
        for standing in self.standings().values():
            if standing.spec == spec and standing.state in out:
                out[standing.state].append(standing.model)
        return out

    def register(
        self, model: str, spec: str, actor: str, at: datetime, *, parent: str | None = None
    ) -> None:
        """Enter a new version as a draft. Raises RegistryError if it is already known."""
        head = self.store.head()
        if model in self.standings():
            raise RegistryError(f"model {model[:12]} is already registered")
        self._write(head, "registered", model, actor, at, spec=spec, parent=parent)

    def validate(
        self, model: str, actor: str, at: datetime, *, blocked: Sequence[str] = ()
    ) -> None:
        """Record the validation report's verdict: `blocked` names its open fairness findings."""
        head, standing = self._standing(model)
        _allowed(standing, State.VALIDATED)
        if actor == standing.author:
            raise RegistryError("a model is validated by someone other than its author")
        self._write(head, "validated", model, actor, at, blocked=sorted(blocked))

    def waive(self, waiver: Waiver, actor: str, at: datetime) -> None:
        """Accept a model's open findings. Raises RegistryError unless signed by a risk officer."""
        head, standing = self._standing(waiver.model)
        if sorted(waiver.findings) != sorted(standing.blocked):
            raise RegistryError("the waiver does not name exactly the open findings")
        key = next((k for k in self.risk_officers if public_hex(k) == waiver.signer), None)
        if key is None:
            raise RegistryError("the waiver is not signed by a risk officer")
        body = _waiver_bytes(waiver.model, waiver.findings, waiver.reason)
        try:
            key.verify(bytes.fromhex(waiver.signature), body)
        except (InvalidSignature, ValueError):
            raise RegistryError("the waiver's signature does not hold") from None
        self._write(
            head,
            "waived",
            waiver.model,
            actor,
            at,
            reason=waiver.reason,
            signer=waiver.signer,
            signature=waiver.signature,
        )

    def propose(self, model: str, state: State, actor: str, at: datetime) -> None:
        """First pair of eyes. Raises RegistryError for a step the states do not allow."""
        head, standing = self._standing(model)
        _allowed(standing, state)
        if state in ROLES and standing.blocked and not standing.waived:
            raise RegistryError("open fairness findings: " + "; ".join(standing.blocked))
        self._write(head, "proposed", model, actor, at, state=str(state))

    def approve(self, model: str, actor: str, at: datetime) -> None:
        """Second pair of eyes; a new champion sends the old one to retirement."""
        head, standing = self._standing(model)
        if standing.proposal is None:
            raise RegistryError(f"nothing is proposed for model {model[:12]}")
        state, proposer = standing.proposal
        if actor == proposer:
            raise RegistryError("a proposal is approved by someone else than its proposer")
        _allowed(standing, state)
        self._write(head, "approved", model, actor, at, state=str(state))

    def _standing(self, model: str) -> tuple[Head, Standing]:
        head = self.store.head()
        standings = self.standings()
        if model not in standings:
            raise RegistryError(f"model {model[:12]} is not registered")
        return head, standings[model]

    def _write(
        self, head: Head, event: str, model: str, actor: str, at: datetime, **more: Any
    ) -> None:
        """Append, unless somebody else changed the registry since it was read."""
        if not actor.strip():
            raise RegistryError("an actor must be named")
        moment = ensure_utc(at).isoformat()
        payload = {"event": event, "model": model, "actor": actor, "at": moment, **more}
        if not append_after(self.store, head, payload):
            raise RegistryError("the registry changed meanwhile; look again")


def _allowed(standing: Standing, state: State) -> None:
    if state not in EDGES[standing.state]:
        raise RegistryError(f"a {standing.state} model cannot become {state}")


def _apply(found: dict[str, Standing], payload: Mapping[str, Any]) -> None:
    """One event onto the standings."""
    model, event = payload["model"], payload["event"]
    if event == "registered":
        found[model] = Standing(
            model, payload["spec"], State.DRAFT, payload["actor"], payload["parent"]
        )
        return
    standing = found[model]
    if event == "validated":
        blocked = tuple(payload["blocked"])
        found[model] = replace(standing, state=State.VALIDATED, blocked=blocked)
    elif event == "waived":
        found[model] = replace(standing, waived=True)
    elif event == "proposed":
        found[model] = replace(standing, proposal=(State(payload["state"]), payload["actor"]))
    elif event == "approved":
        state = State(payload["state"])
        if state is State.CHAMPION:
            _retire_champion(found, standing.spec)
        found[model] = replace(standing, state=state, proposal=None)


def _retire_champion(found: dict[str, Standing], spec: str) -> None:
    for model, standing in found.items():
        if standing.spec == spec and standing.state is State.CHAMPION:
            found[model] = replace(standing, state=State.RETIRED)
