"""The services of health that run on the workflow engine, as their contract suite fills them."""

from tests.kinds.application.driver import Sample

PERSON = {"name": "张三", "resident_id": "37010219900101001X", "phone": "13900000000"}
PLACE = {**PERSON, "scheme": "EMPLOYEE", "place": "110105"}
LONG_TERM = {**PLACE, "starts_on": "2026-11-23", "group": "WORKING", "proof": "WORK"}
REFERRAL = {**PLACE, "starts_on": "2026-11-23", "referred_by": "市中心医院"}
EMERGENCY = {**PLACE, "hospital": "朝阳区某医院", "treated_on": "2026-11-22"}
CANCEL = {**PERSON, "filing_no": "YDJY20261123000001"}

SIGN = {
    **PERSON,
    "address": "历下区文化东路 88 号",
    "team": "t1",
    "starts_on": "2026-12-01",
    "package": "BASIC",
    "consent": "true",
}
END = {**PERSON, "agreement_no": "JTYS20261123000001"}
RENEW = {**END, "team": "t2", "package": "BASIC", "consent": "true"}

_DOCTOR, _FILING = "family-doctor-sign", "remote-medical-filing"

SAMPLES = [
    Sample(_FILING, LONG_TERM, "LONG_TERM", papers=("work",), missing=(*LONG_TERM,)),
    Sample(_FILING, REFERRAL, "REFERRAL", papers=("referral",), missing=(*REFERRAL, "referral")),
    Sample(_FILING, EMERGENCY, "EMERGENCY", missing=(*EMERGENCY,)),
    Sample(_FILING, CANCEL, "CANCEL", missing=(*CANCEL,)),
    Sample(_DOCTOR, SIGN, "SIGN", missing=(*SIGN,)),
    Sample(_DOCTOR, RENEW, "RENEW", missing=(*RENEW,)),
    Sample(_DOCTOR, END, "END", missing=(*END,)),
]
