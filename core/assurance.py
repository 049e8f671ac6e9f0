"""How a real name was proved: the levels, what each gives by, and what a service may ask for."""

from collections.abc import Sequence
from enum import StrEnum

from core.texts import Named


class Assurance(StrEnum):
    """How a real name was proved, the weakest first. TYPED: name and number belong together.
    GUARDIAN: a guardian gave them, and the registry knows the kinship. CARRIER: the phone's carrier
    has it under them. BANK_CARD: a bank has card and phone under them. NETWORK_ID: by face or
    network identity at the national platform. COUNTER: two officers saw the person and the card.
    """

    TYPED = "TYPED"
    GUARDIAN = "GUARDIAN"
    CARRIER = "CARRIER"
    BANK_CARD = "BANK_CARD"
    NETWORK_ID = "NETWORK_ID"
    COUNTER = "COUNTER"

    def is_stronger_than(self, other: str | None) -> bool:
        """Whether this proof counts for more; an account without one has a typed pair at most."""
        order = list(Assurance)
        return order.index(self) > (order.index(Assurance(other)) if other else 0)

    def is_met_by(self, other: str | None) -> bool:
        """Whether who was proved by `other` has at least this; None is a typed pair."""
        return not self.is_stronger_than(other)


WAYS: dict[Assurance, str] = {
    Assurance.CARRIER: "proveByPhone",
    Assurance.BANK_CARD: "proveByCard",
    Assurance.NETWORK_ID: "beginNetworkProof",
}
"""The mutation with which a person is proved by themselves, from the app."""
ASKABLE = frozenset({Assurance.TYPED, *WAYS})
"""What an operation may ask for: nobody is sent to a counter by an app alone."""

_NAMES = {
    Assurance.TYPED: Named("实名认证", "a verified real name"),
    Assurance.CARRIER: Named("运营商核验", "a check by your phone's carrier"),
    Assurance.BANK_CARD: Named("银行卡核验", "a check by your bank card"),
    Assurance.NETWORK_ID: Named("人脸或网络身份认证", "your face or network identity"),
}


def ways_to(assurance: Assurance) -> Sequence[str]:
    """The mutations that give an assurance or more, the easiest first."""
    return [way for proof, way in WAYS.items() if assurance.is_met_by(proof)]


def name_of(assurance: Assurance) -> Named:
    """How an assurance that may be asked for is called in a sentence."""
    return _NAMES[assurance]
