"""The services of affairs that run on the workflow engine, as their contract suite fills them."""

from tests.kinds.application.driver import Sample

PERMIT = {
    "name": "张三",
    "resident_id": "37010219900101001X",
    "phone": "13900000000",
    "registered_in": "371525",
    "address": "历下区文化东路 88 号",
    "lives_here_since": "2026-05-23",
    "ground": "WORK",
    "delivery": "POST",
}

KINDERGARTEN = "11990099XX0090026A3002000050000"
"""Examined by education, then by the fire brigade and by health at the same time."""

FOUNDATION = {
    "organisation_name": "泉边幼儿园",
    "uscc": "913700001630477270",
    "representative": "张三",
    "site": "历下区芙蓉街 1 号",
    "agent_name": "张三",
    "agent_phone": "13900000000",
    "delivery": "COUNTER",
}

SAMPLES = [
    Sample(
        "gov-case-apply",
        answers=FOUNDATION,
        item=KINDERGARTEN,
        papers=("m01", "m02", "m03", "m04"),
        missing=(*FOUNDATION, "m01", "m02", "m03", "m04"),
    ),
    Sample(
        "gov-rating",
        answers={"case_no": "1234520261123000001", "grade": "2", "text": "没有人接电话"},
        missing=("case_no", "grade"),
    ),
    Sample(
        "residence-permit-apply",
        answers=PERMIT,
        papers=("id_card", "photo", "residence", "work"),
        missing=(
            "name",
            "resident_id",
            "phone",
            "registered_in",
            "address",
            "lives_here_since",
            "ground",
            "delivery",
            "id_card",
            "photo",
            "residence",
        ),
    ),
]
