"""Words for people: every user-facing sentence exists in Chinese and English under a stable code.

Each package keeps its own catalogue in a `texts.py`; clients act on the code, people read the text.
"""

from dataclasses import dataclass
from enum import StrEnum


def shortened(text: str, most: int, mark: str = "…") -> str:
    """A text of at most so many characters; one that is longer ends with the mark."""
    return text if len(text) <= most else text[: most - len(mark)] + mark


class Locale(StrEnum):
    """The languages people are spoken to in: ZH or EN."""

    ZH = "zh"
    EN = "en"

    @classmethod
    def from_header(cls, accept_language: str | None) -> "Locale":
        """The first language of an Accept-Language header that we speak; Chinese otherwise."""
        for part in (accept_language or "").split(","):
            primary = part.split(";")[0].strip().lower().split("-")[0]
            if primary in (cls.ZH, cls.EN):
                return cls(primary)
        return cls.ZH


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages; `{name}` marks what the caller fills in."""

    code: str
    zh: str
    en: str

    def say(self, locale: Locale, **values: object) -> str:
        """The sentence in one language with its blanks filled, names in it by that language.

        Raises KeyError when a blank has no value: a sentence with a hole is a bug.
        """
        words = {
            key: value.say(locale) if isinstance(value, Named | Text) else value
            for key, value in values.items()
        }
        return (self.zh if locale is Locale.ZH else self.en).format(**words)


@dataclass(frozen=True, slots=True)
class Named:
    """A name in both languages."""

    zh: str
    en: str

    def say(self, locale: Locale) -> str:
        """The name in one language."""
        return self.zh if locale is Locale.ZH else self.en
