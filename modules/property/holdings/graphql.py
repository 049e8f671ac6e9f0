"""Real estate in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import Info, anybody, of_service, query, reading_view, view
from kinds.lookup import lookup_field
from modules.property.holdings import certificate
from modules.property.holdings.domain import (
    CertificateFacts,
    NoPropertyCertificate,
    RealEstate,
    RealEstateRecord,
)
from modules.property.holdings.lookup import HOLDINGS, SERVICE

view(RealEstate, names={"address_zh": "address", "use_zh": "use"})
view(RealEstateRecord, hidden=("access_id",))
view(CertificateFacts)
view(NoPropertyCertificate)
RealEstateHoldings = reading_view(
    "RealEstateHoldings",
    "The viewer's real estate, and how fresh that is.",
    record=Annotated[RealEstateRecord, "What they own; null where nothing can be shown."],
)


@strawberry.type
class Query:
    """The query fields of real estate."""

    real_estate = lookup_field(
        HOLDINGS,
        returns=RealEstateHoldings,
        for_others=False,
        description="What the viewer owns by the real-estate registry.",
    )

    @query(
        of_service(SERVICE),
        description="A certificate that the viewer owns no real estate in the city, on what the "
        "registry answers now.",
    )
    async def no_property_certificate(self, info: Info) -> NoPropertyCertificate:
        """Needs the consent `property.real-estate`; refused where there is any."""
        return await certificate.issue(info.context)

    @query(anybody(), description="What a certificate of no property says, by the code on it.")
    async def verify_no_property_certificate(
        self,
        info: Info,
        code: Annotated[str, strawberry.argument(description="The code, as its QR holds it.")],
    ) -> CertificateFacts:
        """A forged code, or one that is over, is not found."""
        return certificate.read_code(info.context.app, code)
