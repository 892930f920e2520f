"""Whether two texts are one text, read twice.

Reading the same line in frame after frame gives now and then another letter, a space or a stop more or less. A
text that really changed must not be taken for that: a clock, a counter, a price, "Terminal A" and "Terminal B".
A cue too many is a small nuisance, a text that is lost is an error; so when in doubt, two texts are two.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

LEAST_LIKENESS = 0.9
"""At most one letter in ten may differ; a line of fewer than ten letters must be read the same."""

LEAST_WORD_LIKENESS = 0.8
"""No single word may differ by more than one letter in five: "Part I" is not "Part II", however long the title."""

# With its sign, and with what stands between the digits of one number: 1.5 is not 15, and 12:30 not 1:230.
_NUMBER = re.compile(r"(?<!\w)[-+\N{MINUS SIGN}]?\d(?:[\d.,:/]*\d)?|\d(?:[\d.,:/]*\d)?")
_KNOWN_TEXTS = 4096


@dataclass(frozen=True, slots=True)
class _Essence:
    """What is left of a text without case, spacing and punctuation."""

    words: tuple[str, ...]
    letters: str
    numbers: tuple[str, ...]


def likeness(one: str, other: str) -> float:
    """Return how alike two texts are; 0 if they cannot be the same one.

    They can if they differ in case, spacing and punctuation alone, or else in a few letters, see the constants.
    Whatever is a number (in any script) must be the same in both.
    """
    first, second = _essence(one), _essence(other)
    if first.numbers != second.numbers or not first.letters or not second.letters:
        return 0.0
    alike = Levenshtein.normalized_similarity(first.letters, second.letters, score_cutoff=LEAST_LIKENESS)
    if len(first.words) == len(second.words) and not all(map(_same_word, first.words, second.words)):
        return 0.0
    return alike


def _same_word(one: str, other: str) -> bool:
    return one == other or Levenshtein.normalized_similarity(one, other) >= LEAST_WORD_LIKENESS


@lru_cache(_KNOWN_TEXTS)
def _essence(text: str) -> _Essence:
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = tuple(filter(None, ("".join(filter(_says_something, word)) for word in plain.split())))
    # Not all numbers are digits: the ideograms for one and two, fractions, Roman numerals with signs of their own.
    others = tuple(sign for sign in text if sign.isnumeric() and not sign.isdecimal())
    return _Essence(words, "".join(words), (*_NUMBER.findall(plain), *others))


def _says_something(sign: str) -> bool:
    # C is not C++, and $5 not 5 euros.
    return sign.isalnum() or sign in "#%&@" or unicodedata.category(sign) in ("Sc", "Sm")
