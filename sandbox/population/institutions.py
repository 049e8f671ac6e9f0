"""The city's institutions at scale, generated from the seed: departments, schools, companies."""

import random
from collections.abc import Iterator

from core.ids import organisation_check_character, uscc_check_character
from sandbox.population.people import CROWD_SIZE

SCHOOL_COUNT = 96
SME_COUNT = 1700
HOSPITALS = (
    ("h1", "市中心医院", "City Central Hospital", "三级甲等"),
    ("h2", "市人民医院", "City People's Hospital", "三级甲等"),
    ("h3", "市中医医院", "City Hospital of Chinese Medicine", "三级甲等"),
    ("h4", "市妇幼保健院", "City Women and Children's Hospital", "三级乙等"),
    ("h5", "市第二医院", "City Second Hospital", "二级甲等"),
)
"""Code, Chinese name, English name, grade."""

DEPARTMENTS = (
    "发展和改革委员会 教育局 科学技术局 工业和信息化局 民族宗教事务局 公安局 民政局 "
    "司法局 财政局 人力资源和社会保障局 自然资源和规划局 生态环境局 住房和城乡建设局 "
    "交通运输局 水务局 农业农村局 商务局 文化和旅游局 卫生健康委员会 退役军人事务局 "
    "应急管理局 审计局 外事办公室 国有资产监督管理委员会 行政审批服务局 "
    "市场监督管理局 体育局 统计局 医疗保障局 城市管理局 园林和林业绿化局 信访局 "
    "地方金融监督管理局 大数据局 投资促进局 人民防空办公室 口岸和物流办公室 "
    "疾病预防控制中心 税务局 气象局 地震局 邮政管理局 消防救援支队 海关 烟草专卖局 "
    "住房公积金中心 社会保险事业中心 供电公司 残疾人联合会 妇女联合会 总工会 "
    "共青团委员会 红十字会 档案馆 图书馆 不动产登记中心 公共资源交易中心"
).split()
assert len(DEPARTMENTS) == 57

_STAGES = (("幼儿园", "kindergarten", 24), ("小学", "primary", 40), ("中学", "secondary", 32))
_BRANDS = "样例 示范 演示 沙盒 模拟 试运 测范 例行 仿真 虚构".split()
_WORDS = "恒 信 瑞 泰 嘉 宏 远 盛 智 达 禾 源 海 川 岳 云 星 辰".split()
_TRADES = (
    ("机械制造", "C34"), ("食品", "C14"), ("建材", "C30"), ("商贸", "F51"),
    ("物流", "G59"), ("餐饮服务", "H62"), ("软件科技", "I65"), ("环保工程", "N77"),
    ("农业科技", "A05"), ("医疗器械", "C35"),
)  # fmt: skip


def departments() -> list[dict[str, object]]:
    """The 57 departments."""
    return [{"code": f"d{n:02d}", "name_zh": name} for n, name in enumerate(DEPARTMENTS, 1)]


def schools() -> list[dict[str, object]]:
    """The 96 schools, numbered within their stage."""
    listed: list[dict[str, object]] = []
    for stage_zh, stage, count in _STAGES:
        for n in range(1, count + 1):
            code = f"s{len(listed) + 1:03d}"
            listed.append({"code": code, "name_zh": f"市第{n}{stage_zh}", "stage": stage})
    assert len(listed) == SCHOOL_COUNT
    return listed


def companies(seed: int) -> Iterator[dict[str, object]]:
    """The 1,700 small companies with valid unified social credit codes."""
    for number in range(SME_COUNT):
        yield company(seed, number)


def company(seed: int, number: int) -> dict[str, object]:
    """Company `number`, 0 up to SME_COUNT; number 0 belongs to the demo owner."""
    draw = random.Random(f"{seed}:company:{number}")
    trade, industry = draw.choice(_TRADES)
    word = draw.choice(_WORDS) + draw.choice(_WORDS)
    return {
        "uscc": uscc(number),
        "name_zh": f"沙盒市{draw.choice(_BRANDS)}{word}{trade}有限公司",
        "industry_code": industry,
        "established_on": f"{draw.randint(2003, 2024)}-{draw.randint(1, 12):02d}-01",
        "registered_capital_fen": draw.choice((50, 100, 300, 500, 1000)) * 1_000_000,
        "employees": draw.randint(1, 280),
        "owner": "demo:sme_owner" if number == 0 else f"crowd:{draw.randrange(CROWD_SIZE)}",
    }


def uscc(number: int, register: str = "91") -> str:
    """The unified social credit code of company `number`, or of a state organ (register 11).

    Its area, 990099, was never given out.
    """
    organisation = f"XX{number:06d}"
    body = f"{register}990099{organisation}" + organisation_check_character(organisation)
    return body + uscc_check_character(body)
