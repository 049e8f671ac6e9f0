"""What an item asks and promises: materials, form, fee, time, channels, places."""

import random
from collections.abc import Iterator

from sandbox.shared.registry import Record
from sandbox.systems.government_items.matters import Matter

ORGANISATION_THEMES = frozenset(
    "投资审批 商务贸易 人力资源 资质认证 文体教育 科技创新 安全生产 融资信贷 民族宗教 公安消防 "
    "设立变更 准营准办 税收财务 国土和规划建设 规划建设 环保绿化 交通运输 水务气象 农林牧渔 "
    "海关口岸 检验检疫 质量技术 抵押质押 招标拍卖".split()
)
PERMIT_THEMES = ORGANISATION_THEMES - {"税收财务", "人力资源", "招标拍卖", "融资信贷"}
TYPES = {"COMPLAIN": "SERVICE", "QUERY": "SERVICE"}
BENEFITS = tuple("津贴 补贴 救助 抚恤 待遇申领 保险金申领 报销 奖励 低保 补助".split())
CONFIRMATIONS = ("登记", "认定", "备案", "鉴定", "确认")

RESIDENT_CARD, BUSINESS_LICENCE = "居民身份证", "营业执照"
FETCHED = {
    RESIDENT_CARD: "resident_card",
    BUSINESS_LICENCE: "business_licence",
    "机动车驾驶证": "driving_licence",
    "居住证": "residence_permit",
    "结婚证": "marriage_certificate",
    "社会保障卡": "social_card",
    "不动产权证书": "property_certificate",
}
"""What the city holds as an e-licence, by its kind."""
ACTION_MATERIALS = {
    "CANCEL": ("注销申请书", "原证件"),
    "REPLACE": ("遗失声明",),
    "RENEW": ("原证件",),
    "CHANGE": ("变更事项证明材料", "原证件"),
    "QUERY": (),
    "COMPLAIN": ("情况说明",),
    "APPLY": ("申请表",),
}
PRINTED = ("申请表", "申请书", "声明", "说明", "承诺书", "授权书")
"""What is filled in on a form of the city's, by its last characters."""

PERSON_FORM = (
    ("name", "姓名", "Name", "TEXT", "person.name"),
    ("resident_id", "身份证号码", "Resident ID", "RESIDENT_ID", "person.resident_id"),
    ("phone", "手机号码", "Phone", "PHONE", "person.phone"),
    ("address", "联系地址", "Address", "TEXT", ""),
)
ORGANISATION_FORM = (
    ("organisation_name", "单位名称", "Organisation", "TEXT", "business_licence.name"),
    ("uscc", "统一社会信用代码", "Credit code", "USCC", "business_licence.uscc"),
    ("representative", "法定代表人", "Representative", "TEXT", "business_licence.representative"),
    ("site", "经营场所", "Place of business", "TEXT", "business_licence.address"),
    ("agent_name", "经办人姓名", "Agent", "TEXT", "person.name"),
    ("agent_phone", "经办人手机", "Agent's phone", "PHONE", "person.phone"),
)
ACTION_FORM = {
    "CANCEL": (("reason", "注销原因", "Reason", "PARAGRAPH", ""),),
    "REPLACE": (
        ("document_no", "原证号", "Number of the old document", "TEXT", ""),
        ("lost_on", "遗失或损坏日期", "Lost or damaged on", "DATE", ""),
    ),
    "RENEW": (
        ("document_no", "原证号", "Number of the old document", "TEXT", ""),
        ("expires_on", "有效期截止日", "Valid until", "DATE", ""),
    ),
    "CHANGE": (
        ("change", "变更内容", "What changes", "PARAGRAPH", ""),
        ("document_no", "原证号", "Number of the old document", "TEXT", ""),
    ),
    "QUERY": (("purpose", "用途", "What it is for", "TEXT", ""),),
    "COMPLAIN": (
        ("against", "被反映单位", "About whom", "TEXT", ""),
        ("facts", "事实与诉求", "Facts and request", "PARAGRAPH", ""),
    ),
    "APPLY": (("note", "申请说明", "Note", "PARAGRAPH", ""),),
}
PATTERNS = {
    "PHONE": "1[3-9][0-9]{9}",
    "RESIDENT_ID": "[0-9]{17}[0-9X]",
    "USCC": "[0-9A-Z]{18}",
}
"""Lines of text that have a form of their own."""
OPTIONAL_FIELDS = frozenset({"note", "address", "expires_on"})
DELIVERY = {
    "name": "delivery", "title": {"zh": "领取方式", "en": "How to receive the result"},
    "type": "CHOICE", "required": True, "pattern": "", "prefill": "",
    "options": [
        {"value": "COUNTER", "title": {"zh": "窗口领取", "en": "At the counter"}},
        {"value": "POST", "title": {"zh": "邮寄", "en": "By post"}},
    ],
}  # fmt: skip

FEES = {
    "居民身份证首次申领": 0, "居民身份证期满换领": 2000, "居民身份证丢失补领": 4000,
    "居民身份证损坏换领": 4000, "临时居民身份证申领": 1000, "机动车注册登记": 12500,
    "机动车驾驶证初次申领": 1000, "机动车驾驶证期满换证": 1000, "机动车驾驶证补证": 1000,
    "机动车号牌补换领": 10000, "机动车行驶证补换领": 1500, "普通护照首次申领": 12000,
    "普通护照到期换发": 12000, "普通护照遗失补发": 12000, "往来港澳通行证首次申领": 6000,
    "往来港澳通行证换发": 6000, "往来港澳旅游签注": 1500, "往来台湾通行证首次申领": 6000,
    "存量房转移登记": 8000, "新建商品房转移登记": 8000, "不动产权证书补发": 1000,
}  # fmt: skip
"""What is charged, in fen; everything else is free."""
STAGES = {
    "建筑工程施工许可证核发": (("d13",), ("d36", "d43"), ("d13",)),
    "企业设立登记": (("d25",),),
    "民办幼儿园设立审批": (("d02",), ("d43", "d19")),
    "居住证申领": (("d06",),),
    "存量房转移登记": (("d56",), ("d39",)),
}
"""Which departments deal with an item, stage after stage, those of one stage at the same time."""
FOUR_EYES = ("补贴申领", "补贴申请", "奖励申请", "救助申请", "资质核准", "许可证核发")
RESULTS = ("许可证", "登记证", "资格证", "证明", "执照", "通行证", "护照", "居住证")


def guide(matter: Matter, draw: random.Random, department_name: str) -> Record:
    """All that a citizen is told of an item beside its name."""
    organisation = matter.theme_zh in ORGANISATION_THEMES
    legal = 0 if matter.action == "QUERY" else draw.choice((5, 10, 15, 20, 30, 45, 60))
    return {
        "item_type": _type(matter),
        "audience": ["ORGANISATION"] if organisation else ["PERSON"],
        "legal_days": legal,
        "promised_days": 0 if legal <= 5 else max(1, round(legal * draw.choice((0.1, 0.2, 0.4)))),
        "channels": _channels(matter, draw),
        "visits": 0 if draw.random() < 0.8 else 1,
        "fee_fen": FEES.get(matter.name_zh, 0),
        "materials": list(_materials(matter, organisation)),
        "form": list(_form(matter, organisation)),
        "result_zh": _result(matter),
        "exclusive": matter.action != "QUERY" and not organisation,
        "four_eyes": matter.name_zh.endswith(FOUR_EYES),
        "stages": STAGES.get(matter.name_zh, ((f"d{matter.department_no:02d}",),)),
        "counter": {
            "place_zh": f"市政务服务中心{department_name}窗口",
            "address_zh": f"沙盒市示范区演示路{100 + matter.department_no}号",
            "opening_hours": "Mo-Fr 09:00-12:00,13:00-17:00; PH off",
            "phone": f"0000-1{matter.department_no:06d}",
        },
        "cases_last_year": max(1, round(matter.cases / (1 + matter.place_in_line) ** 0.7)),
    }


def _type(matter: Matter) -> str:
    if matter.action in TYPES:
        return TYPES[matter.action]
    if any(word in matter.name_zh for word in BENEFITS):
        return "BENEFIT"
    if matter.theme_zh in PERMIT_THEMES and not matter.name_zh.endswith(CONFIRMATIONS):
        return "PERMIT"
    return "CONFIRMATION" if matter.name_zh.endswith(CONFIRMATIONS) else "SERVICE"


def _channels(matter: Matter, draw: random.Random) -> list[str]:
    more = [c for c in ("SELF_SERVICE", "POST") if draw.random() < 0.3]
    return ["ONLINE", "COUNTER", *more]


def _materials(matter: Matter, organisation: bool) -> Iterator[Record]:
    own = BUSINESS_LICENCE if organisation else RESIDENT_CARD
    papers = () if "设立" in matter.name_zh and organisation else (own,)
    names = (*papers, *matter.materials, *ACTION_MATERIALS[matter.action])
    for number, name in enumerate(dict.fromkeys(names), 1):
        printed = name.endswith(PRINTED)
        yield {
            "material_no": f"m{number:02d}",
            "name_zh": name,
            "form": "FORM" if printed else "ORIGINAL" if number == 1 else "COPY",
            "required": True,
            "licence_kind": FETCHED.get(name),
            "media_types": ["application/pdf", "image/jpeg", "image/png"],
            "pages_max": 2 if name in FETCHED else 20,
        }


def _form(matter: Matter, organisation: bool) -> Iterator[Record]:
    common = ORGANISATION_FORM if organisation else PERSON_FORM
    for name, title_zh, title_en, kind, prefill in (*common, *ACTION_FORM[matter.action]):
        yield {
            "name": name,
            "title": {"zh": title_zh, "en": title_en},
            "type": "TEXT" if kind in PATTERNS else kind,
            "required": name not in OPTIONAL_FIELDS,
            "pattern": PATTERNS.get(kind, ""),
            "prefill": prefill,
            "options": [],
        }
    if matter.action not in ("QUERY", "COMPLAIN", "CANCEL"):
        yield DELIVERY


def _result(matter: Matter) -> str:
    """What the applicant is given in the end, after the matter's own name."""
    for word in RESULTS:
        if word in matter.name_zh:
            return matter.name_zh[: matter.name_zh.index(word) + len(word)]
    if matter.subject_zh.endswith("许可"):
        return f"{matter.subject_zh}证"
    return f"{matter.name_zh}办理结果"
