"""What of a person's payments is still under way: an account is not closed over it."""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.people.data_rights import Hold, PersonalData
from core.people.merged_accounts import list_accounts
from payments import texts
from payments.domain import STATUS, PaymentStatus
from payments.models import Intent

_MOVING = (
    PaymentStatus.PREPARING,
    PaymentStatus.AWAITING_PAYMENT,
    PaymentStatus.CANCELLING,
    PaymentStatus.PROCESSING,
    PaymentStatus.REFUNDING,
)
_UNDER_WAY = [state for state, status in STATUS.items() if status in _MOVING]


async def _holds(_app: App, person_id: UUID) -> Sequence[Hold]:
    accounts = await list_accounts(person_id)
    moving = await Intent.filter(payer_id__in=accounts, state__in=_UNDER_WAY).exists()
    return (Hold("payments under way", texts.PAYMENT_UNDER_WAY),) if moving else ()


UNDER_WAY = PersonalData("payments", holds=_holds)
