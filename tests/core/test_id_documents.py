"""Documents by number: what each kind looks like, and the one spelling in which it is kept.

The numbers are those that others have printed: the travel permits' rules of the Ministry of Public
Security (2010-03-10) and the immigration administration (2020, No. 21); 810000199408230021 and
830000199201300022 from the Beijing police's specimen cards (jxlwqq/id-validator.py, README);
KAZ110090123105 from Xiahaimoyu/credentialkit's tests; 911840198503150016 from GA 2102-2023;
X320101001 from the first certificate of the seventh edition (Yixing, 2023-04-01).
"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.id_documents import (
    Document,
    DocumentKind,
    document_of,
    kind_of,
    machine_read_check_digit,
    read_certificate_no,
    read_document_no,
)
from core.ids import new_id
from core.people.directory import Person
from core.security.vault import mask_document_no
from core.standards.document_codes import INSURANCE
from core.telemetry.masking import mask_message, mask_text, mask_value

TODAY = date(2026, 11, 29)
RESIDENT, FOREIGN = DocumentKind.RESIDENT_ID, DocumentKind.FOREIGN_RESIDENT
HK_MACAO, TAIWAN = DocumentKind.HK_MACAO_PERMIT, DocumentKind.TAIWAN_PERMIT


@pytest.mark.parametrize(
    ("typed", "kept", "kind"),
    [
        ("810000199408230021", "810000199408230021", RESIDENT),
        ("830000199201300022", "830000199201300022", RESIDENT),
        ("810000199408230022", "810000199408230022", None),
        ("911840198503150016", "911840198503150016", RESIDENT),
        ("911840198503150017", "911840198503150017", None),
        ("kaz 110090123105", "KAZ110090123105", FOREIGN),
        ("KAZ110090123106", "KAZ110090123106", None),
        ("KA1110090123105", "KA1110090123105", None),
        ("H1234567800", "H12345678", HK_MACAO),  # two digits count the renewals
        ("H1234567801", "H12345678", HK_MACAO),
        ("m 1234 5678", "M12345678", HK_MACAO),
        ("Ｈ１２３４５６７８", "H12345678", HK_MACAO),
        ("C12345678", "C12345678", None),  # a mainlander's permit to Hong Kong
        ("H123456789", "H123456789", None),
        ("12345678", "12345678", TAIWAN),
        ("1234567801", "12345678", TAIWAN),
        ("1234567801(B)", "12345678", TAIWAN),
        ("1234567801（B）", "12345678", TAIWAN),
        ("13800138000", "13800138000", None),  # a phone is no permit
        ("1234567", "1234567", None),
        ("X320101001", "X320101001", None),  # a guardian's word alone
        ("", "", None),
    ],
)
def test_a_document_has_one_spelling_and_one_kind(
    typed: str, kept: str, kind: DocumentKind | None
) -> None:
    assert read_document_no(typed) == kept
    assert kind_of(kept, today=TODAY) == kind


@pytest.mark.parametrize(
    ("number", "born_on", "said"),
    [
        ("810000199408230021", None, date(1994, 8, 23)),
        ("810000199408230021", date(1994, 8, 23), date(1994, 8, 23)),
        ("810000199408230021", date(1994, 8, 24), None),
        ("KAZ110090123105", date(1990, 12, 31), date(1990, 12, 31)),
        ("KAZ110090123105", date(1991, 12, 31), None),
        ("KAZ110090123105", None, None),
        ("H12345678", date(1990, 12, 31), date(1990, 12, 31)),
        ("H12345678", None, None),
        ("H12345678", date(2026, 11, 30), None),
        ("12345678", date(1899, 12, 31), None),
    ],
)
def test_a_number_and_a_birth_date_agree(
    number: str, born_on: date | None, said: date | None
) -> None:
    found = document_of(number, born_on, today=TODAY)
    assert (found and found.born_on) == said


@given(st.integers(0, 13), st.sampled_from("0123456789"))
def test_one_wrong_digit_of_an_older_residence_card_is_noticed(place: int, digit: str) -> None:
    """The weights 7, 3 and 1 have no factor in common with 10."""
    body = "KAZ11009012310"
    if body[place].isdigit() and body[place] != digit:
        other = body[:place] + digit + body[place + 1 :]
        assert machine_read_check_digit(other) != machine_read_check_digit(body)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("X320101001", "X320101001"),
        (" x320 101001 ", "X320101001"),
        ("Ｘ３２０１０１００１", "X320101001"),
        ("X32010100", None),
        ("XX32010100", None),
        ("1320101001", None),
        ("X320101001\n1", None),
        ("", None),
    ],
)
def test_a_birth_certificate_is_a_letter_and_nine_digits(typed: str, kept: str | None) -> None:
    assert read_certificate_no(typed) == kept


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("11010519491231002X", "110105********002X"),
        ("KAZ110090123105", "KAZ110*****3105"),
        ("H12345678", "H******78"),
        ("12345678", "1*****78"),
        ("X320101001", "X*******01"),
        ("", ""),
    ],
)
def test_no_document_is_shown_whole(number: str, masked: str) -> None:
    assert mask_document_no(number) == masked


def test_a_document_is_not_written_out_by_what_quotes_its_holder() -> None:
    """Eight digits have no shape by which a log would know them."""
    document = Document(TAIWAN, "12345678", date(1990, 12, 31))
    holder = Person(new_id(), "13900000000", "陳大文", None, 2, "zh", other_document=document)
    for text in (repr(document), repr(holder)):
        assert "12345678" not in text and "1990, 12" not in text
    named = INSURANCE.members(TAIWAN, "12345678", date(1990, 12, 31))
    quoted = f"asked with {named}"
    for text in (mask_text(quoted), str(mask_value(named)), mask_message(quoted)):
        assert "12345678" not in text and "1990" not in text
    for bar in ("|", "%7C"):
        assert "12345678" not in mask_text(f"urn:quancheng:document:taiwan-permit{bar}12345678")


@pytest.mark.parametrize(
    "number",
    ["911840198503150016", "93784019850315001X", "KAZ110090123105", "H1234567800", "M12345678",
     "X320101001"],
)  # fmt: skip
def test_no_document_gets_into_a_log(number: str) -> None:
    assert number not in mask_text(f"asked for {number}, no answer")
    assert number[:6] not in mask_text(f"asked for {number}, no answer")
