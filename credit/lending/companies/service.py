"""Companies: who speaks for one, and what it lets banks have."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import Transaction, lock_name, rate_limit, transaction
from core.errors import Forbidden, InvalidInput, NotFound, Unavailable
from core.ids import is_uscc, new_id
from core.people.directory import find_person, get_person
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Named, Text
from core.upstream.client import UpstreamError
from credit.lending.companies.upstream import Registered, find_registered
from credit.lending.products import service as products
from credit.lending.records import store, texts
from credit.lending.records.events import LoanConsentWithdrawn
from credit.lending.records.models import Company, Consent, Member

SERVICE = "loan-apply"
REPRESENTATIVE, STAFF = "REPRESENTATIVE", "STAFF"
CONSENT_VERSION = "2026-11"
LOOKUPS_PER_DAY, ACTS_PER_DAY = 10, 100
_LINK, _CONSENT = "linkLoanCompany", "giveLoanConsents"
_REGISTER = Named("企业登记系统", "The company register")


@dataclass(frozen=True, slots=True)
class Standing:
    """A company, and the right of the viewer to act for it."""

    company: Company
    member: Member


async def link_company(call: Call, uscc: str, key: str) -> Standing:
    """Take a company on whose legal representative, by verified name, is the viewer.

    Who did before, and is not by the register of now, speaks for it no more.
    Ten look-ups a day: the register answers about anybody's. Raises InvalidInput LOAN_USCC_INVALID,
    RateLimited, NotFound, Forbidden LOAN_NOT_REPRESENTATIVE, Unavailable while the register is
    silent; nothing is written then.
    """
    person_id = call.require_service(SERVICE).user_id
    code = uscc.strip().upper()
    if not is_uscc(code):
        raise InvalidInput(texts.USCC_INVALID, "uscc")
    command = {"uscc": code}
    if await recall_key(call, _LINK, key, command) is not None:
        return await get_standing(call, code)
    await rate_limit.require(
        call.app.clock,
        f"company:{person_id}",
        limit=LOOKUPS_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.TOO_MANY_LOOKUPS,
    )
    found = await _ask_register(call, code)
    if found is None:
        raise NotFound(texts.COMPANY_UNKNOWN)
    person = await get_person(call.app, person_id)
    if not person.name or person.name != found.representative_zh:
        raise Forbidden(texts.NOT_REPRESENTATIVE)
    async with transaction() as tx:
        claim = await claim_key(call, tx, _LINK, key, command)
        if not claim.replayed:
            await lock_name(tx, f"lending.company:{code}")
            company_id = await _keep(call, tx, found)
            await _admit(call, tx, company_id, found.representative_zh)
    return await get_standing(call, code)


async def _ask_register(call: Call, uscc: str) -> Registered | None:
    """The company as the register has it now, or None. Raises Unavailable while it is silent."""
    try:
        return await find_registered(call.app, call.deadline, uscc)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=_REGISTER) from None


async def find_objection(call: Call, company: Company, member: Member) -> Text | None:
    """What the register of now has against a member's acting for a company, or None.

    A representative is one by the register, until another takes the company on here or not; whom
    the company itself lets act it does not know. Raises Unavailable while it is silent, RateLimited
    above a hundred acts a day.
    """
    if member.role != REPRESENTATIVE:
        return None
    await rate_limit.require(
        call.app.clock,
        f"company-acts:{member.person_id}",
        limit=ACTS_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.TOO_MANY_LOOKUPS,
    )
    found = await _ask_register(call, company.uscc)
    if found is None:
        return texts.COMPANY_UNKNOWN
    person = await get_person(call.app, member.person_id)
    stands = person.name is not None and person.name == found.representative_zh
    return None if stands else texts.NOT_REPRESENTATIVE


async def require_representation(call: Call, standing: Standing) -> None:
    """Ask once more whether the viewer may act for a company. Raises Forbidden
    LOAN_NOT_REPRESENTATIVE or LOAN_COMPANY_UNKNOWN, Unavailable while the register is silent."""
    objection = await find_objection(call, standing.company, standing.member)
    if objection is not None:
        raise Forbidden(objection)


async def get_standing(call: Call, uscc: str) -> Standing:
    """A company that the viewer speaks for. Raises NotFound LOAN_COMPANY_UNKNOWN."""
    return await _standing(call, await store.find_by_uscc(uscc))


async def get_company(call: Call, company_id: UUID) -> Standing:
    """The same by its id. Raises NotFound for another's."""
    return await _standing(call, await store.find_company(company_id), NOT_FOUND)


async def _standing(
    call: Call, company: Company | None, unknown: Text = texts.COMPANY_UNKNOWN
) -> Standing:
    person_id = call.require_service(SERVICE).user_id
    member = None if company is None else await store.find_member(company.id, person_id)
    if company is None or member is None:
        raise NotFound(unknown)
    return Standing(company, member)


async def _admit(call: Call, tx: Transaction, company_id: UUID, name: str) -> None:
    """Let the viewer, who has the representative's name, act for a company. Who took it on before
    and has another name has left: nobody else may act for it in that right."""
    person_id, now = call.require_viewer().user_id, call.app.clock.now()
    members = await Member.filter(company_id=company_id, ended_at__isnull=True).using_db(tx)
    for member in members:
        person = await find_person(call.app, member.person_id)
        if member.role == REPRESENTATIVE and (person is None or person.name != name):
            member.ended_at = now
            await member.save(using_db=tx, update_fields=["ended_at"])
    if person_id not in {member.person_id for member in members}:
        await store.insert(
            tx, Member, id=new_id(), company_id=company_id, person_id=person_id,
            role=REPRESENTATIVE, since=now,
        )  # fmt: skip


async def give_consents(
    call: Call, company_id: UUID, bank: str, sources: Sequence[str], key: str
) -> None:
    """Let one bank have what these sources know, for loans alone.

    Raises NotFound, InvalidInput for a bank or source that no product in force asks for, and as
    `require_representation` does.
    """
    standing = await get_company(call, company_id)
    wanted = await _sources_of(bank)
    if not sources or not set(sources) <= wanted:
        raise InvalidInput(texts.SOURCE_UNKNOWN, "sources")
    command = {"company": company_id, "bank": bank, "sources": sorted(sources)}
    if await recall_key(call, _CONSENT, key, command) is None:
        await require_representation(call, standing)
    async with transaction() as tx:
        claim = await claim_key(call, tx, _CONSENT, key, command)
        if not claim.replayed:
            await lock_name(tx, f"lending.consents:{company_id}:{bank}")
            live = await store.list_live_consents(company_id, bank, tx)
            for source in sorted(set(sources) - {one.source for one in live}):
                await store.insert(
                    tx, Consent, id=new_id(), company_id=standing.company.id, bank=bank,
                    source=source, given_by=standing.member.person_id,
                    given_at=call.app.clock.now(), text_version=CONSENT_VERSION,
                )  # fmt: skip


async def withdraw_consents(
    call: Call, company_id: UUID, bank: str, sources: Sequence[str], key: str
) -> None:
    """Let a bank have it no more. It counts from the commit on: each read looks here.

    Raises NotFound.
    """
    await get_company(call, company_id)
    command = {"company": company_id, "bank": bank, "sources": sorted(sources)}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "withdrawLoanConsents", key, command)
        if not claim.replayed:
            now = call.app.clock.now()
            if ended := await store.withdraw_consents(tx, company_id, bank, sources, now):
                news = LoanConsentWithdrawn(company_id, bank, ended, now)
                await call.app.events.publish(tx, news)


async def _sources_of(bank: str) -> set[str]:
    current = (await products.list_current()).values()
    return {source for _, product in current if product.bank == bank for source in product.sources}


async def _keep(call: Call, tx: Transaction, found: Registered) -> UUID:
    """The company's row, as the register has it now."""
    company = await Company.filter(uscc=found.uscc).using_db(tx).select_for_update().first()
    place = {"district": found.district, "industry": found.industry}
    dates = {"registered_on": found.registered_on, "looked_at": call.app.clock.now()}
    values = {"name": found.name_zh, **place, **dates}
    if company is not None:
        await Company.filter(id=company.id).using_db(tx).update(**values)
        return company.id
    company_id = new_id()
    await store.insert(tx, Company, id=company_id, uscc=found.uscc, **values)
    return company_id
