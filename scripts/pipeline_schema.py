"""The JSON Schema of pipeline files, for editors: what the loader checks, as far as a schema can say it.

That inputs and outputs name nodes which exist, and that nodes do not wait for each other in a circle, it cannot.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from pydantic import BaseModel

from reelwork.analyzers.analyzer import Analyzer
from reelwork.pipeline.definition import FRAME, TIME, NodeDefinition, PipelineDefinition
from reelwork.pipeline.sampling import WAYS, Range, Sampling

Schema = dict[str, Any]
Said = Mapping[tuple[type[BaseModel], str], str]

_GIVEN: Schema = {"not": {"enum": [None, False]}}
"""Of an option: ``null`` and ``false`` are as if it were not there."""


def schema(analyzers: Mapping[str, type[Analyzer]], said: Said) -> str:
    """Return the schema as it is published.

    Args:
        analyzers: Those whose settings it knows; nodes of others may have any.
        said: What fields mean that say nothing themselves.
    """
    made = PipelineDefinition.model_json_schema()
    parts = made["$defs"]
    for name, kind in analyzers.items():
        settings = kind.Settings.model_json_schema()
        parts |= settings.pop("$defs", {})
        parts[f"settings of {name}"] = settings
    _describe(PipelineDefinition, made, said)
    for model in _PARTS:
        _describe(model, parts[model.__name__], said)
    made["properties"]["nodes"]["propertyNames"] = {"not": {"const": TIME}}
    made["properties"]["nodes"]["additionalProperties"] = False
    parts["NodeDefinition"]["allOf"] = list(_by_analyzer(analyzers))
    parts["Sampling"]["allOf"] = [_not_both(*pair) for pair in combinations(WAYS, 2)]
    seconds, frames = ("start_s", "end_s"), ("start_frame", "end_frame")
    parts["Range"]["allOf"] = [_not_both(one, other) for one in seconds for other in frames]
    parts["Range"]["anyOf"] = [_given(name) for name in (*seconds, *frames)]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A pipeline of Reelwork"}
    return json.dumps({**made, **head}, indent=1, sort_keys=True) + "\n"


_PARTS: tuple[type[BaseModel], ...] = (NodeDefinition, Sampling, Range)


def _describe(model: type[BaseModel], part: Schema, said: Said) -> None:
    """Give every field its meaning, for the editor to show."""
    for name, field in model.model_fields.items():
        if (model, name) in said:
            part["properties"][field.alias or name]["description"] = said[model, name]


def _by_analyzer(analyzers: Mapping[str, type[Analyzer]]) -> Iterator[Schema]:
    for name, kind in analyzers.items():
        then: Schema = {"with": {"$ref": f"#/$defs/settings of {name}".replace(" ", "%20")}}
        if not kind.takes_inputs:
            then["inputs"] = {"items": {"const": FRAME}}
        is_it = {"properties": {"analyzer": {"const": name}}, "required": ["analyzer"]}
        yield {"if": is_it, "then": {"properties": then}}


def _given(name: str) -> Schema:
    return {"required": [name], "properties": {name: _GIVEN}}


def _not_both(one: str, other: str) -> Schema:
    return {"not": {"allOf": [_given(one), _given(other)]}}
