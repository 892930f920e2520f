"""The words of a source tree, and where each of them stands."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

# The plural of capitals is one word: GPUs.
_BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])|[^A-Za-z0-9]+")
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+(\[[^]]*\])?")
_SETTINGS_CLASSES = ("Settings", "Options", "Form", "Definition", "Query", "Sampling")
_TOLD_FROM_OUTSIDE = ("Argument", "Option", "Query")
_COMMENT = re.compile(r"(?<!\S)#.*")
_COMMENT_OF_A_PAGE = re.compile(r"(?<!\S)(/\*.*?\*/|<!--.*?-->|//[^\n]*)", re.DOTALL)
_OF_A_PAGE = (".css", ".html", ".js", ".svg")


class Place(StrEnum):
    """Where a word can stand."""

    IDENTIFIERS = "identifiers"
    """Names in Python: modules, classes, functions, variables, attributes, arguments."""
    STRINGS = "strings"
    """Literals in Python, docstrings excepted: those describe, and may say what is not there."""
    ROUTES = "routes"
    """Literals that begin with a slash, be it a route or a client's request to one."""
    SETTINGS = "settings"
    """What can be set from outside: fields of settings, options, queries and pipeline files; names of environment
    variables; options and arguments of the command line."""
    DEPENDENCIES = "dependencies"
    """Distributions that are asked for in a ``pyproject.toml`` or pinned in ``requirements``."""
    MIGRATIONS = "migrations"
    """Identifiers and literals of the migrations: tables, columns, indexes."""
    PATHS = "paths"
    """Names of files and directories."""
    TEXT = "text"
    """Lines of every other file: scripts of the page, pipelines, configuration of the build."""


@dataclass(frozen=True)
class Saying:
    """Some words at a line of a file."""

    path: PurePosixPath
    line: int
    place: Place
    said: str


@cache
def words(said: str) -> str:
    """Return the words of a name or a text in lower case: ``web socket route`` for ``WebSocketRoute``."""
    return " ".join(_BETWEEN_WORDS.sub(" ", said).lower().split())


def name_of(path: PurePosixPath) -> Saying:
    """Return what the name of a file says."""
    return Saying(path, 1, Place.PATHS, str(path))


def contents_of(root: Path, path: PurePosixPath) -> Iterator[Saying]:
    """Yield what is said in a file; nothing if it is no text.

    Raises:
        SyntaxError: It is no Python, though it is named so.
    """
    content = (root / path).read_bytes()
    if b"\0" in content:
        return
    for line, place, said in _said(path, content.decode("utf-8", "replace")):
        yield Saying(path, line, place, said)


def _said(path: PurePosixPath, content: str) -> Iterator[tuple[int, Place, str]]:
    if path.suffix == ".py":
        yield from _in_python(content, is_migration=path.parts[-3:-1] == ("migrations", "versions"))
    elif path.name == "pyproject.toml":
        yield from _in_project(content)
    elif path.parts[0] == "requirements":
        yield from _in_lines(
            Place.DEPENDENCIES, [line.partition("==")[0] for line in _COMMENT.sub("", content).splitlines()]
        )
    else:
        comment = _COMMENT_OF_A_PAGE if path.suffix in _OF_A_PAGE else _COMMENT
        said = comment.sub(lambda found: "\n" * found[0].count("\n"), content)
        yield from _in_lines(Place.TEXT, said.splitlines())


def _in_lines(place: Place, lines: list[str]) -> Iterator[tuple[int, Place, str]]:
    yield from ((number, place, line) for number, line in enumerate(lines, start=1))


def _in_project(content: str) -> Iterator[tuple[int, Place, str]]:
    project = tomllib.loads(content)
    asked = _strings([project.get("build-system", {}).get("requires"), project.get("dependency-groups")])
    asked += _strings([project.get("project", {}).get(key) for key in ("dependencies", "optional-dependencies")])
    lines = content.splitlines()
    for requirement in asked:
        number = next((number for number, line in enumerate(lines, start=1) if requirement in line), 1)
        if name := _REQUIREMENT.match(requirement):
            yield number, Place.DEPENDENCIES, name[0]


def _strings(value: Any) -> list[str]:
    """Return the strings in nested lists and tables."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value or ()
    return [string for each in inner for string in _strings(each)]


def _in_python(content: str, *, is_migration: bool) -> Iterator[tuple[int, Place, str]]:
    nodes = list(ast.walk(ast.parse(content)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if id(node) not in docstrings:
            line = getattr(node, "lineno", 1)
            for place, said in _in_node(node):
                yield line, place, said
                if is_migration:
                    yield line, Place.MIGRATIONS, said


def _in_node(node: ast.AST) -> Iterator[tuple[Place, str]]:
    match node:
        case ast.Constant(value=str(said)):
            yield from ((place, said) for place in _places_of(said))
        case ast.Constant(value=bytes(said)):
            yield Place.STRINGS, said.decode("latin-1")
        case ast.Constant():
            pass
        case _:
            # Whatever else a syntax tree keeps as a string is a name.
            yield from ((Place.IDENTIFIERS, said) for _, said in ast.iter_fields(node) if isinstance(said, str))
    if isinstance(node, ast.ClassDef) and node.name.endswith(_SETTINGS_CLASSES):
        yield from ((Place.SETTINGS, field) for field in _fields(node))
    if isinstance(node, ast.arg) and node.annotation and _is_told_from_outside(node.annotation):
        yield Place.SETTINGS, node.arg


def _places_of(literal: str) -> Iterator[Place]:
    yield Place.STRINGS
    if literal.startswith("/"):
        yield Place.ROUTES
    if literal.startswith(("--", "REELWORK_")):
        yield Place.SETTINGS


def _is_told_from_outside(annotation: ast.expr) -> bool:
    calls = (node.func for node in ast.walk(annotation) if isinstance(node, ast.Call))
    return any(getattr(call, "attr", getattr(call, "id", None)) in _TOLD_FROM_OUTSIDE for call in calls)


def _fields(settings: ast.ClassDef) -> Iterator[str]:
    for statement in settings.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id
