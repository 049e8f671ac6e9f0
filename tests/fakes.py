"""Outside systems in memory, for tests that are not about them."""

from collections.abc import Awaitable, Callable
from datetime import date

from core.id_documents import Document
from core.people.personal_read import Access
from core.upstream.exchange import UpstreamRejected, UpstreamTimeout
from modules.identity.captcha import Verdict
from modules.identity.proofs.upstream import Elements, Handoff, Passage, TicketState
from modules.identity.upstream import Birth, Kin, Match
from modules.welfare.housing_fund.domain import HousingFundAccount


class Silence:
    """A system that may fall silent, or refuse to talk to us."""

    name = "system"
    refusal_status = 403
    refusal_body = b""

    def __init__(self) -> None:
        self.is_silent = False
        self.refuses = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        """What others do while an answer is on its way."""

    def answer(self, operation: str) -> None:
        """Raise UpstreamTimeout while silent, UpstreamRejected while it refuses."""
        if self.is_silent:
            raise UpstreamTimeout(self.name, operation, "no answer in time")
        if self.refuses:
            raise UpstreamRejected(self.name, operation, self.refusal_status, self.refusal_body)


class FakeSms(Silence):
    """A gateway that keeps what it was given; the same reference is sent once."""

    name = "sms"

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, tuple[str, str]] = {}

    async def send(self, message_ref: str, phone: str, text: str) -> str:
        """See notifications.channels.gateways."""
        self.answer("send")
        self.sent.setdefault(message_ref, (phone, text))
        return f"receipt-{message_ref[-12:]}"

    @property
    def texts(self) -> list[str]:
        """Every text in order."""
        return [text for _, text in self.sent.values()]


class FakeCaptcha(Silence):
    """A captcha service that everybody solves: a challenge's page is its ticket, good once."""

    name = "captcha"

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[str, str] = {}

    async def open_challenge(self, request_ref: str, address: str) -> str:
        """See modules.identity.captcha."""
        self.answer("open_challenge")
        self.open[f"ticket-{request_ref}"] = address
        return f"ticket-{request_ref}"

    async def verify(self, ticket: str, address: str) -> Verdict:
        """See modules.identity.captcha."""
        self.answer("verify")
        is_good = self.open.pop(ticket, None) == address
        return Verdict.PASSED if is_good else Verdict.FAILED


class FakePolice(Silence):
    """A registry of resident IDs and names that remembers every question."""

    name = "police"

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, str] = {}
        self.parents: set[tuple[str | None, str]] = set()
        self.births: dict[str, tuple[str, date, set[str | None]]] = {}
        """By certificate: name, birth date, the document numbers of the parents on it."""
        self.registered: dict[str, str] = {}
        """By ID number, the certificate under which it was given."""
        self.permits: dict[tuple[str, str, date], str] = {}
        """By kind, number and birth date, the name."""
        self.asked: list[tuple[Access, str, str]] = []

    async def verify(self, access: Access, name: str, resident_id: str) -> Match:
        """See modules.identity.upstream."""
        self.asked.append((access, name, resident_id))
        self.answer("verify")
        if self.meanwhile is not None:
            await self.meanwhile()
        known = self.people.get(resident_id)
        if known is None:
            return Match.NOT_FOUND
        return Match.MATCH if known == name else Match.MISMATCH

    async def verify_permit(self, access: Access, name: str, document: Document) -> Match:
        """See modules.identity.upstream."""
        self.asked.append((access, name, document.number))
        self.answer("verify_permit")
        known = self.permits.get((document.kind, document.number, document.born_on))
        if known is None:
            return Match.NOT_FOUND
        return Match.MATCH if known == name else Match.MISMATCH

    async def verify_birth(self, access: Access, certificate_no: str) -> Birth | None:
        """See modules.identity.upstream."""
        self.answer("verify_birth")
        name, born_on, parents = self.births.get(certificate_no, ("", date.min, set()))
        is_parent = access.person.document_no in parents
        return Birth(name, born_on, "PR2") if is_parent else None

    async def verify_family(self, access: Access, child_resident_id: str) -> Kin | None:
        """See modules.identity.upstream."""
        self.answer("verify_family")
        pair = (access.person.document_no, child_resident_id)
        certificate_no = self.registered.get(child_resident_id)
        return Kin("PR1", certificate_no) if pair in self.parents else None


class FakeProofs(Silence):
    """Carriers, banks and the network identity platform that know what a test tells them."""

    name = "carriers"

    def __init__(self) -> None:
        super().__init__()
        self.phones: dict[str, str] = {}
        """By phone, the document number of whose it is now."""
        self.cards: dict[str, str] = {}
        self.passed: dict[str, tuple[str, Document]] = {}
        """By ticket, name and document of who showed their face."""
        self.sessions: dict[str, str] = {}

    async def three_elements(
        self, access: Access, name: str, document: Document, phone: str
    ) -> Elements:
        """See modules.identity.proofs.upstream."""
        self.answer("three_elements")
        if self.meanwhile is not None:
            await self.meanwhile()
        is_theirs = self.phones.get(phone) == document.number
        return Elements.CONSISTENT if is_theirs else Elements.INCONSISTENT

    async def four_elements(
        self, access: Access, name: str, document: Document, phone: str, card_no: str
    ) -> Elements:
        """See modules.identity.proofs.upstream."""
        self.answer("four_elements")
        is_theirs = self.phones.get(phone) == self.cards.get(card_no) == document.number
        return Elements.CONSISTENT if is_theirs else Elements.INCONSISTENT

    async def open_ticket(self, request_ref: str, session_ref: str) -> Handoff:
        """See modules.identity.proofs.upstream."""
        self.answer("open_ticket")
        self.sessions[request_ref] = session_ref
        return Handoff(request_ref, f"ctid://{request_ref}")

    async def read_ticket(self, access: Access, ticket: str) -> Passage | None:
        """See modules.identity.proofs.upstream."""
        self.answer("read_ticket")
        if ticket not in self.sessions:
            return None
        if ticket not in self.passed:
            return Passage(TicketState.PENDING, self.sessions[ticket], None, None, None, None)
        name, shown = self.passed[ticket]
        who = (name, shown.kind, shown.number, shown.born_on)
        return Passage(TicketState.PASSED, self.sessions[ticket], *who)


class FakeHousingFund(Silence):
    """A centre with one account per resident ID."""

    name = "housing_fund"

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, HousingFundAccount] = {}
        self.asked: list[Access] = []

    async def find_account(self, access: Access) -> HousingFundAccount | None:
        """See modules.welfare.housing_fund.upstream."""
        self.asked.append(access)
        self.answer("find_account")
        return self.accounts.get(access.person.document_no or "")
