"""The card of the home screen: how far the pension is, whether the medical insurance pays."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from core.context.call import Call
from core.context.contributions import home_card
from core.errors import Forbidden
from core.graphql import HomeSection, view
from core.refusal_texts import CONSENT_REQUIRED
from core.upstream.readings import Reading, worse
from kinds.lookup import both
from modules.welfare.medical.domain import CoverageState
from modules.welfare.medical.lookup import MEDICAL_INSURANCE
from modules.welfare.overview import texts
from modules.welfare.pension.lookup import PENSION

T = TypeVar("T")


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class SocialInsuranceSection(HomeSection):
    """The card of the insurances on the home screen; what there is no consent to is null."""

    pension_months: Annotated[int | None, "Months paid and deemed for a pension."]
    pension_months_missing: Annotated[
        int | None, "Months still missing for one; null where one is paid, or nothing is insured."
    ]
    medical_coverage: Annotated[CoverageState | None, "Whether the medical insurance pays now."]
    medical_balance_fen: Annotated[int | None, "What is in its personal account."]


@home_card("social-insurance", texts.CARD, identity_level=2)
async def social_insurance_card(call: Call) -> SocialInsuranceSection:
    """The home screen's card: as fresh as the older of what is shown.

    Raises Forbidden where neither insurance may be looked at.
    """
    pension, medical = await both(
        _permitted(PENSION.record.read(call)), _permitted(MEDICAL_INSURANCE.record.read(call))
    )
    shown = [reading for reading in (pension, medical) if reading is not None]
    if not shown:
        raise Forbidden(CONSENT_REQUIRED, purpose=PENSION.purpose.id)
    months = pension.value if pension else None
    cover = medical.value if medical else None
    projection = months.projection if months else None
    return SocialInsuranceSection(
        id="social-insurance",
        title=texts.CARD.say(call.locale),
        **worse(shown[0], shown[-1]).freshness,
        pension_months=months.paid_months + months.deemed_months if months else None,
        pension_months_missing=projection.months_missing if projection else None,
        medical_coverage=cover.coverage.state if cover else None,
        medical_balance_fen=cover.account.balance_fen if cover and cover.account else None,
    )


async def _permitted(read: Awaitable[Reading[T]]) -> Reading[T] | None:
    """The reading; None without a consent."""
    try:
        return await read
    except Forbidden:
        return None
