"""Check that nothing in the tree stands for what Reelwork is not; `python -m tools.check_vocabulary`.

Code is read as syntax trees, so that comments and docstrings may say what is not there. Names count by their words:
``WebSocket``, ``web_socket`` and ``/web-socket`` are the same. What is looked for, where, and why is said in
``forbidden_vocabulary.yaml``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tools.tree import ROOT, source_files
from tools.vocabulary import Term, Vocabulary, read_vocabulary
from tools.words import Saying, contents_of, name_of


def breaches(root: Path, vocabulary: Vocabulary) -> Iterator[tuple[Saying, Term, str]]:
    """Yield what was said, the term it breaks and the words that do; each concept once a line."""
    told = set()
    for saying in _said(root, vocabulary):
        for term in vocabulary.terms:
            found = term.found(saying)
            line = (saying.path, saying.line, term.concept)
            if found and line not in told:
                told.add(line)
                yield saying, term, found


def _said(root: Path, vocabulary: Vocabulary) -> Iterator[Saying]:
    for path in source_files(root):
        yield name_of(path)
        if vocabulary.scans(path):
            yield from contents_of(root, path)


def main(root: Path = ROOT) -> int:
    """Print every breach with its place, the reason and what to do; return 1 if there is one."""
    vocabulary = read_vocabulary()
    told = list(breaches(root, vocabulary))
    for saying, term, found in told:
        concept = vocabulary.concepts[term.concept]
        print(f"{saying.path}:{saying.line}: {found!r} in {saying.place} stands for {term.concept}.")
        print(f"    {concept.reason}\n    {concept.instead}")
    if told:
        print("If a word is innocent, say why under `allowed` of its term in tools/forbidden_vocabulary.yaml.")
    return int(bool(told))


if __name__ == "__main__":
    sys.exit(main())
