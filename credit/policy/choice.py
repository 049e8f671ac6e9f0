"""Which policy applies where nobody has put one in force: a file given, or a shipped example."""

from datetime import date
from functools import cache
from pathlib import Path

from credit.policy.files import SHIPPED, read_policies, read_policy
from credit.policy.rules import Policy

ANY = "*"


@cache
def shipped() -> tuple[Policy, ...]:
    """The examples that come with the product."""
    return read_policies(SHIPPED)


def policy_for(spec: str, file: Path | None, on: date) -> Policy:
    """The file's policy, else the newest example for a data set on a day, else the general one.

    Raises CreditError for a file that cannot be taken.
    """
    if file is not None:
        return read_policy(file)
    fitting = [p for p in shipped() if p.spec in (spec, ANY) and p.effective_from <= on]
    return max(fitting, key=lambda p: (p.spec != ANY, p.effective_from, p.version))
