"""Ranked search in memory over a few thousand short Chinese texts, after BM25.

Terms are characters, pairs of characters and pairs of sounds, so no segmenter and no dictionary of
words is needed; citizens' words are brought along as the official ones. Robertson and Zaragoza,
"The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section 3.2; fields are weighed as
in 3.6 (BM25F): a term's frequencies are added with the fields' weights before they saturate.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from modules.affairs.items.search.pinyin import may_spell, openings, readings, typed_length
from modules.affairs.items.search.query import Synonyms, Term, Unit, normal, terms, units

SATURATION, LENGTH = 1.2, 0.6
"""BM25's k1 and b."""
NAME_WEIGHT = 3.0
"""What a term in a name counts beside one in a text of weight 1."""
COMMON_SHARE = 0.25
"""A single character in more than so many of the documents tells nothing."""
LEAST_SHARE = 0.25
"""What counts less than so much of the best is not shown."""
PRIOR_WEIGHT = 0.6
"""What ten times as many cases a year count beside a term that one document in e has."""
TYPED_WEIGHT = 4.0
"""What a name counts in which typed letters spell a part, by usual readings; by others half."""
WHOLE_WEIGHT = 0.7
"""What each character counts of a query that a name holds as it stands."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is found: its key, its name, further texts with the weight of each, how often it is
    asked for in a year."""

    key: str
    name: str
    texts: Sequence[tuple[str, float]] = ()
    requests: int = 1


class Index:
    """Documents by their terms. Built once, never changed; some 100 ms for a thousand of them."""

    def __init__(self, documents: Sequence[Document], synonyms: Synonyms) -> None:
        self._documents = documents
        self._synonyms = synonyms
        self._names = [normal(document.name) for document in documents]
        self._priors = [PRIOR_WEIGHT * math.log10(max(1, one.requests)) for one in documents]
        self._known = frozenset(
            reading for name in self._names for char in name for reading in readings(char)
        )
        self._weights = self._weigh()
        self._openings = self._open()

    def search(self, query: str, among: Container[str] | None = None) -> Sequence[str]:
        """The keys of the documents that a query finds, best first, only those in `among`.

        An empty query finds everything, what is asked for most first.
        """
        text = normal(query)
        scores = self._score(text) if text else dict.fromkeys(range(len(self._documents)), 0.0)
        least = LEAST_SHARE * max(scores.values(), default=0.0)
        ranked = sorted(
            (-score - self._priors[n], n) for n, score in scores.items() if score >= least
        )
        keys = (self._documents[n].key for _, n in ranked)
        return [key for key in keys if among is None or key in among]

    def _score(self, text: str) -> Mapping[int, float]:
        row = units(text, self._known)
        scores: dict[int, float] = defaultdict(float)
        self._add(scores, row, 1.0)
        whole = units(text, self._known, frame=True)
        for official, weight in self._synonyms.found(whole, self._weights).items():
            self._add(scores, units(official, self._known, frame=True), weight)
        self._add_typed(scores, text)
        self._add_whole(scores, "".join(unit.char for unit in row))
        self._add_whole(scores, text)
        return scores

    def _add_whole(self, scores: dict[int, float], text: str) -> None:
        """Add what counts for names that hold a text as it stands, the more of them it is."""
        if len(text) > 1:
            for number, name in enumerate(self._names):
                if text in name:
                    scores[number] += WHOLE_WEIGHT * len(text) * (1 + len(text) / len(name))

    def _add(self, scores: dict[int, float], row: Sequence[Unit], weight: float) -> None:
        for term, share in terms(row):
            for number, impact in self._weights.get(term, ()):
                scores[number] += impact * share * weight

    def _add_typed(self, scores: dict[int, float], text: str) -> None:
        """Add what the letters of a query spell, whole or begun, in the names."""
        for letters in text.split():
            if not (letters.isascii() and letters.isalpha()):
                continue
            best: dict[int, float] = {}
            may_open: dict[str, bool] = {}
            for number, start in self._openings.get(letters[:2], ()):
                name = self._names[number]
                opening = name[start : start + 2]
                if opening not in may_open:
                    may_open[opening] = may_spell(opening, letters)
                if may_open[opening]:
                    share = _typed_share(name, start, letters)
                    best[number] = max(share, best.get(number, 0.0))
            for number, share in best.items():
                scores[number] += TYPED_WEIGHT * share

    def _open(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """By two letters, where in which names somebody may have begun to type."""
        begun: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, name in enumerate(self._names):
            for start in range(len(name)):
                for opening in openings(name, start):
                    begun[opening].append((number, start))
        return dict(begun)

    def _weigh(self) -> Mapping[Term, Sequence[tuple[int, float]]]:
        """Each term's documents with what it counts in them."""
        counted = [self._frequencies(document) for document in self._documents]
        lengths = [sum(frequencies.values()) for frequencies in counted]
        mean = sum(lengths) / max(1, len(lengths))
        holders = Counter(term for frequencies in counted for term in frequencies)
        total = len(counted)
        weights: dict[Term, list[tuple[int, float]]] = defaultdict(list)
        for number, frequencies in enumerate(counted):
            scale = SATURATION * (1 - LENGTH + LENGTH * lengths[number] / mean)
            for term, frequency in frequencies.items():
                if len(term) == 1 and holders[term] > COMMON_SHARE * total:
                    continue
                rarity = math.log(1 + (total - holders[term] + 0.5) / (holders[term] + 0.5))
                impact = rarity * frequency * (SATURATION + 1) / (frequency + scale)
                weights[term].append((number, impact))
        return dict(weights)

    def _frequencies(self, document: Document) -> Mapping[Term, float]:
        """A document's terms, each with its frequency, weighed by field."""
        frequencies: dict[Term, float] = defaultdict(float)
        for text, weight in ((document.name, NAME_WEIGHT), *document.texts):
            for term in _distinct_terms(text):
                frequencies[term] += weight
        return frequencies


def _typed_share(name: str, start: int, letters: str) -> float:
    """What it counts that letters spell a part of a name."""
    for usual, weight in ((True, 1.0), (False, 0.5)):
        length = typed_length(name[start:], letters, usual=usual)
        if length:
            return weight * (1 + 0.1 * (start == 0) + 0.3 * length / len(name))
    return 0.0


@lru_cache(maxsize=4_096)
def _distinct_terms(text: str) -> frozenset[Term]:
    """Many documents share their texts: departments, materials, life events."""
    row = units(normal(text), frozenset(), frame=True)
    return frozenset(term for term, _ in terms(row))
