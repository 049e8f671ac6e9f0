"""What each measurement is to reach: the bound of its ratio, ours ÷ the peer's."""

from collections.abc import Mapping

AT_LEAST: Mapping[str, float] = {
    "home_vs_handler": 0.75,
    "home_vs_mercurius": 1.2,
    "home_vs_yoga": 2.5,
    "home_vs_apollo": 4.0,
    "home_vs_strawberry": 15.0,
    "catalogue_vs_handler": 0.75,
    "catalogue_vs_mercurius": 1.2,
    "catalogue_vs_yoga": 2.5,
    "catalogue_vs_apollo": 4.0,
    "catalogue_vs_strawberry": 15.0,
    "home_live": 0.45,
}
AT_MOST: Mapping[str, float] = {"refusal_cost": 10.0, "readings": 1.0}


def aim_of(name: str) -> str | None:
    """The aim in words, None where there is none."""
    if name in AT_LEAST:
        return f"≥ {AT_LEAST[name]:g}"
    return f"≤ {AT_MOST[name]:g}" if name in AT_MOST else None


def is_reached(name: str, ratio: float | None) -> bool | None:
    """Whether a ratio is within its aim; None where there is no aim, or no ratio."""
    if ratio is None or aim_of(name) is None:
        return None
    return ratio >= AT_LEAST.get(name, ratio) and ratio <= AT_MOST.get(name, ratio)
