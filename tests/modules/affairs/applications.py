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

RESTAURANT = "11370100004188526E3370131017000"
SHOP = {
    "shop_name": "泉边小馆",
    "address": "历下区芙蓉街 1 号",
    "area_m2": "80",
    "owner": "张三",
    "phone": "13900000000",
    "delivery": "E_LICENCE",
}

SAMPLES = [
    Sample(
        "gov-case-apply",
        answers=SHOP,
        item=RESTAURANT,
        papers=("lease", "layout", "health"),
        missing=(
            "shop_name",
            "address",
            "area_m2",
            "owner",
            "phone",
            "delivery",
            "lease",
            "layout",
            "health",
        ),
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
