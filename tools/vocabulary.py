"""The words that stand for what Reelwork is not, as ``forbidden_vocabulary.yaml`` has them."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

from tools.words import Place, Saying, words

VOCABULARY = Path(__file__).parent / "forbidden_vocabulary.yaml"

Examples = Mapping[Place, Sequence[str]]
Pattern = re.Pattern[str]
"""A regular expression over words in lower case, with one space between them; it matches whole words."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Concept(_Entry):
    """What Reelwork is not, why, and what to do instead."""

    reason: str
    instead: str


class Files(_Entry):
    """Files that are not scanned, by a glob in which ``*`` goes across directories too."""

    path: str
    because: str


class Allowed(_Entry):
    """Words that mean something else than the term they contain: anywhere, or in some files only."""

    pattern: Pattern = re.compile(".*")
    path: str = "*"
    because: str


class Term(_Entry):
    """Words for a concept, and the places where they must not stand.

    Attributes:
        breaches: Examples of what it must find, by place.
        innocent: Examples that look alike and must pass, by place.
    """

    concept: str
    patterns: Annotated[Sequence[Pattern], Field(min_length=1)]
    where: Annotated[Sequence[Place], Field(min_length=1)]
    allowed: Sequence[Allowed] = ()
    breaches: Examples
    innocent: Examples

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """All its patterns."""
        return re.compile(rf"\b(?:{'|'.join(pattern.pattern for pattern in self.patterns)})\b")

    def found(self, saying: Saying) -> str | None:
        """Return the words that stand for the concept, or None."""
        if saying.place not in self.where:
            return None
        said = words(saying.said)
        match = self.expression.search(said)
        if match is None:
            return None
        for allowed in self.allowed:
            if fnmatchcase(str(saying.path), allowed.path):
                said = re.sub(rf"\b(?:{allowed.pattern.pattern})\b", "", said)
        match = self.expression.search(said)
        return match[0] if match else None


class Vocabulary(_Entry):
    """All terms, the concepts that they stand for, and the files that are not scanned."""

    concepts: Mapping[str, Concept]
    unscanned: Sequence[Files]
    terms: Sequence[Term]

    @model_validator(mode="after")
    def _know_the_concepts(self) -> Self:
        if unknown := {term.concept for term in self.terms} - self.concepts.keys():
            raise ValueError(f"no such concepts: {sorted(unknown)}")
        return self

    def scans(self, path: PurePosixPath) -> bool:
        """Whether what the file says counts."""
        return not any(fnmatchcase(str(path), files.path) for files in self.unscanned)


def read_vocabulary(path: Path = VOCABULARY) -> Vocabulary:
    """Read the vocabulary.

    Raises:
        pydantic.ValidationError: It is malformed, or a term stands for a concept that is not there.
    """
    return Vocabulary.model_validate(YAML(typ="safe").load(path))
