"""The reference page of the HTTP API, made from its document."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from values import values_of

Schema = Mapping[str, Any]

DOCUMENT = Path(__file__).parent.parent / "docs" / "reference" / "openapi.json"
_HEAD = """# HTTP

Every route with what it takes and answers, as [openapi.json](openapi.json) has it; the pages that are named with each
say what it is good for. Where API keys are asked for, a request shows its key as `Authorization: Bearer <key>` or
`X-API-Key: <key>`, and the key needs the scope that is named: [let others in](../how-to/keys.md). Whatever goes wrong
is a [problem](problems.md): behind each status stand the types that it is used for. This page is written by
`scripts/write_reference.py`.
"""
_TOPICS = {
    "/video/submit/": "[uploads](uploads.md)",
    "/video/submit": "[jobs](jobs.md) and [uploads](uploads.md)",
    "/video/status/": "[jobs](jobs.md)",
    "/video/results/": "[results](results.md)",
    "/video/jobs/{job_id}/intervals": "[results](results.md)",
    "/video/jobs/{job_id}/tracks": "[results](results.md)",
    "/video/jobs": "[jobs](jobs.md)",
    "/pipelines": "[pipelines](pipelines.md)",
    "/analyzers": "[pipelines](pipelines.md)",
    "/limits": "[API keys](../how-to/keys.md)",
    "/healthz": "[operating](../how-to/operate.md)",
    "/readyz": "[operating](../how-to/operate.md)",
    "/metrics": "[metrics](metrics.md)",
}
"""What a page says more about, by how the path begins; the first that fits counts. A route without one is an error."""
_SAID_HERE = {
    "job_id": "The job.",
    "upload_id": "The upload: the end of the `Location` that its first request was answered with.",
    "status": "Only jobs in this status.",
    "pipeline": "Only jobs of this pipeline.",
    "tag": "Only jobs with this tag.",
    "external_id": "Only jobs that the client calls so.",
    "node": "Only what this output node answered.",
}
_SAID = {"Successful Response": "", "OK": ""}
_PROBLEM = re.compile(r"`([a-z-]+)`")
_ORDER = ("/video/submit", "/video/status", "/video/results", "/video/jobs")


def page() -> str:
    """Return the page."""
    document = json.loads(DOCUMENT.read_text())
    routes = [(path, method) for path, item in document["paths"].items() for method in item]
    routes.sort(key=lambda route: next((n for n, begin in enumerate(_ORDER) if route[0].startswith(begin)), 9))
    parts = [_HEAD]
    for path, method in routes:
        operation = _resolved(document["paths"][path][method], document)
        parts += _route(path, method, operation)
    return "\n".join(parts)


def _route(path: str, method: str, operation: Schema) -> Iterator[str]:
    topic = next(said for begin, said in _TOPICS.items() if path.startswith(begin))
    asked = f"Scope `{operation['security'][0]['bearer'][0]}`." if "security" in operation else "No key is needed."
    yield from (f"## `{method.upper()} {path}`", "", " ".join(operation["description"].split()), "")
    yield from (f"{asked} More: {topic}.", "")
    yield from _parameters(operation.get("parameters", []))
    yield from _body(operation.get("requestBody"))
    yield from ("| status | answer |", "| --- | --- |")
    for status, answer in operation["responses"].items():
        yield f"| {status} | {_answer(answer)} |"
    yield ""


def _parameters(parameters: list[Schema]) -> Iterator[str]:
    if not parameters:
        return
    yield from ("| parameter | in | value | default | meaning |", "| --- | --- | --- | --- | --- |")
    for each in parameters:
        shape = each["schema"]
        default = shape.get("default")
        told = "required" if each.get("required") else f"`{json.dumps(default)}`" if default else ""
        meaning = each.get("description") or _description(shape) or _SAID_HERE[each["name"]]
        yield f"| `{each['name']}` | {each['in']} | {values_of(shape)} | {told} | {meaning} |"
    yield ""


def _description(shape: Schema) -> str:
    kinds = [shape, *shape.get("anyOf", [])]
    return str(next((kind["description"] for kind in kinds if "description" in kind), ""))


def _body(body: Schema | None) -> Iterator[str]:
    if body is None:
        return
    yield from ("| body | what it holds |", "| --- | --- |")
    for media_type, media in body["content"].items():
        shape = media["schema"]
        fields = [f"`{name}`: {field['description']}" for name, field in shape.get("properties", {}).items()]
        yield f"| `{media_type}` | {' '.join([*fields, shape['description']])} |"
    yield ""


def _answer(answer: Schema) -> str:
    """Say what an answer holds: problems by name, the fields of an object, or the media types."""
    content = answer.get("content", {})
    if "application/problem+json" in content:
        return ", ".join(f"`{name}`" for name in _PROBLEM.findall(answer["description"]))
    said = [_SAID.get(answer["description"], answer["description"])]
    for media_type, media in content.items():
        fields = ", ".join(f"`{name}`" for name in media.get("schema", {}).get("properties", {}))
        said.append(f"`{media_type}`" + f": {fields}" * bool(fields))
    headers = ", ".join(f"`{name}`" for name in answer.get("headers", {}))
    said.append(f"headers: {headers}" * bool(headers))
    return "; ".join(filter(None, said)) or "nothing more"


def _resolved(value: Any, document: Schema) -> Any:
    """Return a part of the document with the schemas that it refers to in place; those within them are left."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            return document["components"]["schemas"][value["$ref"].rpartition("/")[2]]
        return {key: _resolved(each, document) for key, each in value.items()}
    return [_resolved(each, document) for each in value] if isinstance(value, list) else value
