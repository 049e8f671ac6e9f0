"""The door of credit: what lending, the banks' API and others may use.

An `Engine` decides purely; `engine_for` builds the one that stands for a bank's product.
`add_entry` stores what was decided within the caller's transaction; `forget_application` destroys
what it says of a person. Prices are the lender's: `Policy.price` with the city's dated rates.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from credit.engine.decision import Decision, Engine
from credit.engine.presence import STATUSES, status_field
from credit.log.entries import (
    Draft,
    Subject,
    decision_entry,
    outcome_entry,
    override_entry,
    review_entry,
)
from credit.log.postgres import add as add_entry
from credit.log.postgres import find_decision, read_log, verify_chain
from credit.log.postgres import forget as forget_application
from credit.policy.price import Price
from credit.policy.rules import Outcome, Policy
from credit.registry.registry import Book
from credit.registry.store import Home, registry_size
from credit.storage.errors import CreditError, InputError, LogError, RegistryError

__all__ = [
    "STATUSES",
    "Book",
    "CreditError",
    "Decision",
    "Draft",
    "Engine",
    "InputError",
    "LogError",
    "Outcome",
    "Policy",
    "Price",
    "RegistryError",
    "Subject",
    "add_entry",
    "decision_entry",
    "engine_for",
    "find_decision",
    "forget_application",
    "outcome_entry",
    "override_entry",
    "read_book",
    "read_log",
    "registry_size",
    "review_entry",
    "status_field",
    "verify_chain",
]


def engine_for(
    folder: Path, trusted: Sequence[Ed25519PublicKey], bank: str, product: str, on: date
) -> Engine:
    """What decides for a bank's product on a day, from the installation's credit folder.

    Only what stands: a champion validated within the year without open findings, under a policy
    that two people approved. Raises RegistryError, ArtefactError, PolicyError.
    """
    return Home(folder, trusted).engine(bank, product, on)


def read_book(folder: Path) -> Book:
    """Every model and policy version of the installation and where it stands, verified.

    Raises LogError, RegistryError for a registry that does not hold.
    """
    return Home(folder, ()).registry.book()
