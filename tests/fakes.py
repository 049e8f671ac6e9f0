"""Outside systems in memory, for tests that are not about them."""

from core.people.personal_read import Access
from core.upstream.exchange import UpstreamRejected, UpstreamTimeout
from modules.identity.upstream import Match
from modules.welfare.housing_fund.domain import HousingFundAccount


class Silence:
    """A system that may fall silent, or refuse to talk to us."""

    name = "system"
    refusal_status = 403

    def __init__(self) -> None:
        self.is_silent = False
        self.refuses = False

    def answer(self, operation: str) -> None:
        """Raise UpstreamTimeout while silent, UpstreamRejected while it refuses."""
        if self.is_silent:
            raise UpstreamTimeout(self.name, operation, "no answer in time")
        if self.refuses:
            raise UpstreamRejected(self.name, operation, self.refusal_status, b"")


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


class FakePolice(Silence):
    """A registry of resident IDs and names that remembers every question."""

    name = "police"

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, str] = {}
        self.parents: set[tuple[str | None, str]] = set()
        self.asked: list[tuple[Access, str, str]] = []

    async def verify(self, access: Access, name: str, resident_id: str) -> Match:
        """See modules.identity.upstream."""
        self.asked.append((access, name, resident_id))
        self.answer("verify")
        known = self.people.get(resident_id)
        if known is None:
            return Match.NOT_FOUND
        return Match.MATCH if known == name else Match.MISMATCH

    async def verify_family(self, access: Access, child_resident_id: str) -> str | None:
        """See modules.identity.upstream."""
        self.answer("verify_family")
        pair = (access.person.resident_id, child_resident_id)
        return "PR1" if pair in self.parents else None


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
        return self.accounts.get(access.person.resident_id or "")
