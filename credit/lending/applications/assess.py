"""What is known of a company, source by source under its consents, and what the engine makes of it.

Silence is a fact: a source that was not asked, not consented to, or did not answer says so. Where
no champion and policy stand for a product nobody has assessed the application, and it says that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.clock import civil_date
from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import UpstreamError
from credit.api import (
    CreditError,
    Decision,
    Draft,
    Engine,
    Outcome,
    Subject,
    decision_entry,
    engine_for,
    registry_size,
    status_field,
)
from credit.lending.applications.domain import Facts
from credit.lending.companies.upstream import pull
from credit.lending.products.domain import Product
from credit.lending.records import store
from credit.lending.records.models import Company, Consent

ANSWERED, NONE, NOT_CONSENTED, DOWN = "answered", "none", "not_consented", "down"
_DEADLINE_S = 8.0


@dataclass(frozen=True, slots=True)
class Assessment:
    """What came out for one product. Without a decision nobody has assessed it."""

    facts: Sequence[Facts]
    decision: Decision | None = None
    draft: Draft | None = None

    @property
    def outcome(self) -> Outcome | None:
        """What the engine advises."""
        return None if self.decision is None else self.decision.outcome

    def plain(self) -> str | None:
        """What owner and bank are told of it: reasons, and what would help."""
        if self.decision is None:
            return None
        keys = ("outcome", "score", "limit", "rules", "reasons", "counterfactual", "absent")
        plain = self.decision.plain()
        return orjson.dumps(
            {key: plain[key] for key in (*keys, "policy", "model", "notice")}
        ).decode()


async def gather(app: App, company: Company, product: Product) -> list[Facts]:
    """What the product's sources know of a company, each under its live consent for this bank.

    Each pull looks its consent up anew. Outside any transaction.
    """
    facts = []
    for source in product.sources:
        live: Mapping[str, Consent] = {
            one.source: one for one in await store.list_live_consents(company.id, product.bank)
        }
        consent = live.get(source)
        if consent is None:
            facts.append(Facts(source, NOT_CONSENTED, {}))
            continue
        try:
            deadline = Deadline.after(_DEADLINE_S)
            answer = await pull(app, deadline, source, company.uscc, product.bank, consent.id)
        except UpstreamError:
            facts.append(Facts(source, DOWN, {}))
            continue
        status = ANSWERED if answer.has_record else NONE
        facts.append(Facts(source, status, answer.values if answer.has_record else {}))
    return facts


def assess(
    app: App, key: str, company: Company, product: Product, amount_fen: int, facts: Sequence[Facts]
) -> Assessment:
    """The engine's advice, with the log entry that records it; pure but for reading what stands."""
    now = app.clock.now()
    engine = _engine(app, product, civil_date(now))
    if engine is None:
        return Assessment(facts)
    return assess_with(engine, key, company, product, amount_fen, facts, now)


def assess_with(
    engine: Engine,
    key: str,
    company: Company,
    product: Product,
    amount_fen: int,
    facts: Sequence[Facts],
    at: datetime,
) -> Assessment:
    """The same by a given engine. Facts that the model cannot take leave it unassessed."""
    # what no source was asked for is blank; that nobody asked is its source's status
    fields: dict[str, Any] = {column.name: None for column in engine.desk.columns}
    fields |= {
        "loan_no": key,
        "uscc": company.uscc,
        "applied_on": civil_date(at).isoformat(),
        "district": company.district,
        "industry": company.industry,
        "requested_amount_fen": amount_fen,
    }
    for one in facts:
        fields |= {**one.values, status_field(one.source): one.status}
    subject = Subject(key, key, product.bank, product.code)
    try:
        decision, draft = decision_entry(subject, engine, fields, at)
    except CreditError:
        return Assessment(facts)
    return Assessment(facts, decision, draft)


def _engine(app: App, product: Product, on: date) -> Engine | None:
    """What stands for a product today, as of the registry's last entry; None where nothing does."""
    folder = app.settings.data_dir / "credit"

    def find() -> Engine | None:
        key = load_pem_private_key(app.keys.model_signing, None)
        assert isinstance(key, Ed25519PrivateKey)
        try:
            return engine_for(folder, [key.public_key()], product.bank, product.code, on)
        except CreditError:
            return None

    key = ("lending.engine", product.bank, product.code, on, registry_size(folder))
    return app.once(key, find)
