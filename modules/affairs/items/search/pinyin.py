"""How Chinese sounds: every reading of a character, and what a run of letters may spell.

All readings are kept, never the likeliest alone: 长 is "chang" and "zhang", 单 is "shan", "dan" and
"chan", so that 长清区 and 单县 are found however they are typed.
"""

import os
from functools import lru_cache

READINGS_MAX = 6
SYLLABLE_CHARS_MAX = 6
_FOLDED = (("zh", "z"), ("ch", "c"), ("sh", "s"))


@lru_cache(maxsize=32_768)
def readings(char: str) -> tuple[str, ...]:
    """The toneless syllables of a character, the usual one first, ü written "v"; of any other
    sign, itself."""
    if not is_chinese(char):
        return (char,)
    # Its table of phrases takes 45 MB and says nothing of single characters.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin import Style, pinyin  # loaded where something is looked for, not at every start

    ((*found,),) = pinyin(char, style=Style.NORMAL, heteronym=True)
    return tuple(found[:READINGS_MAX])


@lru_cache(maxsize=4_096)
def fold(syllable: str) -> str:
    """A syllable without what many people do not tell apart: zh and z, -ing and -in."""
    for full, short in _FOLDED:
        syllable = syllable.replace(full, short)
    return syllable[:-1] if syllable.endswith("ng") and syllable != "ng" else syllable


@lru_cache(maxsize=32_768)
def sounds(char: str) -> frozenset[str]:
    """The folded readings of a character."""
    return frozenset(fold(reading) for reading in readings(char))


def is_chinese(char: str) -> bool:
    """Whether a character is Han: the unified ideographs and their extensions."""
    return "㐀" <= char <= "鿿" or "𠀀" <= char <= "𳓿"


def syllables(letters: str, known: frozenset[str]) -> list[str] | None:
    """Letters as the fewest known syllables; None where they do not spell any."""
    best: list[list[str] | None] = [[]]
    for end in range(1, len(letters) + 1):
        candidates = [
            [*before, letters[start:end]]
            for start in range(max(0, end - SYLLABLE_CHARS_MAX), end)
            if (before := best[start]) is not None and letters[start:end] in known
        ]
        best.append(min(candidates, key=len, default=None))
    return best[-1]


def openings(name: str, start: int) -> set[str]:
    """The first two letters of whatever somebody may type for a name from one character on."""
    here = readings(name[start])
    following = readings(name[start + 1]) if start + 1 < len(name) else ()
    return {one[:2] for one in here} | {one[0] + two[0] for one in here for two in following}


def typed_length(name: str, letters: str, *, usual: bool) -> int:
    """How many characters of a name, from its first on, the letters spell; 0 for none.

    Each character may be spelt out or begun ("cqq", "changqq"), the last one left unfinished.
    `usual`: by their usual readings alone.
    """
    reached = frozenset((0,))
    for place, char in enumerate(name):
        if _ends(char, letters, reached, usual):
            return place + 1
        reached = _after(char, letters, reached, usual)
        if not reached:
            break
    return 0


def may_spell(opening: str, letters: str) -> bool:
    """Whether the letters can spell something that begins like this."""
    reached = frozenset((0,))
    for char in opening:
        if _ends(char, letters, reached, usual=False):
            return True
        reached = _after(char, letters, reached, usual=False)
    return bool(reached)


def _ends(char: str, letters: str, reached: frozenset[int], usual: bool) -> bool:
    """Whether what is left of the letters is the beginning of a character."""
    whole, _ = _typed(char, usual)
    return any(reading.startswith(letters[done:]) for reading in whole for done in reached)


def _after(char: str, letters: str, reached: frozenset[int], usual: bool) -> frozenset[int]:
    """How many letters may be spent after a character, from how many may be before it."""
    _, typed = _typed(char, usual)
    return frozenset(
        done + len(part) for done in reached for part in typed if letters.startswith(part, done)
    )


@lru_cache(maxsize=65_536)
def _typed(char: str, usual: bool) -> tuple[tuple[str, ...], frozenset[str]]:
    """A character's readings, or the usual one alone, and what may be typed of them."""
    spoken = readings(char)[:1] if usual else readings(char)
    begun = {whole[0] for whole in spoken} | {w[:2] for w in spoken if w[:2] in ("zh", "ch", "sh")}
    return spoken, frozenset((*spoken, *begun))
