"""The manifest of welfare: one folder for each service."""

from core.manifest import Manifest
from modules.welfare.housing_fund.upstream import CENTRE
from modules.welfare.insurance.upstream import MEDICAL, SOCIAL

MANIFEST = Manifest(
    name="welfare",
    rooms=(
        "housing_fund",
        "insurance",
        "pension",
        "medical",
        "unemployment",
        "work_injury",
        "maternity",
    ),
    upstreams=(CENTRE, SOCIAL, MEDICAL),
)
