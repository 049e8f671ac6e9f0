"""What the real-estate registry is asked; see docs/upstreams/registries.md."""

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access, Purpose
from core.standards.document_codes import REAL_ESTATE
from core.upstream.operation import System, records_of
from kinds.lookup import PersonalLookup, record_operation
from modules.property.holdings import texts
from modules.property.holdings.domain import RealEstate, RealEstateRecord

SERVICE = "real-estate-query"
REGISTRY = System("real_estate", documents=REAL_ESTATE)
PURPOSE = Purpose(
    id="property.real-estate",
    upstream=REGISTRY.name,
    fields=("holdings",),
    text=texts.CONSENT,
    text_version="2026-12",
)

query_holdings = record_operation(
    REGISTRY, "query_holdings", "/holdings/query", records_of(RealEstate, "holdings")
)


async def ask_holdings(app: App, deadline: Deadline, access: Access) -> RealEstateRecord:
    """What the person owns. Raises as the operation does."""
    found = await query_holdings(app, deadline, access)
    return RealEstateRecord(found.items, found.unreadable, access.access_id)


HOLDINGS = PersonalLookup(SERVICE, PURPOSE, ask_holdings)
