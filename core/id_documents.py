"""The documents by which people are known: their kinds, the form of each number, what it says, and
how an office is told of one.

Sources: GB 11643-1999 (resident ID, 18 characters; the residence permits of people from Hong Kong,
Macao and Taiwan have the same form with 810000, 820000, 830000, and so do the permanent residence
cards of foreigners since 2023 with a 9 first, GA 2102-2023). Permanent residence cards until 2023:
three letters of the nationality (ISO 3166-1), four digits of the place, birth date (yymmdd), one
digit, and a check digit by the weights 7, 3, 1 (ICAO Doc 9303-3, 4.9). Mainland travel permits of
Hong Kong and Macao residents: H or M, eight digits for life, two for the number of renewals
(公安部出入境管理局, 港澳居民来往内地通行证号码规则, 2010-03-10). Mainland travel permits of Taiwan
residents: eight digits for life; until 2008-09-25 followed by two for the number of renewals and
the office's sign in brackets (国家移民管理局, 中国出入境观察, 2020, No. 21, p. 34). Birth
certificates: a letter and nine digits (国家卫生健康委, 出生医学证明第七版, since 2023-04-01).
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from core.ids import is_resident_id, resident_birth_date
from core.typed_text import fold_number, read_resident_id


class DocumentKind(StrEnum):
    """RESIDENT_ID: any number of the form of GB 11643. FOREIGN_RESIDENT: a permanent residence card
    as issued until 2023. HK_MACAO_PERMIT and TAIWAN_PERMIT: mainland travel permits.
    BIRTH_CERTIFICATE: of a child without an ID number yet.
    """

    RESIDENT_ID = "RESIDENT_ID"
    FOREIGN_RESIDENT = "FOREIGN_RESIDENT"
    HK_MACAO_PERMIT = "HK_MACAO_PERMIT"
    TAIWAN_PERMIT = "TAIWAN_PERMIT"
    BIRTH_CERTIFICATE = "BIRTH_CERTIFICATE"


@dataclass(frozen=True, slots=True)
class Document:
    """A document and the birth date of its holder."""

    kind: DocumentKind
    number: str = field(repr=False)
    born_on: date = field(repr=False)
    """Neither is written out: eight digits have no shape by which a log would know them."""


@dataclass(frozen=True, slots=True)
class DocumentCodes:
    """Which documents an office takes, each by its code in the list that the office's field uses.

    "" stands at what it does not take. Permits of people from Hong Kong and from Macao are one kind
    of document, which the letter of the number divides; some lists have a code for each. Without
    any code the office has a field for ID numbers and no other (`ID_NUMBERS_ALONE`).
    """

    resident_id: str = ""
    foreign_resident: str = ""
    hong_kong: str = ""
    macao: str = ""
    taiwan: str = ""
    birth_certificate: str = ""

    @property
    def kinds(self) -> Collection[DocumentKind]:
        """What is taken."""
        codes = {
            DocumentKind.FOREIGN_RESIDENT: self.foreign_resident,
            DocumentKind.HK_MACAO_PERMIT: self.hong_kong and self.macao,
            DocumentKind.TAIWAN_PERMIT: self.taiwan,
            DocumentKind.BIRTH_CERTIFICATE: self.birth_certificate,
        }
        return (DocumentKind.RESIDENT_ID, *(kind for kind, code in codes.items() if code))

    def members(
        self, kind: DocumentKind, number: str, born_on: date | None = None
    ) -> Mapping[str, str]:
        """The members of a request's body that say whom it is about.

        The birth date goes along where it is known and the number does not say all of it. Raises
        ValueError for a document that is not taken: who asks is to have refused before.
        """
        if kind not in self.kinds:
            raise ValueError(f"the office takes no {kind}")
        if not self.resident_id:
            return {"resident_id": number}
        named = {"document_type": self.code(kind, number), "document_no": number}
        if kind is DocumentKind.RESIDENT_ID or born_on is None:
            return named
        return {**named, "born_on": born_on.isoformat()}

    def members_of(self, number: str, today: date) -> Mapping[str, str]:
        """The same of whom a form names by the number of a document alone. Raises ValueError for
        what is none, or not taken."""
        kind = kind_of(number, today=today)
        if kind is None:
            raise ValueError("the number of no document")
        return self.members(kind, number)

    def code(self, kind: DocumentKind, number: str) -> str:
        """The code of a document's kind; "" for what is not taken."""
        match kind:
            case DocumentKind.RESIDENT_ID:
                return self.resident_id
            case DocumentKind.FOREIGN_RESIDENT:
                return self.foreign_resident
            case DocumentKind.HK_MACAO_PERMIT:
                return self.macao if number.startswith("M") else self.hong_kong
            case DocumentKind.TAIWAN_PERMIT:
                return self.taiwan
            case DocumentKind.BIRTH_CERTIFICATE:
                return self.birth_certificate


ID_NUMBERS_ALONE = DocumentCodes()

EVERY_DOCUMENT = DocumentCodes(
    resident_id=DocumentKind.RESIDENT_ID,
    foreign_resident=DocumentKind.FOREIGN_RESIDENT,
    hong_kong=DocumentKind.HK_MACAO_PERMIT,
    macao=DocumentKind.HK_MACAO_PERMIT,
    taiwan=DocumentKind.TAIWAN_PERMIT,
    birth_certificate=DocumentKind.BIRTH_CERTIFICATE,
)
"""By the names of the kinds themselves: of what reads nobody else's code list."""

_FOREIGN = re.compile(r"[A-Z]{3}[0-9]{12}")
_HK_MACAO = re.compile(r"([HM][0-9]{8})(?:[0-9]{2})?")
_TAIWAN = re.compile(r"([0-9]{8})(?:[0-9]{2}(?:\([0-9A-Z]\))?)?")
_CERTIFICATE = re.compile(r"[A-Z][0-9]{9}")


def read_document_no(text: str) -> str:
    """A document's number as it is kept: without what changes when the document is renewed.

    What is none comes back folded.
    """
    number = read_resident_id(text)
    for form in (_HK_MACAO, _TAIWAN):
        if found := form.fullmatch(number):
            return found[1]
    return number


def read_certificate_no(text: str) -> str | None:
    """The number of a birth certificate as it is kept; None where the text can be none."""
    number = fold_number(text)
    return number if _CERTIFICATE.fullmatch(number) else None


def kind_of(number: str, *, today: date) -> DocumentKind | None:
    """Which card or permit has a number of this form; None for a wrong one.

    A birth certificate is none of them: nobody but a guardian speaks for who has no other.
    """
    return next((kind for kind, check in _FORMS.items() if check(number, today)), None)


def document_of(number: str, born_on: date | None, *, today: date) -> Document | None:
    """A card or permit with its holder's birth date; None where number and date contradict.

    Only a number of 18 characters says the whole date; with the others it must be given.
    """
    kind = kind_of(number, today=today)
    if kind is DocumentKind.RESIDENT_ID:
        said = resident_birth_date(number)
        assert said is not None
        return Document(kind, number, said) if born_on in (None, said) else None
    if kind is None or born_on is None or not born_on.year >= 1900 or born_on > today:
        return None
    if kind is DocumentKind.FOREIGN_RESIDENT and number[7:13] != f"{born_on:%y%m%d}":
        return None
    return Document(kind, number, born_on)


def machine_read_check_digit(body: str) -> str:
    """The check digit of a machine-read field: weights 7, 3, 1, letters from A = 10, modulo 10."""
    return str(sum(int(char, 36) * (7, 3, 1)[place % 3] for place, char in enumerate(body)) % 10)


def _is_foreign(number: str, _: date) -> bool:
    return bool(_FOREIGN.fullmatch(number)) and machine_read_check_digit(number[:14]) == number[14]


_FORMS: Mapping[DocumentKind, Callable[[str, date], bool]] = {
    DocumentKind.RESIDENT_ID: lambda number, today: is_resident_id(number, today=today),
    DocumentKind.FOREIGN_RESIDENT: _is_foreign,
    DocumentKind.HK_MACAO_PERMIT: lambda number, _: bool(_HK_MACAO.fullmatch(number)),
    DocumentKind.TAIWAN_PERMIT: lambda number, _: bool(_TAIWAN.fullmatch(number)),
}
