"""The wallet in GraphQL, and showing a licence out of it."""

from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    reading_view,
    view,
)
from core.upstream.records import Records
from kinds.lookup import lookup_field
from modules.affairs.licences import service
from modules.affairs.licences.domain import CODE_LIFE, SERVICE, Licence, Presentation

view(Licence, name="ELicence", names={"issuer_zh": "issuer"})
view(Presentation, name="LicencePresentation")
LicenceWallet = reading_view(
    "LicenceWallet",
    "The viewer's e-licences, and how fresh that is.",
    items=Annotated[Records[Licence], "The licences, those that do not hold too."],
)
LICENCE_REF = strawberry.argument(description="The licence's id.")
FIELDS = strawberry.argument(description="What of it is shown, by the fields' names.")
PRESENTATION_ID = strawberry.argument(description="The presentation's id.")


@strawberry.type(description="The code can be shown now.")
class LicencePresented:
    presentation: Presentation = strawberry.field(description="The code and what it shows.")


@strawberry.type(description="The code shows nothing any more.")
class LicencePresentationCancelled:
    presentation_id: strawberry.ID = strawberry.field(description="The presentation's id.")


PresentLicenceResult = Annotated[
    LicencePresented | Refused, strawberry.union("PresentLicenceResult")
]
CancelLicencePresentationResult = Annotated[
    LicencePresentationCancelled | Refused, strawberry.union("CancelLicencePresentationResult")
]


@strawberry.type
class Query:
    """The query field of service 6."""

    licence_wallet = lookup_field(
        service.WALLET, returns=LicenceWallet, for_others=False, description="The e-licences."
    )


@strawberry.type
class Mutation:
    """The mutation fields of service 6."""

    @mutation(
        of_service(SERVICE),
        description=f"A code for {CODE_LIFE.seconds} seconds that lets one verifier see some "
        "fields of a licence; show it as a QR code.",
        waits=True,
    )
    async def present_licence(
        self,
        info: Info,
        licence_ref: Annotated[strawberry.ID, LICENCE_REF],
        fields: Annotated[list[str], FIELDS],
        idempotency_key: IdempotencyKey,
    ) -> PresentLicenceResult:
        """Once read, it is in the viewer's access log."""
        presentation = await service.present(info.context, licence_ref, fields, idempotency_key)
        return LicencePresented(presentation=presentation)

    @mutation(of_service(SERVICE), description="Take back a code that nobody has read yet.")
    async def cancel_licence_presentation(
        self,
        info: Info,
        presentation_id: Annotated[strawberry.ID, PRESENTATION_ID],
        idempotency_key: IdempotencyKey,
    ) -> CancelLicencePresentationResult:
        """At once, for every verifier."""
        await service.cancel(info.context, parse_id(presentation_id), idempotency_key)
        return LicencePresentationCancelled(presentation_id=presentation_id)
