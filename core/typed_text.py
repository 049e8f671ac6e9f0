"""Names and numbers as people type, paste and read them off cards, in the one spelling we keep.

Phones paste numbers with a country code, blanks and invisible marks of direction; keyboards of
East Asia type full-width digits; a middle dot and an apostrophe have a dozen characters each.
Characters outside ASCII are escaped here, because editors normalise some of them.
"""

import re
import unicodedata

from core.ids import is_mobile, resident_id_check_digit

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_DOTS = "\u00b7\u0387\u16eb\u2022\u2027\u2219\u22c5\u25cf\u2e31\u30fb\uff65\uff0e."
"""What stands for the dot between the parts of a name or after a plate's second character."""
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
_APOSTROPHES = "\u2018\u2019\u02bc\u02b9\u2032\u0060\u00b4\uff07"

HAN = (
    (0x3007, 0x3007),  # ideographic zero, as in a given name
    (0x3400, 0x4DBF),  # extension A
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),  # compatibility ideographs, which cards carry as they are
    (0x20000, 0x3FFFF),  # extensions B and later
)
"""The characters of a Chinese name, first and last of each range."""

_HAN_CLASS = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in HAN)
_HAN_NAME = re.compile(f"[{_HAN_CLASS}]+(?:\u00b7[{_HAN_CLASS}]+)*")
_LATIN_NAME = re.compile(r"'?[^\W\d_](?:[^\W\d_]|['., -])*")
_NAME_CHARS_MAX = 50

_PROVINCES = (
    "\u4eac\u6d25\u6caa\u6e1d\u5180\u8c6b\u4e91\u8fbd\u9ed1\u6e58\u7696\u9c81\u65b0\u82cf\u6d59"
    "\u8d63\u9102\u6842\u7518\u664b\u8499\u9655\u5409\u95fd\u8d35\u7ca4\u9752\u85cf\u5ddd\u5b81"
    "\u743c"
)
_SERIAL = "A-HJ-NP-Z0-9"
_PLATE = re.compile(
    f"[{_PROVINCES}][A-Z](?:[{_SERIAL}]{{5,6}}"
    # a trailer, a learner, the police, Hong Kong, Macao, a consulate; rescue services
    f"|[{_SERIAL}]{{4}}(?:[\u6302\u5b66\u8b66\u6e2f\u6fb3\u9886]|\u5e94\u6025))"
    # embassies, with the character before or after the number
    "|\u4f7f[0-9]{6}|[0-9]{6}\u4f7f"
)


def fold_number(text: str) -> str:
    """A number without full-width forms, blanks, dashes and invisible characters, in capitals."""
    narrow = text.translate(_FULL_WIDTH)
    return "".join(
        char
        for char in narrow
        if not char.isspace() and char not in _DASHES and unicodedata.category(char) != "Cf"
    ).upper()


def read_mobile(text: str) -> str:
    """A mainland mobile number as it is kept: eleven digits, without +86, 0086 or 86 before them.

    What is none comes back as it is.
    """
    number = fold_number(text).replace("(", "").replace(")", "")
    national = re.sub(r"^(?:\+|00)?86(?=1[0-9]{10}$)", "", number)
    return national if is_mobile(national) else text


def read_resident_id(text: str) -> str:
    """A resident ID as it is kept: 18 characters, the last perhaps an X.

    One of 15 digits, as issued until 1999, becomes its 18; anything else comes back as it is.
    """
    number = fold_number(text)
    if re.fullmatch(r"[0-9]{15}", number) is not None:
        body = f"{number[:6]}19{number[6:]}"
        return body + resident_id_check_digit(body)
    return number


def read_code(text: str) -> str:
    """A one-time code without what a keyboard or a copied text adds to its digits."""
    return fold_number(text)


def read_name(text: str) -> str | None:
    """A name as it stands on a card, in one spelling; None where the text can be none.

    Chinese characters, with a middle dot between the parts of a name; or Latin letters, also with
    marks, with blanks, dots, commas, dashes and apostrophes between them ("SMITH, JOHN"). Blanks
    between Chinese characters, which cards print for looks, and invisible marks around a name that
    was pasted are dropped; an invisible mark within it is refused.
    """
    name = _visible(text.translate(_FULL_WIDTH))
    if not 0 < len(name) <= _NAME_CHARS_MAX:
        return None
    dotted = re.sub(f"[{re.escape(_DOTS)}]", "\u00b7", re.sub(r"\s+", "", name))
    if _HAN_NAME.fullmatch(dotted):
        return dotted
    latin = unicodedata.normalize("NFC", re.sub(f"[{_APOSTROPHES}]", "'", name))
    latin = re.sub(r"\s+", " ", re.sub(f"[{_DASHES}]", "-", latin))
    is_latin = _LATIN_NAME.fullmatch(latin) and all(map(_is_latin, filter(str.isalpha, latin)))
    return latin if is_latin else None


def _visible(text: str) -> str:
    """A text without the blanks and invisible marks around it."""
    is_mark = [char.isspace() or unicodedata.category(char) == "Cf" for char in text]
    seen = [place for place, mark in enumerate(is_mark) if not mark]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def _is_latin(letter: str) -> bool:
    """Whether a letter is Latin, and no ligature or other form that only looks different."""
    plain = unicodedata.is_normalized("NFKC", letter)
    return plain and unicodedata.name(letter, "").startswith("LATIN")


def read_plate(text: str) -> str | None:
    """A number plate as registries write it, "\u9c81A12345"; None where the text can be none.

    The forms are those of GA 36-2018: cars, new energy, trailers, driving schools, police, rescue
    services, Hong Kong, Macao, consulates and embassies. Dots and blanks are dropped.
    """
    plate = re.sub(f"[{re.escape(_DOTS)}]", "", fold_number(text))
    return plate if _PLATE.fullmatch(plate) else None
