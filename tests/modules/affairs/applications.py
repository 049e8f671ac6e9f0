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

SAMPLES = [
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
    )
]
