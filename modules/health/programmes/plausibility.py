"""What can be measured at all, and the mistakes that people make when they type it in.

Nothing is converted or put right silently: a measurement that looks like a mistake is refused with
the question whether the other thing was meant.
"""

from collections.abc import Mapping

from modules.health.programmes import texts
from modules.health.programmes.domain import GLUCOSE, UNIT, Fault, Quantity, Values

RANGE: Mapping[Quantity, tuple[float, float]] = {
    # what automatic cuffs for adults measure: Omron HEM-7120 and its kin, instruction manual
    # ("Measurement range": SYS 60-260 mmHg, DIA 40-215 mmHg, pulse 40-180/min), a little wider
    Quantity.SYSTOLIC: (50, 280),
    Quantity.DIASTOLIC: (30, 215),
    Quantity.PULSE: (30, 220),
    # home meters show 0.6 to 33.3 mmol/L (10 to 600 mg/dL) and "Lo" or "Hi" beyond
    **dict.fromkeys(GLUCOSE, (0.6, 33.3)),
    Quantity.HBA1C: (3, 20),
    Quantity.WEIGHT: (25, 300),
}
"""The lowest and the highest value of an adult that is taken; for children see `infant`."""

MG_DL_PER_MMOL_L = 18.016
"""Molar mass of glucose (180.16 g/mol) in dL: only to say what a value would be."""
_MG_DL_MOST = 33.3 * MG_DL_PER_MMOL_L


def check_adult(values: Values) -> Fault | None:
    """The first thing that is wrong with an adult's measurement."""
    pressure = (values.get(Quantity.SYSTOLIC), values.get(Quantity.DIASTOLIC))
    fault = _check_pressure(*pressure)
    if fault is not None:
        return fault
    for quantity, value in values.items():
        fault = _check_unit(quantity, value) or check_range(quantity, value, RANGE[quantity])
        if fault is not None:
            return fault
    return None


def check_range(quantity: Quantity, value: float, bounds: tuple[float, float]) -> Fault | None:
    """The fault of a value outside its bounds; a number that is none is outside."""
    low, high = bounds
    if low <= value <= high:
        return None
    said = {"value": value, "unit": UNIT[quantity], "low": low, "high": high}
    return Fault(texts.IMPLAUSIBLE, quantity, said)


def _check_pressure(systolic: float | None, diastolic: float | None) -> Fault | None:
    if systolic is None and diastolic is None:
        return None
    if systolic is None or diastolic is None:
        missing = Quantity.SYSTOLIC if systolic is None else Quantity.DIASTOLIC
        return Fault(texts.PRESSURE_INCOMPLETE, missing, {})
    if systolic <= diastolic:
        said = {"systolic": diastolic, "diastolic": systolic}
        return Fault(texts.PRESSURE_SWAPPED, Quantity.SYSTOLIC, said)
    return None


def _check_unit(quantity: Quantity, value: float) -> Fault | None:
    if quantity in GLUCOSE and RANGE[quantity][1] < value <= _MG_DL_MOST:
        said = {"value": value, "converted": round(value / MG_DL_PER_MMOL_L, 1)}
        return Fault(texts.GLUCOSE_UNIT, quantity, said)
    if quantity is Quantity.HBA1C and RANGE[quantity][1] < value <= 195:
        # NGSP = 0.09148 x IFCC + 2.152 (ngsp.org/ifcc.asp, the master equation)
        said = {"value": value, "converted": round(0.09148 * value + 2.152, 1)}
        return Fault(texts.HBA1C_UNIT, quantity, said)
    return None
