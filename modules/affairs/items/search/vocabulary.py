"""Citizens' words, read from `synonyms.txt`, which needs no programmer to be added to."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from modules.affairs.items.search.query import Synonym, Synonyms

FILE = Path(__file__).with_name("synonyms.txt")


@lru_cache(maxsize=1)
def load_synonyms() -> Synonyms:
    """The citizens' words. Raises ValueError for a line that is none."""
    return Synonyms(read_synonyms(FILE.read_text(encoding="utf-8")))


def read_synonyms(text: str) -> Iterator[Synonym]:
    """The synonyms of lines "said said = meant meant * weight". Raises ValueError for others."""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        said, _, rest = line.partition("=")
        meant, _, weight = rest.partition("*")
        if not said.split() or not meant.split():
            raise ValueError(f"no synonym: {line}")
        for word in said.split():
            for official in meant.split():
                yield Synonym(word, official, float(weight or 1))
