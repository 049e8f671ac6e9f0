"""The matters of all departments, out of `matters.txt` and `life_events.txt`, as numbered items."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sandbox.population.institutions import DEPARTMENTS, uscc

FOLDER = Path(__file__).parent
ONLINE_COUNT = 1165
MACROS = {
    "LICENCE": ("新办", "变更", "延续", "补发", "注销"),
    "FILING": ("备案", "备案变更", "备案注销"),
}
CITY_LEVEL = "3"
STATE_ORGANS = 9_000
"""The company numbers from here on are those of departments."""


@dataclass(frozen=True)
class Matter:
    """One item as the vocabulary has it. `number` is 1 to 1,165, and higher for withdrawn ones."""

    number: int
    code: str
    name_zh: str
    department_no: int
    theme_zh: str
    subject_zh: str
    materials: tuple[str, ...]
    cases: int
    place_in_line: int
    is_withdrawn: bool
    successor_zh: str

    @property
    def action(self) -> str:
        """What is done about the subject, by the name's last characters."""
        for action, endings in ACTIONS.items():
            if self.name_zh.endswith(endings):
                return action
        return "APPLY"


ACTIONS = {
    "CANCEL": ("注销", "终止", "停业", "退出", "销户", "注销登记", "备案撤销", "停发"),
    "REPLACE": ("补发", "补领", "补办", "补证", "补换", "挂失", "补换领", "补领换领", "补发换发"),
    "RENEW": ("延续", "换领", "换证", "换发", "延期", "年审", "延续注册", "期满换证", "签注"),
    "CHANGE": ("变更", "变更登记", "更正", "增容", "过户", "更名", "转移登记", "变更注册"),
    "QUERY": ("查询", "开具", "查阅", "查询打印", "咨询"),
    "COMPLAIN": ("投诉", "举报", "投诉处理", "报修", "举报受理", "投诉受理"),
}


@dataclass(frozen=True)
class LifeEvent:
    """Something that happens in a life, with its items' names in their usual order."""

    id: str
    name_zh: str
    name_en: str
    items: tuple[str, ...]


@lru_cache(maxsize=1)
def matters() -> tuple[Matter, ...]:
    """Every item: the 1,165 that can be applied for online, then the withdrawn ones."""
    rows = list(_rows())
    ordered = [row for row in rows if not row[-2]] + [row for row in rows if row[-2]]
    found = tuple(
        Matter(number, _code(number, row[1]), *row) for number, row in enumerate(ordered, 1)
    )
    assert sum(not matter.is_withdrawn for matter in found) == ONLINE_COUNT
    assert len({matter.name_zh for matter in found}) == len(found)
    return found


@lru_cache(maxsize=1)
def life_events() -> tuple[LifeEvent, ...]:
    """The life events of the registry."""
    return tuple(
        LifeEvent(cells[0], cells[1], cells[2], tuple(cells[3].split()))
        for _, cells in _lines("life_events.txt")
    )


def department_uscc(number: int) -> str:
    """A department's unified social credit code; registers of state organs begin with 11."""
    return uscc(STATE_ORGANS + number, "11")


def _code(number: int, department_no: int) -> str:
    """31 characters as in GB/T 39554.1: who deals with it, at which level, and the basic code."""
    basic = f"{department_no:03d}{number:06d}000"
    return department_uscc(department_no) + CITY_LEVEL + basic


def _rows() -> Iterator[tuple[str, int, str, str, tuple[str, ...], int, int, bool, str]]:
    for department, cells in _lines("matters.txt"):
        theme, subject, actions = cells[:3]
        materials = tuple(filter(None, cells[3].split(","))) if len(cells) > 3 else ()
        cases = int(cells[4]) if len(cells) > 4 else 240
        words = [word for text in actions.split() for word in MACROS.get(text, (text,))]
        for place, word in enumerate(words):
            withdrawn = word.startswith("-")
            name, _, successor = word.lstrip("=-").partition(">")
            full = name if word[0] in "=-" else subject + name
            department_no = DEPARTMENTS.index(department) + 1
            yield (
                full, department_no, theme, subject, materials, cases, place, withdrawn, successor
            )  # fmt: skip


def _lines(name: str) -> Iterator[tuple[str, list[str]]]:
    """The cells of a file's lines, each with the heading above it."""
    heading = ""
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            heading = line.strip("[]")
        elif "|" in line and not line.startswith("#"):
            yield heading, [cell.strip() for cell in line.split("|")]
