"""Utility billers: accounts, bills and write-offs, the same for each utility.

Another utility is one `Utility` in UTILITIES and one entry in sandbox.households.ACCOUNT_KINDS.
"""

from sandbox.systems.billers.routes import SCHEMA, biller
from sandbox.systems.billers.tariff import Tier, Utility

UTILITIES = (
    Utility("water", "自来水公司", "Water company", "m3", 3, 26,
            (Tier(12, "4.20"), Tier(20, "5.60"), Tier(None, "9.80"))),
    Utility("electricity", "供电公司", "Power company", "kWh", 80, 520,
            (Tier(210, "0.5469"), Tier(400, "0.5969"), Tier(None, "0.8469"))),
    Utility("gas", "燃气公司", "Gas company", "m3", 5, 60,
            (Tier(18, "3.3125"), Tier(30, "3.9750"), Tier(None, "4.9688"))),
    Utility("heating", "热力公司", "Heating company", "m2", 55, 140, (Tier(None, "6.675"),),
            least_part_fen=10_000),
)  # fmt: skip
"""The four utilities: kind, names, unit, least and most monthly usage, tariff."""

SYSTEMS = tuple(
    biller(utility, schema=SCHEMA if utility is UTILITIES[0] else "") for utility in UTILITIES
)
