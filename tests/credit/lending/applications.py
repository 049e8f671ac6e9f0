"""Service 62 as the contract suite of the workflow engine fills it."""

from tests.credit.lending.town import FORM
from tests.kinds.application.driver import Sample

_OPTIONAL = ("second_product",)

SAMPLES = [Sample("loan-apply", FORM, missing=[name for name in FORM if name not in _OPTIONAL])]
