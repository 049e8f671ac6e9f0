"""The handbook's page on money shows the machines that run."""

from pathlib import Path

import pytest

from core.states import StateMachine
from payments.bank.domain import TRANSFER
from payments.domain import CONTRACT, INTENT, REFUND
from payments.reconciliation.domain import CASE
from payments.sharing.domain import SHARE, SHARE_RETURN

PAGE = Path(__file__).resolve().parents[2] / "docs/payments.md"


@pytest.mark.parametrize(
    "machine",
    [INTENT, REFUND, CONTRACT, CASE, TRANSFER, SHARE, SHARE_RETURN],
    ids=lambda machine: machine.name,
)
def test_the_drawing_is_the_machine(machine: StateMachine) -> None:
    assert machine.mermaid() in PAGE.read_text(encoding="utf-8")
