"""Check that nothing in the tree stands for what Reelwork is not; `python -m tools.check_vocabulary`.

Code is read as syntax trees, so that comments and docstrings may say what is not there. Names count by their words:
``WebSocketRoute``, ``web_socket`` and ``/web-socket`` are the same. What is looked for, where, and why is said in
``forbidden_vocabulary.yaml``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tools.tree import ROOT, source_files
from tools.vocabulary import Term, Vocabulary, read_vocabulary
from tools.words import Place, Saying, sayings


def breaches(root: Path, vocabulary: Vocabulary) -> Iterator[tuple[Saying, Term, str]]:
    """Yield what was said, the term it breaks and the words that do; each term once a line."""
    told = set()
    for path in source_files(root):
        for saying in sayings(root, path):
            if saying.place is not Place.PATHS and not vocabulary.scans(path):
                break
            for term in vocabulary.terms:
                found = term.found(saying)
                if found and (path, saying.line, term.concept) not in told:
                    told.add((path, saying.line, term.concept))
                    yield saying, term, found


def main(root: Path = ROOT) -> int:
    """Print every breach with its place, the reason and what to do; return 1 if there is one."""
    vocabulary = read_vocabulary()
    count = 0
    for count, (saying, term, found) in enumerate(breaches(root, vocabulary), start=1):
        concept = vocabulary.concepts[term.concept]
        print(f"{saying.path}:{saying.line}: {found!r} in {saying.place} stands for {term.concept}.")
        print(f"    {concept.reason}\n    {concept.instead}")
    if count:
        print(f"{count} forbidden. If a word is innocent, say why under its term in tools/forbidden_vocabulary.yaml.")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
