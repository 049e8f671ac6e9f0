"""The people of the sandbox city: a handful with a story, and a crowd drawn from the seed.

Nobody here can be anybody: every resident ID carries an area code that was never given out
(county 99 of prefecture 00), with a valid check digit. A person of the crowd is computed from
a number when asked for, and that number can be read back from the resident ID, so nothing is
stored and nothing takes time at start-up.
"""

import random
from base64 import b32encode
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256

from core.ids import resident_birth_date, resident_id_check_digit

CROWD_SIZE = 20_000
AREA = "0099"
FIRST_BIRTH = date(1936, 1, 1)
LAST_BIRTH = date(2024, 12, 31)
CROWD_HOUSEHOLD_BASE = 1000
CROWD_HOUSEHOLD_SIZE = 3
DOTTED_PROB = 0.03

_PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45".split()
_DEMO_PROVINCE = "50"
_SURNAMES = (
    "王 李 张 刘 陈 杨 黄 赵 周 吴 徐 孙 马 朱 胡 郭 何 高 林 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 "
    "程 曹 袁 邓 许 傅 沈 曾 彭 吕 欧阳 司马 上官 亓 逄 昝 仉 镡 禚 𨱏"
).split()
_GIVEN = (
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀兰 霞 平 建国 桂英 子涵 雨桐 梓轩 浩然 "
    "欣怡 一诺 宇航 思远 文博 晓东 春梅 玉珍 志强 海燕 若曦 犇 喆 翀 昶 彧 堃 䶮 㛃 㻛 𬭎 𣲗"
).split()
_DOTTED = (
    "阿迪力·吐尔逊 古丽娜尔·艾合买提 买买提·依明 热依汗古丽·阿不都热合曼 木拉提·哈力克 "
    "阿依努尔·巴合提别克 其其格·巴图 斯琴高娃·额尔德尼"
).split()


@dataclass(frozen=True)
class Person:
    """Someone with an identity and a home. `household_no` leads to the household's meters."""

    name: str
    phone: str
    resident_id: str
    household_no: int

    @property
    def born_on(self) -> date:
        """The birth date inside the resident ID."""
        born_on = resident_birth_date(self.resident_id)
        assert born_on is not None
        return born_on

    @property
    def is_male(self) -> bool:
        """The sex inside the resident ID."""
        return int(self.resident_id[16]) % 2 == 1

    def age_on(self, day: date) -> int:
        """Whole years of age on a day."""
        born = self.born_on
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True)
class DemoPerson(Person):
    """Someone with a story, by whom journeys are shown and tested."""

    key: str
    role: str
    note_zh: str
    note_en: str


# Key, role, name, birth date, sequence (odd = male), household, the story in two languages.
_DEMO = (
    ("citizen", "citizen", "甄示范", "19880517", 1, 1,
     "上班族,有公积金,水费待缴", "Employee with a housing fund and an unpaid water bill"),
    ("parent", "parent", "贾样例", "19850923", 2, 2,
     "一个孩子的妈妈,有公积金贷款", "Mother of one, with a housing fund loan"),
    ("child", "child", "贾小例", "20170608", 3, 2,
     "小学生,贾样例的孩子", "Schoolchild of 贾样例"),
    ("elder", "elder", "甄长青", "19480301", 4, 3,
     "退休老人,公积金已销户", "Pensioner; the housing fund account is closed"),
    ("sme_owner", "sme_owner", "钱样板", "19790715", 5, 4,
     "小企业主", "Owner of a small business"),
    ("bank_officer", "bank_officer", "银示行", "19900220", 6, 5,
     "合作银行客户经理", "Officer of a partner bank"),
    ("grid_worker", "grid_worker", "戈演示", "19930911", 7, 6,
     "社区网格员", "Community grid worker"),
    ("department_officer", "department_officer", "部示办", "19821130", 8, 7,
     "政府部门经办人", "Officer of a government department"),
    ("citizen_dotted", "citizen", "示范古丽·样例江", "19951012", 10, 8,
     "姓名带间隔号", "A name with a middle dot"),
    ("citizen_rare", "citizen", "甄䶮", "19960606", 9, 9,
     "姓名含生僻字", "A name with a rare character"),
    ("risk_officer", "risk_officer", "冯示控", "19860417", 11, 10,
     "平台融资风险经理", "Risk officer of the platform's loans"),
    ("operator", "operator", "云示维", "19910805", 12, 11,
     "平台运维人员", "Operator of the platform"),
    ("citizen_abroad", "citizen", "侨示例", "19841203", 13, 12,
     "已出国定居,社会保险关系已终止", "Settled abroad; all social insurance is closed"),
    ("citizen_deceased", "citizen", "甄往昔", "19410612", 15, 13,
     "已去世,养老待遇已停发", "Deceased; the pension has ended"),
    ("family_doctor", "family_doctor", "仁示医", "19800905", 14, 14,
     "社区家庭医生", "Family doctor of a community health centre"),
    ("probe", "probe", "探示针", "19870806", 16, 15,
     "服务自检用户,不是真人", "As whom the services are asked whether they answer"),
)  # fmt: skip


STAFF_ROLES = frozenset(
    {
        "bank_officer",
        "grid_worker",
        "department_officer",
        "risk_officer",
        "operator",
        "family_doctor",
    }
)


def sandbox_totp_secret(person: Person) -> str:
    """The authenticator secret of a demo member of staff, in base32.

    Known to everybody who knows the phone: it protects nothing but a sandbox.
    """
    return b32encode(sha256(f"sandbox totp {person.phone}".encode()).digest()[:20]).decode()


class Population:
    """Everybody the registries know."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @cached_property
    def demo(self) -> tuple[DemoPerson, ...]:
        """The people with a story."""
        return tuple(
            DemoPerson(
                name=name,
                phone=f"1990000{sequence:04d}",
                resident_id=_resident_id(_DEMO_PROVINCE, birth, sequence),
                household_no=household,
                key=key,
                role=role,
                note_zh=note_zh,
                note_en=note_en,
            )
            for key, role, name, birth, sequence, household, note_zh, note_en in _DEMO
        )

    def crowd(self, number: int) -> Person:
        """Person `number` of the crowd, 0 up to CROWD_SIZE."""
        draw = random.Random(f"{self._seed}:person:{number}")
        born_on = FIRST_BIRTH + timedelta(days=draw.randrange((LAST_BIRTH - FIRST_BIRTH).days + 1))
        return Person(
            name=draw_name(draw),
            phone=f"191{number:08d}",
            resident_id=_resident_id(
                _PROVINCES[number // 1000], f"{born_on:%Y%m%d}", number % 1000
            ),
            household_no=CROWD_HOUSEHOLD_BASE + number // CROWD_HOUSEHOLD_SIZE,
        )

    def find(self, resident_id: str) -> Person | None:
        """Whose resident ID this is, or None."""
        for person in self.demo:
            if person.resident_id == resident_id:
                return person
        if resident_id[:2] not in _PROVINCES or not resident_id[14:17].isdigit():
            return None
        candidate = self.crowd(_PROVINCES.index(resident_id[:2]) * 1000 + int(resident_id[14:17]))
        return candidate if candidate.resident_id == resident_id else None

    def by_phone(self, phone: str) -> Person | None:
        """Whose mobile number this is, or None."""
        for person in self.demo:
            if person.phone == phone:
                return person
        number = phone.removeprefix("191")
        if len(number) != 8 or not (number.isascii() and number.isdigit()):
            return None
        return self.crowd(int(number)) if int(number) < CROWD_SIZE else None

    def holder(self, household_no: int) -> Person | None:
        """In whose name a household's accounts are: its first member. None for no household."""
        for person in self.demo:
            if person.household_no == household_no:
                return person
        number = (household_no - CROWD_HOUSEHOLD_BASE) * CROWD_HOUSEHOLD_SIZE
        return self.crowd(number) if 0 <= number < CROWD_SIZE else None


def draw_name(draw: random.Random) -> str:
    """A name: surname and given name, now and then rare characters or a middle dot."""
    if draw.random() < DOTTED_PROB:
        return draw.choice(_DOTTED)
    return draw.choice(_SURNAMES) + draw.choice(_GIVEN)


def _resident_id(province: str, birth: str, sequence: int) -> str:
    body = f"{province}{AREA}{birth}{sequence:03d}"
    return body + resident_id_check_digit(body)
