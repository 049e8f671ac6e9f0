"""Accounts of households at their utilities."""

from dataclasses import dataclass
from enum import StrEnum

from core.texts import Text
from modules.utilities.accounts import texts


class UtilityKind(StrEnum):
    """The utilities: WATER, ELECTRICITY, GAS, and HEATING of the district network.

    The value is the biller's name in addresses and accounts.
    """

    WATER = "water"
    ELECTRICITY = "electricity"
    GAS = "gas"
    HEATING = "heating"


SERVICE_ID = {
    UtilityKind.WATER: "water-bill-payment",
    UtilityKind.ELECTRICITY: "electricity-bill-payment",
    UtilityKind.GAS: "gas-bill-payment",
    UtilityKind.HEATING: "heating-bill-payment",
}
"""The catalogue service of each utility."""

NAME: dict[UtilityKind, Text] = {
    UtilityKind.WATER: texts.WATER,
    UtilityKind.ELECTRICITY: texts.ELECTRICITY,
    UtilityKind.GAS: texts.GAS,
    UtilityKind.HEATING: texts.HEATING,
}


@dataclass(frozen=True, slots=True)
class BillerAccount:
    """A household's account at a biller; name and address as the biller masks them."""

    account_no: str
    holder_masked: str
    address_masked: str


def is_account_no(text: str) -> bool:
    """Whether the text can be an account number at all."""
    return 4 <= len(text) <= 32 and text.isascii() and text.isalnum()
