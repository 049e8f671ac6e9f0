"""Blood pressures that cannot be: shown as they were sent, and marked so that nobody trusts them.

No manometer shows more than 300 mmHg (GB 3053-1993, 0 to 40 kPa), and the heart's pressure is never
below the vessels' at rest.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from modules.health.records.domain import Measure

_SYSTOLIC, _DIASTOLIC = "8480-6", "8462-4"
"""LOINC codes, as in FHIR's profile of blood pressure."""
_MOST_MMHG = Decimal(300)
_UNITS = frozenset({"mm[Hg]", "mmHg"})


def marked(measures: Sequence[Measure]) -> Sequence[Measure]:
    """The values of one result, with those marked that cannot be true."""
    pressures = {one.code: value for one in measures if (value := _mmhg(one)) is not None}
    if not pressures:
        return measures
    systolic, diastolic = pressures.get(_SYSTOLIC), pressures.get(_DIASTOLIC)
    swapped = systolic is not None and diastolic is not None and systolic <= diastolic
    return [
        replace(one, is_implausible=swapped or pressures[one.code] > _MOST_MMHG)
        if one.code in pressures
        else one
        for one in measures
    ]


def _mmhg(measure: Measure) -> Decimal | None:
    quantity = measure.quantity
    if measure.code not in (_SYSTOLIC, _DIASTOLIC) or quantity is None:
        return None
    return Decimal(quantity.value) if _UNITS & {quantity.ucum, quantity.unit} else None
