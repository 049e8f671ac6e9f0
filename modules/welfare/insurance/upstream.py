"""The two core systems, which answer in one form; see docs/upstreams/."""

from core.standards.document_codes import INSURANCE
from core.upstream.operation import System

SOCIAL = System("social_insurance", documents=INSURANCE)
MEDICAL = System("medical_insurance", documents=INSURANCE)

NOT_ENROLLED = "NO_ENROLMENT"
"""The code with which both refuse a question about somebody who never was in the insurance."""
