"""The pages of the documentation: their blocks, links and anchors."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"\s*(```+)(.*)")
_RUN_BY = re.compile(r"<!-- run by (\S+) -->")
_NOT_RUN = re.compile(r"\*Not run by a test: \S.*\*", re.DOTALL)
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)(?: \"[^\"]*\")?\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
_LINKED = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_LIST_ITEM = re.compile(r"[-*+] |\d+[.)] ")
_HEADING = re.compile(r"^#+ +(.*?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    line: int
    language: str
    text: str
    run_by: str | None
    """The test that runs it, by the last ``<!-- run by ... -->`` above."""
    is_excused: bool
    """Whether the paragraph above says why no test runs it."""


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    run_by, begins_at = None, 0
    opened: re.Match[str] | None = None
    lines = page.splitlines(keepends=True)
    for number, line in enumerate(lines):
        fence = _FENCE.fullmatch(line.rstrip())
        if opened is not None:
            if fence and fence[1] == opened[1] and not fence[2]:
                paragraph = "".join(lines[:begins_at]).rstrip().rpartition("\n\n")[2]
                excused = _NOT_RUN.fullmatch(paragraph) is not None
                text = "".join(lines[begins_at + 1 : number])
                language = (opened[2].split() or [""])[0]
                yield Block(begins_at + 1, language, text, None if excused else run_by, excused)
                opened = None
        elif fence:
            opened, begins_at = fence, number
        elif remark := _RUN_BY.fullmatch(line.strip()):
            run_by = remark[1]


def unfenced(page: str) -> Iterator[int]:
    """Yield the lines at which code begins that is no fenced block: indented, or between other fences."""
    fenced = {number for block in blocks(page) for number in range(block.line, block.line + block.text.count("\n") + 2)}
    above, is_in_list = "", False
    for number, line in enumerate(page.splitlines(), start=1):
        if number not in fenced:
            if line.startswith("~~~") or (line.startswith("    ") and not above and not is_in_list):
                yield number
            if line and not line.startswith(" "):
                is_in_list = _LIST_ITEM.match(line) is not None
        above = line.strip()


def links(page: str) -> Iterator[str]:
    """Yield the targets of the links of a page."""
    for inline, referred in _LINK.findall(_CODE.sub("", _without_blocks(page))):
        yield inline or referred


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in _HEADING.findall(_without_blocks(page)):
        said = _LINKED.sub(r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", said).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def _without_blocks(page: str) -> str:
    return re.sub(r"^\s*(```+).*?^\s*\1$", "", page, flags=re.MULTILINE | re.DOTALL)
