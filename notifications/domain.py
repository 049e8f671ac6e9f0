"""What a message is made of, and the life of a delivery."""

from dataclasses import dataclass

from core.states import Edge, StateMachine
from core.texts import Text


@dataclass(frozen=True, slots=True)
class Template:
    """A message that a wing sends: title and body with blanks, and whether it also goes by SMS."""

    id: str
    title: Text
    body: Text
    sms: bool = False


DELIVERY = StateMachine(
    name="delivery",
    table="notifications_delivery",
    column="state",
    initial=("queued",),
    edges=(
        Edge("queued", "accept", "sent"),
        Edge("queued", "reject", "failed"),
        Edge("failed", "retry", "queued"),
    ),
)
