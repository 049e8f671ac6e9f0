"""The list of a citizen's linked accounts."""

from kinds.owned import OwnedList
from modules.utilities.accounts import texts
from modules.utilities.accounts.models import AccountLink

ACCOUNTS = OwnedList(
    AccountLink,
    most=10,
    too_many=texts.TOO_MANY_ACCOUNTS,
    same=("kind", "account_no"),
    renamed=("label",),
)
