"""What somebody typed or said, as the terms that an index knows.

A query is a row of units: a Chinese character with its sounds, or a sound that was typed in
letters. Words that only frame a question are left out; citizens' words bring official ones along.
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from modules.affairs.items.search.pinyin import fold, is_chinese, sounds, syllables

CHARS_MAX = 64

HOMOPHONE_WEIGHT = 0.35
"""What two sounds in a row count beside two characters in a row."""
SINGLE_WEIGHT = 0.15
"""What one character counts beside two in a row."""
MISHEARD_WEIGHT = 0.6
"""What a citizens' word counts that is only heard in the query, not written."""

HEARD_LEAST = 3
"""Written words of fewer characters sound like too many others."""

_FRAME = re.compile(
    "请问|麻烦问|我想问|想问|想知道|咨询|怎么办理|怎么办|怎样办理|怎么弄|怎么|怎样|咋整|咋办|咋弄|咋|如何|"
    "去哪里|去哪儿|去哪|到哪里|到哪|在哪里|在哪|哪里|哪儿|哪个部门|找谁|需要|要不要|需不需要|用不用|"
    "什么材料|什么手续|什么证件|什么|啥|哪些|带着|带|多少钱|多久|多长时间|几天|能不能|可不可以|可以|能|"
    "是不是|算不算|有没有|吗|呢|吧|啊|呀|嘛|我们|我家|我|俺|咱|你们|想要|想|要|给|把|帮|一下|一个|这个|那个|"
    "手续|材料|流程|办理|办|的|了|得|地|就|才|还|又|也|都|在|和|跟|或者|该|应该|怎"
)
_SIGN = re.compile(r"[^0-9a-z㐀-鿿𠀀-𳓿]+")
_RUN = re.compile(r"[0-9a-z]+|[^0-9a-z]")


@dataclass(frozen=True, slots=True)
class Unit:
    """A character and its folded sounds, or a typed sound; a gap has neither."""

    char: str
    sounds: frozenset[str]


GAP = Unit("", frozenset())

Term = str
"""One or two characters, or two sounds with a space between."""


def normal(text: str) -> str:
    """Full-width signs made plain, small letters; whatever is no word is a space."""
    return _SIGN.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def units(text: str, known: frozenset[str], *, frame: bool = False) -> list[Unit]:
    """A normal text as units; with `frame` what frames a question is kept.

    Letters that spell no syllables in a row are one unit, with themselves as its only sound.
    """
    plain = text if frame else _FRAME.sub(" ", text)
    if not plain.strip():
        plain = text
    row: list[Unit] = []
    for run in _RUN.findall(plain):
        if is_chinese(run):
            row.append(Unit(run, sounds(run)))
        elif run == " ":
            row.append(GAP)
        elif (spelt := syllables(run, known)) is not None:
            row += [Unit("", frozenset((fold(syllable),))) for syllable in spelt]
        else:
            row.append(Unit(run, frozenset((run,))))
    return row


def terms(row: Sequence[Unit]) -> Iterator[tuple[Term, float]]:
    """The terms of a row, each with its weight; one that comes twice comes twice."""
    for unit in row:
        if unit.char:
            yield unit.char, SINGLE_WEIGHT if len(unit.char) == 1 else 1.0
    for one, two in pairwise(row):
        if len(one.char) == len(two.char) == 1:
            yield one.char + two.char, 1.0
        for first in one.sounds:
            for second in two.sounds:
                yield f"{first} {second}", HOMOPHONE_WEIGHT


@dataclass(frozen=True, slots=True)
class Synonym:
    """A citizens' word and the official words that it stands for."""

    said: str
    meant: str
    weight: float = 1.0


class Synonyms:
    """Citizens' words, found in a row of units by their characters or by how they sound."""

    def __init__(self, synonyms: Iterable[Synonym]) -> None:
        self._by_sound: dict[str, list[tuple[Synonym, list[Unit]]]] = {}
        for synonym in synonyms:
            row = units(normal(synonym.said), frozenset(), frame=True)
            for sound in row[0].sounds:
                self._by_sound.setdefault(sound, []).append((synonym, row))

    def found(self, row: Sequence[Unit], known: Container[Term]) -> Mapping[str, float]:
        """The official words for what is in the row, with weights; of nested words the longest.

        What is written in `known` terms is not taken for something that only sounds like it.
        """
        spans: dict[tuple[int, int], list[tuple[str, float]]] = {}
        for start, unit in enumerate(row):
            for sound in unit.sounds:
                for synonym, said in self._by_sound.get(sound, ()):
                    share = _likeness(said, row[start : start + len(said)], known)
                    if share:
                        span = (start, start + len(said))
                        spans.setdefault(span, []).append((synonym.meant, synonym.weight * share))
        official: dict[str, float] = {}
        for span, words in spans.items():
            if not any(_is_inside(span, other) for other in spans):
                for meant, weight in words:
                    official[meant] = max(official.get(meant, 0.0), weight)
        return official


def _likeness(ours: Sequence[Unit], theirs: Sequence[Unit], known: Container[Term]) -> float:
    """1 for the same characters, less for the same sounds, 0 for others."""
    if len(theirs) < len(ours):
        return 0.0
    pairs = list(zip(ours, theirs, strict=True))
    if all(one.char == other.char for one, other in pairs):
        return 1.0
    is_heard = all(one.sounds & other.sounds for one, other in pairs)
    is_written = any(one.char + other.char in known for one, other in pairwise(theirs))
    if len(ours) < HEARD_LEAST:
        is_written = any(unit.char for unit in theirs)
    return MISHEARD_WEIGHT if is_heard and not is_written else 0.0


def _is_inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]
