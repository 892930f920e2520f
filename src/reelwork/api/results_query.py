"""The query of a request for results: filters, paging, format; every mistake in it at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from reelwork.api.negotiation import preferred
from reelwork.api.parameters import without_null
from reelwork.errors import InvalidOptions, Mistake, NotAcceptable
from reelwork.pipeline.reading.filters import Filters
from reelwork.pipeline.reading.formats import COCO, FORMATS, Format, Source

MOST_ENTRIES = 10_000
_BY_NAME = {form.name: form for form in FORMATS}
_BY_MEDIA_TYPE = {form.media_type: form for form in FORMATS}
_REPEATABLE = ("node", "label")
_MAY_BE_EMPTY = ("node", "label", "q", "cursor")  # and are then as good as not given


@dataclass(frozen=True)
class _Context:
    """What the parameters are judged by: the job's output nodes and video, and the format that ``Accept`` names."""

    outputs: Sequence[str]
    source: Source
    accepted: Format


def _known_format(name: str | None, info: ValidationInfo) -> str | None:
    if name is not None and name not in _BY_NAME:
        raise PydanticCustomError("format", "must be one of {names}", {"names": ", ".join(_BY_NAME)})
    if _chosen(name, info) is COCO and not _context(info).source.width:
        raise PydanticCustomError("format", "the size of this video is not known, and coco counts in its pixels")
    return name


def _known_nodes(nodes: list[str], info: ValidationInfo) -> list[str]:
    outputs = _context(info).outputs
    if unknown := [node for node in nodes if node not in outputs]:
        facts = {"unknown": ", ".join(unknown), "known": ", ".join(outputs) or "none"}
        raise PydanticCustomError("node", "no output node: {unknown}; those of this job: {known}", facts)
    return nodes


def _behind_start(end_s: float | None, info: ValidationInfo) -> float | None:
    start_s = info.data.get("start_s")
    if end_s is not None and start_s is not None and end_s <= start_s:
        raise PydanticCustomError("end_s", "must be greater than start_s")
    return end_s


def _of_pages(value: Any, info: ValidationInfo) -> Any:
    form = _chosen(info.data.get("format"), info)
    if value is not None and not form.by_entry:
        raise PydanticCustomError("pages", "{name} comes whole, not in pages", {"name": form.name})
    return value


def _chosen(name: str | None, info: ValidationInfo) -> Format:
    return _BY_NAME.get(name or "", _context(info).accepted)


def _context(info: ValidationInfo) -> "_Context":
    assert isinstance(info.context, _Context)
    return info.context


class ResultsQuery(BaseModel):
    """The parameters; a later one may be judged by those before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[
        str | None,
        Field(
            description="The form of the answer; goes before `Accept`.",
            json_schema_extra={"enum": list(_BY_NAME)},
            validate_default=True,
        ),
        AfterValidator(_known_format),
    ] = None
    start_s: Annotated[
        float | None, Field(description="Frames from this time on, in seconds.", allow_inf_nan=False)
    ] = None
    end_s: Annotated[
        float | None,
        Field(description="Frames before this time, in seconds.", allow_inf_nan=False),
        AfterValidator(_behind_start),
    ] = None
    node: Annotated[
        list[str], Field(description="Only this output node; may be repeated."), AfterValidator(_known_nodes)
    ] = []
    label: Annotated[
        list[str],
        Field(description="Only items whose label, text or format is this, whatever the case; may be repeated."),
    ] = []
    q: Annotated[str, Field(description="Only items in whose label or text this occurs, whatever the case.")] = ""
    min_confidence: Annotated[
        float | None, Field(ge=0, le=1, description="No items that are less confident than this.")
    ] = None
    nonempty: Annotated[bool, Field(description="No frames for which nothing is left.")] = False
    limit: Annotated[
        int | None,
        Field(ge=1, le=MOST_ENTRIES, description="At most so many entries; `Link` then leads to the next page."),
        AfterValidator(_of_pages),
    ] = None
    cursor: Annotated[str | None, Field(description="Where to go on, as `Link` says."), AfterValidator(_of_pages)] = (
        None
    )

    def filters(self) -> Filters:
        """Return what is left out."""
        return Filters(
            start_s=self.start_s,
            end_s=self.end_s,
            nodes=frozenset(self.node),
            labels=frozenset(self.label),
            q=self.q,
            min_confidence=self.min_confidence,
            nonempty=self.nonempty,
        )


def read_query(request: Request, outputs: Sequence[str], source: Source) -> tuple[Format, ResultsQuery]:
    """Check the query and choose the format.

    Args:
        request: The request.
        outputs: Output nodes of the job.
        source: What is known of its video.

    Raises:
        InvalidOptions: The query is wrong.
        NotAcceptable: It names no format, and ``Accept`` none that there is.
    """
    given = [(name, value) for name, value in request.query_params.multi_items() if value or name not in _MAY_BE_EMPTY]
    accept = ",".join(request.headers.getlist("accept"))
    media_type = preferred(list(_BY_MEDIA_TYPE), accept)
    if media_type is None and "format" not in dict(given):
        raise NotAcceptable(list(_BY_MEDIA_TYPE))
    accepted = _BY_MEDIA_TYPE[media_type] if media_type else FORMATS[0]
    query = _validated(given, _Context(outputs, source, accepted))
    return _BY_NAME[query.format] if query.format else accepted, query


def query_documentation() -> list[dict[str, Any]]:
    """Return the parameters as OpenAPI describes them."""
    return [
        {
            "name": name,
            "in": "query",
            "description": schema.pop("description"),
            "schema": without_null(schema),
        }
        for name, schema in ResultsQuery.model_json_schema()["properties"].items()
    ]


def _mistake(error: ErrorDetails) -> Mistake:
    unknown = error["type"] == "extra_forbidden"
    return Mistake(".".join(map(str, error["loc"])), "there is no such parameter" if unknown else error["msg"])


def _validated(given: list[tuple[str, str]], context: "_Context") -> ResultsQuery:
    values: dict[str, Any] = {}
    mistakes = []
    for name, value in given:
        if name in _REPEATABLE:
            values.setdefault(name, []).append(value)
        elif name in values:
            mistakes.append(Mistake(name, "given more than once"))
        else:
            values[name] = value
    try:
        query = ResultsQuery.model_validate(values, context=context)
    except ValidationError as error:
        mistakes += map(_mistake, error.errors())
        raise InvalidOptions(mistakes) from error
    if mistakes:
        raise InvalidOptions(mistakes)
    return query
