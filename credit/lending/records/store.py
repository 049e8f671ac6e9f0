"""Every query of lending."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from tortoise.models import Model

from core.database import Transaction, connection, fetch_all, fetch_model, fetch_one, update_model
from credit.lending.records.models import (
    BankApplication,
    Company,
    Consent,
    Contract,
    LoanEventRow,
    LoanRow,
    Member,
    ProductVersion,
)


async def insert(tx: Transaction, model: type[Model], **values: object) -> None:
    """Write a row."""
    await model.create(using_db=tx, **values)


# Products


async def list_published() -> Sequence[ProductVersion]:
    """The version in force of each product, by code."""
    return await ProductVersion.filter(state="PUBLISHED").order_by("code")


async def list_versions(
    *, bank: str | None = None, state: str | None = None
) -> Sequence[ProductVersion]:
    """Versions, newest first."""
    rows = ProductVersion.all()
    if bank is not None:
        rows = rows.filter(bank=bank)
    if state is not None:
        rows = rows.filter(state=state)
    return await rows.order_by("code", "-version").limit(200)


async def find_version(code: str, version: int) -> ProductVersion | None:
    """One version."""
    return await ProductVersion.filter(code=code, version=version).first()


async def lock_version(tx: Transaction, version_id: UUID) -> ProductVersion | None:
    """One version, locked."""
    return await fetch_model(tx, ProductVersion, "WHERE id = $1 FOR UPDATE", version_id)


async def next_version(tx: Transaction, code: str) -> int:
    """The number of a product's next version; the caller holds the product's turn."""
    row = await fetch_one(
        tx,
        "SELECT coalesce(max(version), 0) + 1 AS next FROM lending_product_version WHERE code = $1",
        code,
    )
    assert row is not None
    return int(row["next"])


async def publish_version(tx: Transaction, row: ProductVersion, by: str, now: object) -> None:
    """Put a version in force in place of the one before it."""
    await tx.execute_query(
        """UPDATE lending_product_version SET state = 'RETIRED'
            WHERE code = $1 AND state = 'PUBLISHED'""",
        [row.code],
    )
    await tx.execute_query(
        """UPDATE lending_product_version
              SET state = 'PUBLISHED', approver = $2, published_at = $3 WHERE id = $1""",
        [row.id, by, now],
    )


async def set_version_state(tx: Transaction, version_id: UUID, state: str, by: str) -> None:
    """Reject a proposal."""
    await tx.execute_query(
        "UPDATE lending_product_version SET state = $2, approver = $3 WHERE id = $1",
        [version_id, state, by],
    )


async def list_banks() -> Sequence[str]:
    """Every bank that has, or had, a product."""
    rows = await fetch_all(connection(), "SELECT DISTINCT bank FROM lending_product_version")
    return sorted(row["bank"] for row in rows)


# Companies


async def find_company(company_id: UUID) -> Company | None:
    """A company."""
    return await Company.filter(id=company_id).first()


async def find_by_uscc(uscc: str) -> Company | None:
    """A company by its code."""
    return await Company.filter(uscc=uscc).first()


async def list_company_ids(tx: Transaction) -> Mapping[str, UUID]:
    """Every company's id by its code: some thousands."""
    rows = await fetch_all(tx, "SELECT uscc, id FROM lending_company")
    return {row["uscc"]: row["id"] for row in rows}


async def find_member(company_id: UUID, person_id: UUID) -> Member | None:
    """Somebody's right to act for a company, while it lasts."""
    return await Member.filter(
        company_id=company_id, person_id=person_id, ended_at__isnull=True
    ).first()


async def list_companies_of(person_id: UUID) -> Sequence[tuple[Company, Member]]:
    """The companies that somebody may act for, at most fifty."""
    members = await Member.filter(person_id=person_id, ended_at__isnull=True).limit(50)
    companies = {c.id: c for c in await Company.filter(id__in=[m.company_id for m in members])}
    return [(companies[member.company_id], member) for member in members]


async def list_members(company_id: UUID) -> Sequence[Member]:
    """Who may act for a company."""
    return await Member.filter(company_id=company_id, ended_at__isnull=True).order_by("since")


async def list_live_consents(
    company_id: UUID, bank: str | None = None, tx: Transaction | None = None
) -> Sequence[Consent]:
    """What a company lets banks, or one bank, have."""
    rows = Consent.filter(company_id=company_id, withdrawn_at__isnull=True)
    if bank is not None:
        rows = rows.filter(bank=bank)
    if tx is not None:
        rows = rows.using_db(tx)
    return await rows.order_by("bank", "source")


async def withdraw_consents(
    tx: Transaction, company_id: UUID, bank: str, sources: Sequence[str], now: object
) -> list[str]:
    """End consents; the sources of those that were live."""
    rows = await fetch_all(
        tx,
        """UPDATE lending_consent SET withdrawn_at = $4
            WHERE company_id = $1 AND bank = $2 AND source = ANY($3) AND withdrawn_at IS NULL
        RETURNING source""",
        company_id,
        bank,
        list(sources),
        now,
    )
    return sorted(row["source"] for row in rows)


# Applications


async def list_of_bank(
    bank: str, *, first: int, after: UUID | None, state: str | None
) -> Sequence[BankApplication]:
    """A bank's applications, oldest first."""
    rows = BankApplication.filter(bank=bank)
    if after is not None:
        rows = rows.filter(id__gt=after)
    if state is not None:
        rows = rows.filter(state=state)
    return await rows.order_by("id").limit(first)


async def list_of_case(case_id: UUID, tx: Transaction | None = None) -> Sequence[BankApplication]:
    """The applications of one case."""
    rows = BankApplication.filter(case_id=case_id)
    return await (rows.using_db(tx) if tx is not None else rows).order_by("bank")


async def find_application(application_id: UUID) -> BankApplication | None:
    """An application."""
    return await BankApplication.filter(id=application_id).first()


async def lock_application(tx: Transaction, application_id: UUID) -> BankApplication | None:
    """An application, locked."""
    return await fetch_model(tx, BankApplication, "WHERE id = $1 FOR UPDATE", application_id)


async def lock_of_case(tx: Transaction, case_id: UUID) -> Sequence[BankApplication]:
    """The applications of a case, locked in their order."""
    rows = BankApplication.filter(case_id=case_id).using_db(tx)
    return await rows.select_for_update().order_by("id")


async def move_application(
    tx: Transaction, row: BankApplication, now: object, **values: object
) -> BankApplication:
    """Change an application; its sequence grows by one."""
    values = {**values, "changed_at": now}
    names = ", ".join(f"{name} = ${n}" for n, name in enumerate(values, start=2))
    tail = f"{names}, sequence = sequence + 1 WHERE id = $1"
    return await update_model(tx, BankApplication, tail, row.id, *values.values())


async def count_by_state(bank: str | None) -> Sequence[Mapping[str, Any]]:
    """How many applications stand in each state, by bank and product; `offers` of them were ever
    made an offer."""
    return await fetch_all(
        connection(),
        """SELECT bank, product, state, count(*) AS count, count(*) FILTER (
                    WHERE offer IS NOT NULL OR state IN ('SIGNED', 'DISBURSED')) AS offers,
                  sum(amount_fen)::bigint AS amount_fen
             FROM lending_application WHERE $1::text IS NULL OR bank = $1
            GROUP BY bank, product, state ORDER BY bank, product, state""",
        bank,
    )


async def count_companies() -> int:
    """How many companies are kept."""
    return await Company.all().count()


async def find_contract(application_id: UUID) -> Contract | None:
    """The contract of an application."""
    return await Contract.filter(application_id=application_id).first()


# Loans


async def has_loans(tx: Transaction) -> bool:
    """Whether any loan is kept."""
    return await fetch_one(tx, "SELECT FROM lending_loan LIMIT 1") is not None


async def find_loan(loan_id: UUID) -> LoanRow | None:
    """A loan."""
    return await LoanRow.filter(id=loan_id).first()


async def find_loan_of(application_id: UUID) -> LoanRow | None:
    """The loan that came of an application."""
    return await LoanRow.filter(application_id=application_id).first()


async def lock_loan(tx: Transaction, loan_id: UUID) -> LoanRow | None:
    """A loan, locked."""
    return await fetch_model(tx, LoanRow, "WHERE id = $1 FOR UPDATE", loan_id)


async def list_loans(
    *, bank: str | None = None, person_id: UUID | None = None, first: int, after: UUID | None
) -> Sequence[LoanRow]:
    """Loans of a bank or of a person, oldest first."""
    rows = LoanRow.all()
    if bank is not None:
        rows = rows.filter(bank=bank)
    if person_id is not None:
        rows = rows.filter(person_id=person_id)
    if after is not None:
        rows = rows.filter(id__gt=after)
    return await rows.order_by("id").limit(first)


async def list_loan_events(loan_id: UUID, tx: Transaction | None = None) -> Sequence[LoanEventRow]:
    """All that happened to a loan, in the order of recording."""
    rows = LoanEventRow.filter(loan_id=loan_id)
    return await (rows.using_db(tx) if tx is not None else rows).order_by("id")


async def list_events_of(loan_ids: Sequence[UUID]) -> Sequence[LoanEventRow]:
    """All that happened to some loans, in the order of recording."""
    return await LoanEventRow.filter(loan_id__in=list(loan_ids)).order_by("id")


async def list_to_look_at(until: date, after: UUID, most: int) -> list[UUID]:
    """Loans with something due by a day, by id."""
    rows = LoanRow.filter(look_on__lte=until, id__gt=after).order_by("id").limit(most)
    return [row.id for row in await rows]


async def list_events_of_day(
    bank: str, from_at: object, until_at: object
) -> Sequence[Mapping[str, Any]]:
    """What was recorded for a bank's loans within a span of time, for the day's file."""
    return await fetch_all(
        connection(),
        """SELECT l.no, l.id AS loan_id, e.ref, e.kind, e.value_on, e.body, e.undoes, e.recorded_at
             FROM lending_loan_event e JOIN lending_loan l ON l.id = e.loan_id
            WHERE l.bank = $1 AND e.recorded_at >= $2 AND e.recorded_at < $3
            ORDER BY e.id""",
        bank,
        from_at,
        until_at,
    )


async def update_loan(tx: Transaction, loan_id: UUID, status: str, look_on: date | None) -> LoanRow:
    """Keep how a loan stands; its sequence grows by one."""
    return await update_model(
        tx,
        LoanRow,
        "status = $2, look_on = $3, sequence = sequence + 1 WHERE id = $1",
        loan_id,
        status,
        look_on,
    )
