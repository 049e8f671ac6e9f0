"""Names and numbers as people type them: one person, one phone, one car, one spelling."""

import re
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import is_mobile, is_resident_id
from core.typed_text import HAN, read_code, read_mobile, read_name, read_plate, read_resident_id
from tests.conftest import ROOT
from tests.tree import files_of_the_tree

TODAY = date(2026, 11, 23)
RESIDENT = "11010519491231002X"
SEPARATORS = ["", " ", "-", "\u2011", "\u00a0", "\u3000", "\u202d", "\u200b", "\ufeff", "  "]


def _full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isascii() else char for char in text)


@st.composite
def as_typed(draw: st.DrawFn, number: str) -> str:
    """A number with separators, invisible marks and full-width characters anywhere."""
    parts = [
        draw(st.sampled_from(SEPARATORS)) + (_full_width(char) if draw(st.booleans()) else char)
        for char in number
    ]
    return "".join(parts) + draw(st.sampled_from(SEPARATORS))


@given(st.data())
def test_a_number_has_one_spelling_however_it_is_typed(data: st.DataObject) -> None:
    phone = data.draw(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True).filter(str.isascii))
    before = data.draw(st.sampled_from(["", "+86", "0086", "86", "(+86)"]))
    assert read_mobile(data.draw(as_typed(before + phone))) == phone
    assert read_resident_id(data.draw(as_typed(RESIDENT.lower()))) == RESIDENT
    assert read_code(data.draw(as_typed("041041"))) == "041041"
    assert read_plate(data.draw(as_typed("\u9c81a\u00b7d12345"))) == "\u9c81AD12345"


@pytest.mark.parametrize("text", ["", "1380013800", "+8513800138000", "8680013800138", "x" * 5000])
def test_what_is_no_phone_stays_none(text: str) -> None:
    assert not is_mobile(read_mobile(text))


@pytest.mark.parametrize(
    ("typed", "kept", "is_good"),
    [
        ("370102491231002", "370102194912310029", True),
        ("11010519491231002x", RESIDENT, True),
        (f" {RESIDENT} ", RESIDENT, True),
        ("3701021949123100a9", "3701021949123100A9", False),
        ("37010249123100", "37010249123100", False),
        ("３７０１０２１９４９１２３１００２９", "370102194912310029", True),
        ("110105 19491231 002Ｘ", RESIDENT, True),
    ],
)
def test_a_typed_resident_id_is_kept_in_one_form(typed: str, kept: str, is_good: bool) -> None:
    """chinabugotech/hutool#1348, mc-zone/IDValidator#6, jxlwqq/id-validator.py#26."""
    assert read_resident_id(typed) == kept
    assert is_resident_id(kept, today=TODAY) is is_good


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张三", "张三"),
        (" 欧阳娜娜 ", "欧阳娜娜"),
        ("𠮷田", "𠮷田"),
        ("㐱三", "㐱三"),
        ("\U00030000三", "\U00030000三"),
        ("张\u3007", "张\u3007"),
        ("\ufa0e三", "\ufa0e三"),
        ("迪丽热巴·迪力木拉提", "迪丽热巴·迪力木拉提"),
        ("买买提·吐尔逊·艾力", "买买提·吐尔逊·艾力"),
        ("买买提 \u2022 吐尔逊", "买买提·吐尔逊"),
        ("Anna O'Neil-Smith", "Anna O'Neil-Smith"),
        ("O\u2019Connor", "O'Connor"),
        ("SMITH, JOHN", "SMITH, JOHN"),
        ("Jose\u0301 Müller", "José Müller"),
        ("NGUYỄN VĂN ANH", "NGUYỄN VĂN ANH"),
        ("ＳＭＩＴＨ　Ｊ", "SMITH J"),
        ("'t Hooft", "'t Hooft"),
        ("·张三", None),
        ("张三·", None),
        ("张··三", None),
        ("张3", None),
        ("张 三", "张三"),
        ("张\u3000三", "张三"),
        ("\u202d张三\u200b\ufeff", "张三"),
        ("张\u200b三", None),
        ("\u200b", None),
        ("Zhang三", None),
        ("김철수", None),
        ("张\ue863", None),
        ("张\u202e三", None),
        ("Αλέξης", None),
        ("👨‍👩‍👧", None),
        ("三" * 51, None),
    ],
)
def test_names_as_they_are_on_the_card(typed: str, name: str | None) -> None:
    assert read_name(typed) == name


@pytest.mark.parametrize(
    "dot", "\u00b7\u0387\u16eb\u2022\u2027\u2219\u22c5\u25cf\u2e31\u30fb\uff65\uff0e."
)
def test_every_middle_dot_is_the_same_dot(dot: str) -> None:
    assert read_name(f"买买提{dot}吐尔逊") == "买买提\u00b7吐尔逊"
    assert read_plate(f"鲁A{dot}12345") == "鲁A12345"


@pytest.mark.parametrize("mark", "\u2018\u2019\u02bc\u02b9\u2032\u0060\u00b4\uff07'")
def test_every_apostrophe_is_the_same_apostrophe(mark: str) -> None:
    assert read_name(f"Sean O{mark}Neill") == "Sean O'Neill"


@pytest.mark.parametrize("dash", "-\u2010\u2011\u2012\u2013\u2014\u2212")
def test_every_dash_is_the_same_dash(dash: str) -> None:
    assert read_name(f"Anna Smith{dash}Jones") == "Anna Smith-Jones"
    assert read_mobile(f"138{dash}0013{dash}8000") == "13800138000"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("\u3400", "\u4dbf"),  # A
        ("\U00020000", "\U0002a6df"),  # B
        ("\U0002a700", "\U0002b739"),  # C
        ("\U0002b740", "\U0002b81d"),  # D
        ("\U0002b820", "\U0002cea1"),  # E
        ("\U0002ceb0", "\U0002ebe0"),  # F
        ("\U00030000", "\U0003134a"),  # G
        ("\U00031350", "\U000323af"),  # H
        ("\U0002ebf0", "\U0002ee5d"),  # I
        ("\U000323b0", "\U00033479"),  # J
    ],
)
def test_a_name_may_have_characters_of_every_extension(first: str, last: str) -> None:
    """The blocks of Unicode 17.0, CJK Unified Ideographs Extension A to J."""
    for char in (first, last):
        assert read_name(f"\u5f20{char}") == f"\u5f20{char}"


def test_the_ranges_of_chinese_characters_end_where_they_should() -> None:
    for first, last in HAN:
        for code in (first, last):
            assert read_name(chr(code)) == chr(code)
        for code in (first - 1, last + 1):
            assert read_name(chr(code)) is None, hex(code)
        assert unicodedata.name(chr(first)).startswith(("CJK", "IDEOGRAPHIC NUMBER ZERO"))


_ESCAPED = re.compile(
    "[\u0387\u16eb\u2022\u2027\u2219\u22c5\u25cf\u2e31\uff65\uff0e\u2018\u02bc\u02b9\u2032\u3007\uff07"
    "\u2010\u2011\u2012\u2212]"
)


def test_the_characters_that_look_alike_are_escaped_where_they_are_told_apart() -> None:
    """In the two files whose meaning hangs on which one it is (core.typed_text says why)."""
    for path in ("core/typed_text.py", "core/id_documents.py"):
        assert _ESCAPED.search((ROOT / path).read_text(encoding="utf-8")) is None, path


def test_no_source_holds_a_character_that_an_editor_would_normalise() -> None:
    changed = [
        str(path)
        for path in files_of_the_tree()
        if path.suffix == ".py"
        and not unicodedata.is_normalized("NFC", (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert changed == []


@pytest.mark.parametrize(
    ("text", "plate"),
    [
        ("鲁A12345", "鲁A12345"),
        (" 鲁a·d12345 ", "鲁AD12345"),
        ("宁Z 00001", "宁Z00001"),
        ("鲁A1234学", "鲁A1234学"),
        ("鲁A·1234挂", "鲁A1234挂"),
        ("鲁A1234警", "鲁A1234警"),
        ("粤Z1234港", "粤Z1234港"),
        ("使014578", "使014578"),
        ("224578使", "224578使"),
        ("沪A0023领", "沪A0023领"),
        ("京X1234应急", "京X1234应急"),
        ("Ａ12345", None),
        ("A12345", None),
        ("鲁A1234", None),
        ("鲁A1234567", None),
        ("鲁A12345学", None),
        ("鲁112345", None),
        ("学A12345", None),
        ("鲁AI2345", None),
        ("", None),
        ("鲁A12345'; --", None),
    ],
)
def test_a_plate_has_one_spelling(text: str, plate: str | None) -> None:
    """The forms of GA 36-2018; chinabugotech/hutool lists the same special plates."""
    assert read_plate(text) == plate
