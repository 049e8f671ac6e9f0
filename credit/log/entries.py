"""What the log holds: decisions, overrides, reviews and outcomes, each of its own form.

The chain holds what must never change and names nobody: who decided, by which model, policy and
code, and what came out. What a person told us (the application, the reasons, a reviewer's words)
is the entry's body: encrypted under a key of its own and kept outside the chain, which holds only
the hash of the ciphertext. Destroy the key and the chain still verifies; nothing can be read.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.clock import civil_date, ensure_utc
from credit.engine.decision import Decision, Engine
from credit.engine.version import engine_sha256
from credit.policy.rules import Outcome
from credit.storage.errors import LogError
from credit.storage.seals import canonical, fingerprint

_NONCE = bytes(12)
"""Each key encrypts one body, so one nonce is enough."""


class Kind(StrEnum):
    """The kinds of entries."""

    DECISION = "decision"
    OVERRIDE = "override"
    REVIEW = "review"
    OUTCOME = "outcome"


@dataclass(frozen=True)
class Subject:
    """What an entry is about. `key` is the caller's idempotency key: one entry for each."""

    application_id: str
    key: str
    bank: str
    product: str


@dataclass(frozen=True)
class Sealed:
    """An entry's body: ciphertext, its hash, and the one key that opens it."""

    hash: str
    body: bytes
    key: bytes


@dataclass(frozen=True)
class Draft:
    """An entry to be: what goes into the chain, and the sealed body beside it."""

    payload: dict[str, Any]
    sealed: Sealed


def decision_entry(
    subject: Subject, engine: Engine, application: Mapping[str, Any], at: datetime
) -> tuple[Decision, Draft]:
    """Decide, and the entry that records it. Raises InputError."""
    on = civil_date(at)
    decision = engine.decide(application, on)
    body = {"application": dict(application), "decision": decision.plain()}
    payload = {
        "champion": engine.champion.hash,
        "challengers": [other.hash for other in engine.challengers],
        "shadows": [other.hash for other in engine.shadows],
        "policy_hash": engine.policy.hash,
        "policy": engine.policy.id,
        "code": engine_sha256(),
        "outcome": str(decision.outcome),
        "pd_prob": decision.pd_prob,
        "score": decision.score,
        "limit": decision.limit,
    }
    return decision, _draft(Kind.DECISION, subject, at, payload, body)


def override_entry(
    subject: Subject, decision_hash: str, outcome: Outcome, by: str, reason: str, at: datetime
) -> Draft:
    """A person decided otherwise. Raises LogError without a name or a reason."""
    if not by.strip() or not reason.strip():
        raise LogError("an override needs somebody and a reason")
    payload = {"decision": decision_hash, "outcome": str(outcome), "by": by}
    return _draft(Kind.OVERRIDE, subject, at, payload, {"reason": reason})


def review_entry(
    subject: Subject, decision_hash: str, outcome: Outcome, by: str, note: str, at: datetime
) -> Draft:
    """A person settled what was referred, or looked again at the applicant's wish."""
    if not by.strip():
        raise LogError("a review needs somebody")
    payload = {"decision": decision_hash, "outcome": str(outcome), "by": by}
    return _draft(Kind.REVIEW, subject, at, payload, {"note": note})


def outcome_entry(
    subject: Subject, decision_hash: str, defaulted: bool, observed_on: date, at: datetime
) -> Draft:
    """What came true: the next model's training data."""
    payload = {
        "decision": decision_hash,
        "defaulted": defaulted,
        "observed_on": observed_on.isoformat(),
    }
    return _draft(Kind.OUTCOME, subject, at, payload, {})


def _draft(
    kind: Kind, subject: Subject, at: datetime, payload: dict[str, Any], body: dict[str, Any]
) -> Draft:
    sealed = seal_body(body)
    head = {
        "kind": str(kind),
        "application_id": subject.application_id,
        "key": subject.key,
        "bank": subject.bank,
        "product": subject.product,
        "at": ensure_utc(at).isoformat(),
        "on": civil_date(at).isoformat(),
        "body": sealed.hash,
    }
    return Draft(head | payload, sealed)


def seal_body(body: Mapping[str, Any]) -> Sealed:
    """Encrypt a body under a key made for it alone."""
    key = secrets.token_bytes(32)
    data = AESGCM(key).encrypt(_NONCE, canonical(body), None)
    return Sealed(fingerprint(data), data, key)


def open_body(body: bytes, key: bytes) -> dict[str, Any]:
    """The body behind a ciphertext. Raises LogError where it is not what was sealed."""
    try:
        opened: dict[str, Any] = orjson.loads(AESGCM(key).decrypt(_NONCE, body, None))
    except Exception as error:  # the library has its own
        raise LogError("an entry's body does not open: it was changed") from error
    return opened


def must_match(payload: Mapping[str, Any], draft: Draft, stored: Mapping[str, Any] | None) -> None:
    """Raises LogError where a key is used again for something else than it stands for.

    `stored` is the opened body of the entry that has the key, None where it was destroyed.
    """
    fields = ("kind", "application_id", "bank", "product", "decision", "by", "defaulted")
    same = all(payload.get(name) == draft.payload.get(name) for name in fields)
    if same and stored is not None:
        new = open_body(draft.sealed.body, draft.sealed.key)
        keys = ("application", "reason", "note")
        same = all(canonical(stored.get(name)) == canonical(new.get(name)) for name in keys)
    if not same:
        raise LogError(f"key {draft.payload['key']!r} stands for another entry already")
