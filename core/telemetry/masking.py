"""Masks personal data and secrets in text and values on their way into a log.

By key (`phone=…`, `"name": …`) and by shape (mobile numbers, resident IDs, bank cards, tokens).
It errs on the side of masking: a log with one number too few is read again, a log with one
number too many cannot be taken back. A person's name in free text has no shape, so callers
never put one there.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

MASKED = "<masked>"

_WORDS = (
    "phone mobile tel telephone cellphone "
    "name surname realname fullname username nickname "
    "resident_id id_number id_card id_no identity_no certificate_no permit_no document_no "
    "card_no card_number bank_card "
    "account_no account_number plate plate_no licence_no openid unionid "
    "address addr email born_on birth_date birthday birthdate "
    "code otp captcha pin password passwd secret token jwt authorization cookie "
    "api_key private_key body query query_string "
    "姓名 名字 手机 手机号 电话 身份证 身份证号 住址 地址 验证码 密码 卡号"
).split()
_HARMLESS = frozenset(
    "status_code error_code exit_code reason_code file_name func_name logger_name job_name "
    "service_name host_name module_name table_name column_name constraint_name".split()
)
_DEPTH_MAX = 6

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SENSITIVE = re.compile(rf"(?:.*_)?(?:{'|'.join(_WORDS).replace('_', '_?')})s?")

_WORD_FORMS = "|".join(sorted((w.replace("_", "[_-]?") for w in _WORDS), key=len, reverse=True))
_FIELD = re.compile(
    r"(?<![a-z0-9_])"
    r"(?P<quote>\\?[\"']?)"
    rf"(?P<key>[a-z_-]{{0,30}}?(?:{_WORD_FORMS})s?)"
    r"(?P=quote)(?P<separator>\)?\s{0,3}[=:：]\s{0,3})"
    r"(?P<value>"
    r"\\\"(?:(?!\\\").)*(?:\\\")?"  # \"escaped JSON\"
    r"|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?"  # an unclosed value ends with the line
    r"|\([^)\n]*\)?|\{[^}\n]*\}?|\[[^\]\n]*\]?"
    r"|[^\s,;(){}\[\]\"'\\][^,;)}\]\n\"']*"
    r")",
    re.IGNORECASE,
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{16,}"), r"\1 <token>"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"), "<token>"),
    (re.compile(r"(\w://)[^\s/@]{1,200}@"), r"\1<credentials>@"),
    (re.compile(r"(/[^\s?\"']{0,200})\?[^\s\"'>)]+"), r"\1?<query>"),
    # PostgreSQL quotes the offending row in its error details.
    (re.compile(r"(Failing row contains )\(.*\)", re.DOTALL), r"\1(<masked>)"),
    (re.compile(r"(Key \([^)\n]{1,200}\)=)\([^\n]*\)"), r"\1(<masked>)"),
)
_UUID = r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])"
_NUMBERS = re.compile(
    rf"(?P<uuid>{_UUID})"
    r"|(?P<resident>(?<!\d)[1-9]\d{5}[\s-]?(?:18|19|20)\d{6}[\s-]?\d{3}[\dXx](?!\d))"
    # an older permanent residence card, a Hong Kong or Macao permit, a birth certificate; eight
    # digits are a Taiwan permit's where that is said
    r"|(?P<document>\b(?:[A-Z]{3}\d{12}|[HM]\d{8}(?:\d{2})?|[A-Z]\d{9})\b"
    r"|(?<=taiwan-permit\|)\d{8}|(?<=taiwan-permit%7C)\d{8})"
    r"|(?P<card>(?<!\d)[3-69]\d{3}(?:[\s-]?\d{4}){2}[\s-]?\d{3,4}(?:[\s-]?\d{1,3})?(?!\d))"
    r"|(?P<phone>(?<!\d)(?:(?:\+|00)?86[\s-]?)?1[3-9]\d(?:[\s-]?\d{4}){2}(?!\d))"
)

_QUOTED = re.compile(
    rf"(?P<uuid>{_UUID})|(?P<zh>[\u3400-\u9fff\U00020000-\U0003ffff·]+)|(?P<number>\d{{6,}})"
)


@lru_cache(maxsize=2048)
def is_sensitive(key: str) -> bool:
    """True when a value under this key is personal or secret, whatever its letter case."""
    snake = _CAMEL.sub("_", key.strip("\\\"'")).replace("-", "_").lower()
    return snake not in _HARMLESS and _SENSITIVE.fullmatch(snake) is not None


def mask_text(text: str) -> str:
    """The text with everything personal or secret that can be recognised replaced."""
    for pattern, replacement in _SHAPES:
        if pattern.search(text):  # a miss is the rule, and costs less this way
            text = pattern.sub(replacement, text)
    if any(mark in text for mark in "=:："):
        text = _FIELD.sub(_mask_field, text)
    return _NUMBERS.sub(_mask_kind, text)


def mask_message(text: str) -> str:
    """An error's message, masked more strictly than a text of our own choice.

    What raises an error quotes the value at fault, whose key is not beside it: a name in Chinese
    and a code of six digits go too.
    """
    return _QUOTED.sub(_mask_kind, mask_text(text))


def mask_value(value: object, *, depth: int = 0) -> object:
    """The value as JSON-ready data, masked. Unknown objects become their masked `repr`."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, int):
        text = mask_text(str(value))
        return value if text == str(value) else text
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, date):
        return value.isoformat()
    if depth < _DEPTH_MAX:
        if isinstance(value, Mapping):
            return mask_items(value, depth=depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return [mask_value(item, depth=depth + 1) for item in value]
    return mask_text(str(value) if isinstance(value, BaseException) else repr(value))


def mask_items(items: Mapping[Any, object], *, depth: int = 0) -> dict[str, object]:
    """A mapping with sensitive keys' values replaced and all others masked by shape."""
    return {
        mask_text(str(key)): MASKED
        if value is not None and not isinstance(value, bool) and is_sensitive(str(key))
        else mask_value(value, depth=depth)
        for key, value in items.items()
    }


def _mask_field(match: re.Match[str]) -> str:
    if not is_sensitive(match["key"]):
        return match[0]
    quote = match["quote"]
    return f"{quote}{match['key']}{quote}{match['separator']}{MASKED}"


def _mask_kind(match: re.Match[str]) -> str:
    kind = match.lastgroup
    return match[0] if kind == "uuid" else f"<{kind}>"
