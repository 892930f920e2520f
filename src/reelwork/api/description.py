"""The OpenAPI document: what the framework finds out by itself, made true of every answer."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from reelwork.access.caller import Scope
from reelwork.api.access import SCOPE_OF
from reelwork.api.gate import is_open
from reelwork.api.parameters import problem_answers
from reelwork.api.schemas import Problem
from reelwork.pipeline.catalog import PipelineCatalog

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "rw_<key id>_<secret>"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI, catalog: PipelineCatalog, *, asks_for_keys: bool) -> None:
    """Let an application describe itself, once all its routes are there."""

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app, catalog, asks_for_keys=asks_for_keys)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way the framework's manual shows


def _document(app: FastAPI, catalog: PipelineCatalog, *, asks_for_keys: bool) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for name in _FRAMEWORKS_OWN:
        schemas.pop(name, None)
    scopes = _scopes(app) if asks_for_keys else {}
    if asks_for_keys:
        components["securitySchemes"] = _SCHEMES
    for path, method, operation in _operations(document):
        _replace_validation_errors(operation)
        if asks_for_keys and not is_open(path):
            _ask_for_key(operation, scopes.get((path, method)))
    _name_pipelines(document["paths"]["/video/submit"]["post"], catalog)
    return document


def _name_pipelines(submit: dict[str, Any], catalog: PipelineCatalog) -> None:
    usable = sorted(entry.name for entry in catalog.entries() if entry.unavailable_because is None)
    for parameter in submit["parameters"]:
        if parameter["name"] == "pipeline":
            parameter["schema"] = {**parameter["schema"], "enum": usable}


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _replace_validation_errors(operation: dict[str, Any]) -> None:
    """The framework announces an answer of its own to wrong parameters, which never comes."""
    answer = operation["responses"].get("422", {})
    if "HTTPValidationError" in str(answer):
        operation["responses"] |= {str(status): said for status, said in problem_answers(422).items()}


def _ask_for_key(operation: dict[str, Any], scope: Scope | None) -> None:
    needed = [str(scope)] if scope else []
    operation["security"] = [{name: needed} for name in _SCHEMES]
    answers = {str(status): answer for status, answer in problem_answers(401, 403).items()}
    answers["401"]["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    operation["responses"] |= answers


def _scopes(app: FastAPI) -> dict[tuple[str, str], Scope]:
    """Return the scope that each operation asks for, also those in routers, which the application keeps whole."""
    return {
        (str(route.path_format), method.lower()): scope
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
        for method in route.methods or ()
        for scope in _asked(route.original_route.dependant)
    }


def _asked(dependant: Dependant) -> Iterator[Scope]:
    for each in dependant.dependencies:
        if each.call in SCOPE_OF:
            yield SCOPE_OF[each.call]
        yield from _asked(each)
