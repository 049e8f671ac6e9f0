"""Objections to traffic violations, as their contract suite fills them."""

from modules.mobility.violations.lookup import PURPOSE, SERVICE
from tests.kinds.application.driver import Sample

VIOLATION_NO = "WF00099"
OBJECTION = {
    "name": "张三",
    "resident_id": "37010219900101001X",
    "phone": "13900000000",
    "ground": "CLONED_PLATE",
    "facts": "当时车在外地",
}
SAMPLES = [Sample(SERVICE, OBJECTION, VIOLATION_NO, consent=PURPOSE, missing=(*OBJECTION,))]
