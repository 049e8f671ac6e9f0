"""Policies as files: one TOML file for each bank, product and version, its examples run at load.

The form is in `docs/credit-policies.md`; the shipped examples are in `credit/policies/`. A file
with a key that means nothing here, a rule whose examples do not bear it out, or a worked example
that comes out otherwise refuses to load, so a slip is found by whoever writes it.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from credit.policy.limit import Band, Limit
from credit.policy.price import Price
from credit.policy.rules import OPERATORS, Condition, Outcome, Policy, Rule
from credit.storage.errors import CreditError
from credit.storage.seals import fingerprint

SHIPPED = Path(__file__).parents[1] / "policies"
"""Examples for a bank to replace."""

T = TypeVar("T")


class PolicyError(CreditError):
    """A policy file that cannot be taken; the message is one line."""


def read_policy(path: Path) -> Policy:
    """A policy of a file, its examples run. Raises PolicyError."""
    try:
        data = path.read_bytes()
        content = tomllib.loads(data.decode())
        policy = policy_from(content, fingerprint(data))
        _run_examples(policy, content.get("examples", []))
    except OSError as error:
        raise PolicyError(f"policy {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, PolicyError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PolicyError(f"policy {path.name}: {what}") from error
    return policy


def read_policies(folder: Path) -> tuple[Policy, ...]:
    """Every policy of a folder. Raises PolicyError, also where two are of one version."""
    policies = tuple(read_policy(path) for path in sorted(folder.glob("*.toml")))
    ids = [policy.id for policy in policies]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise PolicyError(f"{folder}: there twice: {', '.join(twice)}")
    return policies


def policy_from(content: Mapping[str, Any], digest: str) -> Policy:
    """A policy of a file's content; `digest` is the file's hash."""
    _known(
        content,
        ("bank", "product", "version", "spec", "effective_from", "unit"),
        ("rules", "limit", "price", "optional_sources", "examples"),
    )
    if type(content["effective_from"]) is not date:
        raise PolicyError("effective_from must be a date such as 2026-01-31")
    rules = tuple(_rule(item) for item in content.get("rules", []))
    codes = [rule.code for rule in rules]
    if not rules or len(set(codes)) < len(codes):
        raise PolicyError("needs rules, each with a code of its own")
    return Policy(
        bank=_text(content, "bank"),
        product=_text(content, "product"),
        version=_whole(content, "version"),
        spec=_text(content, "spec"),
        effective_from=content["effective_from"],
        unit=_text(content, "unit"),
        rules=rules,
        limit=_limit(content["limit"]) if "limit" in content else None,
        price=_price(content["price"]) if "price" in content else None,
        optional_sources=frozenset(content.get("optional_sources", [])),
        hash=digest,
    )


def _rule(item: Mapping[str, Any]) -> Rule:
    _known(item, ("code", "when", "outcome", "zh", "en", "trips", "passes"), ())
    code = _text(item, "code")
    outcome = Outcome(item["outcome"])
    if outcome is Outcome.APPROVE:
        raise PolicyError(f"rule {code}: a rule refers or declines; what no rule stops is approved")
    when = tuple(_condition(code, part) for part in item["when"])
    if not when:
        raise PolicyError(f"rule {code} has no condition")
    rule = Rule(
        code, when, outcome, (_text(item, "zh"), _text(item, "en")), item["trips"], item["passes"]
    )
    _run_rule(rule)
    return rule


def _condition(code: str, part: Mapping[str, Any]) -> Condition:
    _known(part, ("field", "is", "value"), ())
    is_, value = part["is"], part["value"]
    if is_ not in OPERATORS:
        raise PolicyError(f"rule {code}: {is_!r} is none of {', '.join(OPERATORS)}")
    on_text = isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
    on_number = isinstance(value, int | float) and not isinstance(value, bool)
    if (is_ in ("in", "not in") and not on_text) or (is_ not in ("in", "not in") and not on_number):
        raise PolicyError(f"rule {code}: {is_!r} does not go with {value!r}")
    return Condition(_text(part, "field"), is_, tuple(value) if on_text else float(value))


def _run_rule(rule: Rule) -> None:
    """Raises PolicyError unless the rule trips on the one example and passes on the other."""
    alone = Policy("", "", 1, "*", date.min, "", (rule,))
    for name, facts, expected in (
        ("trips", rule.trips, (rule.outcome, [rule.code], 0)),
        ("passes", rule.passes, (Outcome.APPROVE, [], 0)),
    ):
        if alone.apply(facts) != expected:
            raise PolicyError(f"rule {rule.code}: its example `{name}` does not bear it out")


def _run_examples(policy: Policy, examples: Sequence[Mapping[str, Any]]) -> None:
    """Raises PolicyError for a worked example that comes out otherwise than it says."""
    for number, example in enumerate(examples, start=1):
        _known(
            example,
            ("facts", "outcome"),
            ("rules", "limit", "horizon_months", "reference_bps", "rate_bps"),
        )
        outcome, codes, limit = policy.apply(example["facts"])
        got: dict[str, Any] = {"outcome": str(outcome), "rules": codes, "limit": limit}
        if policy.price and "rate_bps" in example:
            got["rate_bps"] = policy.price.rate_bps(
                example["facts"]["pd"], example["horizon_months"], example["reference_bps"]
            )
        for key in ("outcome", "rules", "limit", "rate_bps"):
            if key in example and example[key] != got.get(key):
                raise PolicyError(
                    f"example {number}: {key} comes out as {got.get(key)}, not {example[key]}"
                )


def _limit(item: Mapping[str, Any]) -> Limit:
    names = ("amount_column", "least_amount", "most_amount", "round_to", "bands")
    _known(item, names, ("turnover_column",))
    bands = tuple(Band(**band) for band in item["bands"])
    risks = [band.up_to_prob for band in bands]
    if not bands or risks != sorted(set(risks)):
        raise PolicyError("the limit's bands must ascend by up_to_prob")
    if _whole(item, "round_to") < 1 or _whole(item, "least_amount") < 1:
        raise PolicyError("the limit's round_to and least_amount must be at least 1")
    return Limit(
        _text(item, "amount_column"),
        str(item.get("turnover_column", "")),
        _whole(item, "least_amount"),
        _whole(item, "most_amount"),
        _whole(item, "round_to"),
        bands,
    )


def _price(item: Mapping[str, Any]) -> Price:
    names = ("margin_bps", "loss_given_default_bps", "grid_bps", "most_bps")
    _known(item, ("reference", *names), ())
    return Price(_text(item, "reference"), *(_whole(item, name) for name in names))


def _known(item: Mapping[str, Any], needed: Sequence[str], optional: Sequence[str]) -> None:
    missing = [name for name in needed if name not in item]
    strange = sorted(set(item) - set(needed) - set(optional))
    if missing or strange:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"knows no {', '.join(strange)}"] if strange else []
        raise PolicyError(" and ".join(parts))


def _text(item: Mapping[str, Any], name: str) -> str:
    return _of_type(item, name, str, lambda value: bool(value.strip()))


def _whole(item: Mapping[str, Any], name: str) -> int:
    return _of_type(item, name, int, lambda value: not isinstance(value, bool))


def _of_type(item: Mapping[str, Any], name: str, kind: type[T], is_good: Callable[[T], bool]) -> T:
    value = item[name]
    if not isinstance(value, kind) or not is_good(value):
        word = "a text" if kind is str else "a whole number"
        raise PolicyError(f"{name} must be {word}, not {value!r}")
    return value
