"""Write the pages and diagrams that are made from the code; with --check, only say whether they are up to date."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import command_line_page
import diagrams
import http_page
import pipeline_schema
from reelwork.analyzers.analyzer import Analyzer
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.api.metrics import ATTEMPTS_LOST, DESCRIBED, JOBS, OUTCOMES_TOTAL, RESCUES_TOTAL, WEBHOOKS
from reelwork.api.problem_types import BY_STATUS, INTERNAL, PROBLEMS
from reelwork.api.submit_form import SubmitForm
from reelwork.jobs.counters import CAUSES, OUTCOMES, RESCUES
from reelwork.jobs.lifecycle import JobStatus
from reelwork.pipeline.catalog import SHIPPED_DIR
from reelwork.pipeline.definition import NodeDefinition, PipelineDefinition, read_definition
from reelwork.pipeline.sampling import Range, Sampling
from reelwork.settings import Settings
from reelwork.webhooks.courier import OUTCOMES as WEBHOOK_OUTCOMES
from values import values_of

DOCS = Path(__file__).parent.parent / "docs"
REFERENCE = DOCS / "reference"

_PIPELINES_HEAD = """# Pipelines

A pipeline is one YAML file, `<name>.yaml`, in `<data dir>/pipelines` (or `REELWORK_PIPELINES_DIR`); one of your own
goes before a shipped one of the same name. It is checked as a whole when it is loaded, and every mistake is told at
once. A job keeps the pipeline as it stood at submit. To try a file, without the service:
`reelwork analyze clip.mp4 --pipeline ./mine.yaml`. This page is written by `scripts/write_reference.py`.

```yaml
# yaml-language-server: $schema=/where/you/keep/pipeline.schema.json
name: plates
description: Find number plates and read them, in the first ten minutes
sampling: {every_s: 0.5, ranges: [{end_s: 600}]}
on_decode_error: keep
max_failed_share: 0.01
nodes:
  plates: {analyzer: objects, with: {model: plates.onnx, min_confidence: 0.4}}
  text: {analyzer: text, inputs: [$frame, plates]}
outputs: [plates, text]
```

The first line is for editors with the YAML language server, such as VS Code with its YAML extension: with
[pipeline.schema.json](pipeline.schema.json), copied to where the line says, they complete fields and settings and mark
mistakes as you type. The schema knows the analyzers that come along and admits others, with any settings. What it
cannot tell, such as an output that is no node, the loader does.
"""
_PROBLEMS_HEAD = """# Problems

Whatever goes wrong is answered as `application/problem+json` (RFC 9457). `type` is stable: compare it, do not fetch
it. `detail` is a sentence for a person, `request_id` the name under which the service's log tells more, and `instance`
the path that was asked for; some types have further members, named below in `code`. Answers with `Retry-After` are
worth asking again. A mistake in `errors` has a `pointer`, the JSON pointer to what is wrong (`#/max_frames` is the
option `max_frames`, in the query or in the form). This page is written by `scripts/write_reference.py`.

```json
{"type": "urn:reelwork:problem:invalid-options", "title": "The options are wrong", "status": 422,
 "detail": "max_frames: Input should be greater than or equal to 1", "instance": "/video/submit",
 "request_id": "5f0c2a9be1d34c77",
 "errors": [{"option": "max_frames", "pointer": "#/max_frames",
             "detail": "Input should be greater than or equal to 1."}]}
```
"""
_SAMPLING = """Which frames are analysed. Without any of it, every frame; at most one of `frame_stride`, `every_s` and
`keyframes` can be given. Strides and ticks count from the beginning of the video, whatever the ranges. What a job asks
for goes before what the pipeline says: another way to sample replaces the pipeline's.
"""
_RANGES = """Each of `ranges` is a part of the video, in seconds or in frames, not both. The start is in it, the end is
not. Frames in any of them are analysed; behind the last of them nothing is decoded.
"""
_ANSWERS = """Answers stand in the results under the name of the node. A box is `{x, y, w, h}` and a polygon a list of
`[x, y]`, in fractions of the upright frame, origin top left; confidences go from 0 to 1. On a frame on which a node
failed, and `max_failed_share` lets that pass, `{"error": ...}` stands in place of its answer.
"""
_OPTIONS, _END_OF_OPTIONS = "<!-- options -->", "<!-- end of options -->"
_SAID_HERE: Mapping[tuple[type[BaseModel], str], str] = {
    (PipelineDefinition, "name"): "As the file is called, without `.yaml`: small letters, digits and `_`.",
    (PipelineDefinition, "description"): "One line for people.",
    (PipelineDefinition, "sampling"): "Which frames are analysed.",
    (PipelineDefinition, "nodes"): "The nodes by name. Each must be an output or an input of another node.",
    (PipelineDefinition, "outputs"): "The nodes whose answers stand in the results.",
    (NodeDefinition, "analyzer"): "Name of the analyzer: one of those below, or a plugin's.",
    (NodeDefinition, "settings"): "Its settings.",
    (NodeDefinition, "inputs"): "What it is given: `$frame`, and names of other nodes if it takes their answers.",
    (Sampling, "ranges"): "Analyse these parts of the video only.",
    (Range, "start_s"): "Where it begins; without it, the beginning of the video.",
    (Range, "end_s"): "Where it ends; without it, the end of the video.",
    (Range, "start_frame"): "The first frame in it.",
    (Range, "end_frame"): "The first frame behind it.",
}


def settings_page() -> str:
    """Return the table of all settings, in the order in which the code has them."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "your user data directory" if field.default is PydanticUndefined else f"`{field.default}`"
        if field.default in ("", None):
            default = ""
        rows.append(f"| `REELWORK_{name.upper()}` | {default} | {field.description} |")
    head = [
        "# Settings",
        "",
        "Read from the environment at start, by the API and by the worker: give both the same. Options of the",
        "command line go before them. This page is written by `scripts/write_reference.py`.",
        "",
        "| variable | default | meaning |",
        "| --- | --- | --- |",
    ]
    return "\n".join([*head, *rows, ""])


def problems_page() -> str:
    """Return the table of every problem a client may meet, by its status."""
    kinds = sorted({*PROBLEMS.values(), *BY_STATUS.values(), INTERNAL}, key=lambda kind: (kind.status, kind.name))
    rows = [f"| {int(kind.status)} | `{kind.uri}` | {kind.title}. {kind.meaning.replace('|', '')} |" for kind in kinds]
    head = ["| status | `type` | what happened, and what to do |", "| --- | --- | --- |"]
    return "\n".join([_PROBLEMS_HEAD, *head, *rows, ""])


def pipelines_page() -> str:
    """Return the page about pipeline files: their fields, the shipped ones, and the settings of every analyzer."""
    parts = [
        _PIPELINES_HEAD,
        _fields(PipelineDefinition),
        "## Nodes\n",
        _fields(NodeDefinition),
        "## Sampling\n",
        _SAMPLING,
        _fields(Sampling),
        _RANGES,
        _fields(Range),
        "## Shipped pipelines\n",
        "\n".join(_shipped()) + "\n",
        "## Analyzers\n",
        _ANSWERS,
        *(_analyzer(name, kind) for name, kind in _built_in().items()),
    ]
    return "\n".join(parts)


def jobs_page() -> str:
    """Return the page about jobs as it stands, with the table of the options of a submit made anew."""
    before, _, rest = (REFERENCE / "jobs.md").read_text().partition(_OPTIONS)
    _, _, after = rest.partition(_END_OF_OPTIONS)
    return f"{before}{_OPTIONS}\n{_fields(SubmitForm)}{_END_OF_OPTIONS}{after}"


def _built_in() -> dict[str, type[Analyzer]]:
    """Return the analyzers that come along, whatever else is installed here."""
    installed = AnalyzerRegistry.installed().analyzers
    return {name: kind for name, kind in installed.items() if kind.__module__.startswith("reelwork.analyzers.builtin.")}


def _shipped() -> Iterator[str]:
    yield from ("| name | what it does |", "| --- | --- |")
    for path in sorted(SHIPPED_DIR.glob("*.yaml")):
        yield f"| `{path.stem}` | {read_definition(path).description} |"


def _analyzer(name: str, kind: type[Analyzer]) -> str:
    described = re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(kind.__doc__ or ""))
    takes = "\nTakes the answers of other nodes as inputs.\n" if kind.takes_inputs else ""
    return "\n".join([f"### `{name}`\n", described.strip(), takes, _fields(kind.Settings)])


def _fields(model: type[BaseModel]) -> str:
    """Return a table of the fields of a model."""
    schema = model.model_json_schema()
    rows = ["| field | value | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        written = field.alias or name
        shape = schema["properties"][written]
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        rows.append(f"| `{written}` | {values_of(shape)} | {default} | {_meaning(model, name, shape)} |")
    return "\n".join([*rows, ""])


def _default(value: Any) -> str:
    if value is None or isinstance(value, BaseModel) or value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`".replace("'", "")


def _meaning(model: type[BaseModel], name: str, shape: Mapping[str, Any]) -> str:
    """Return what is said of a field; that nothing is said is an error."""
    kinds = [shape, *shape.get("anyOf", [])]
    said = next((kind["description"] for kind in kinds if "description" in kind), None)
    return str(said or _SAID_HERE[model, name])


_METRICS_HEAD = """# Metrics

`GET /metrics` answers with these in the text format of Prometheus, or in OpenMetrics if that is accepted. Once there
are API keys it asks for one that may read. What is counted by workers is kept in the database and added up over all of
them, also those that are gone; a worker writes its part every 13 seconds or so. What is about requests and webhooks is
of the API process that answers: sum it over processes. Beside these come `process_...` and `python_info`, about that
process itself. [How to operate](../how-to/operate.md) says what to watch. This page is written by
`scripts/write_reference.py`.

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
"""


def metrics_page() -> str:
    """Return the table of all metrics, with the values of labels that are known beforehand."""
    values: Mapping[str, tuple[str, ...]] = {
        OUTCOMES_TOTAL.name: OUTCOMES,
        ATTEMPTS_LOST.name: CAUSES,
        RESCUES_TOTAL.name: RESCUES,
        WEBHOOKS.name: WEBHOOK_OUTCOMES,
        JOBS.name: tuple(JobStatus),
    }
    rows = []
    for each in DESCRIBED:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        if each.name in values:
            labels += ": " + ", ".join(f"`{value}`" for value in values[each.name])
        rows.append(f"| `{each.name}` | {each.kind} | {labels} | {each.meaning} |\n")
    return _METRICS_HEAD + "".join(rows)


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/settings.md": settings_page,
    "reference/pipelines.md": pipelines_page,
    "reference/pipeline.schema.json": lambda: pipeline_schema.schema(_built_in(), _SAID_HERE),
    "reference/metrics.md": metrics_page,
    "reference/jobs.md": jobs_page,
    "reference/problems.md": problems_page,
    "reference/cli.md": command_line_page.page,
    "reference/http.md": http_page.page,
    "explanation/job-states.svg": diagrams.states,
    "explanation/walk.svg": diagrams.walk,
}


def main() -> int:
    """Write the pages, or compare them."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    outdated = [name for name, page in PAGES.items() if not _is_up_to_date(DOCS / name, page())]
    if "--check" in sys.argv:
        print(*(f"docs/{name} is out of date" for name in outdated), sep="\n")
        return int(bool(outdated))
    for name in outdated:
        (DOCS / name).write_text(PAGES[name]())
    return 0


def _is_up_to_date(path: Path, content: str) -> bool:
    return path.exists() and path.read_text() == content


if __name__ == "__main__":
    sys.exit(main())
