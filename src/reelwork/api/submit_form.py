"""The options of a submit as they are written: query parameters or fields of the form."""

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from reelwork.jobs.options import (
    LEAST_RETENTION_S,
    MOST_EXTERNAL_ID_CHARACTERS,
    MOST_RETENTION_S,
    MOST_TAG_CHARACTERS,
    MOST_TAGS,
    MOST_URL_CHARACTERS,
)
from reelwork.pipeline.catalog import DEFAULT_PIPELINE
from reelwork.pipeline.sampling import EverySeconds, FrameStride, KeyFrames, MaxFrames, Ranges

_MOST = 2**31 - 1


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only characters that can be printed are taken")
    return text


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        reachable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        reachable = False
    if not reachable or " " in url:
        raise ValueError("give a URL such as https://example.org/hook")
    return url


def _read_json(text: Any) -> Any:
    """Read JSON of which every part can be stored and sent again."""
    if not isinstance(text, str):
        return text
    try:
        value = json.loads(text, parse_constant=_refuse)
        # A lone half of a pair of surrogates can be written in JSON, and in no encoding.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError("this is not JSON, or has a value that JSON cannot hold") from error
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _true_or_false(text: str) -> str:
    if text not in ("true", "false"):
        raise ValueError("this is neither true nor false")
    return text


def _json_text(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "contentMediaType": "application/json", "examples": [example]})


_PRINTABLE = AfterValidator(_printable)
_FLAG = BeforeValidator(_true_or_false)
Tag = Annotated[str, Field(min_length=1, max_length=MOST_TAG_CHARACTERS), _PRINTABLE]
ExternalId = Annotated[str, Field(min_length=1, max_length=MOST_EXTERNAL_ID_CHARACTERS), _PRINTABLE]
PipelineName = Annotated[str, Field(min_length=1, max_length=64), _PRINTABLE]

_ParamsJson = Annotated[
    dict[str, dict[str, Any]],
    BeforeValidator(_read_json),
    _json_text('{"text": {"min_confidence": 0.8}}'),
]
_RangesJson = Annotated[Ranges, BeforeValidator(_read_json), _json_text('[{"start_s": 60, "end_s": 90}]')]
_WebhookUrl = Annotated[str, Field(max_length=MOST_URL_CHARACTERS), _PRINTABLE, AfterValidator(_web_address)]


class SubmitForm(BaseModel):
    """The options of a submit. Each may be wrong on its own; what they are together is looked at afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: PipelineName = Field(DEFAULT_PIPELINE, description="Name of the pipeline to run.")
    params: _ParamsJson | None = Field(
        None, description="Settings of the pipeline's nodes to change, by node, as JSON. `GET /pipelines` has them all."
    )
    frame_stride: Annotated[FrameStride, Field(le=_MOST)] | None = None
    every_s: EverySeconds | None = None
    keyframes: Annotated[KeyFrames, _FLAG] | None = None
    ranges: _RangesJson | None = Field(
        None,
        description="Analyse these parts of the video only: a JSON list of `{start_s, end_s}` or "
        "`{start_frame, end_frame}`; the end is not in it, and either may be left out.",
    )
    max_frames: Annotated[MaxFrames, Field(le=_MOST)] | None = None
    tags: tuple[Tag, ...] = Field(
        (),
        max_length=MOST_TAGS,
        description=f"Words to find the job by: at most {MOST_TAGS} of up to {MOST_TAG_CHARACTERS} characters. "
        "Give the option again for each, or put commas between them.",
    )
    external_id: ExternalId | None = Field(None, description="What you call the job, to find it by.")
    retention_s: float | None = Field(
        None,
        ge=LEAST_RETENTION_S,
        le=MOST_RETENTION_S,
        allow_inf_nan=False,
        description="How long the job, its video and its results are kept once it is over; without it, as long as the "
        "service keeps jobs, which is also the most that can be asked for.",
    )
    webhook_url: _WebhookUrl | None = Field(None, description="Where to tell that the job is over.")
    dry_run: Annotated[bool, _FLAG] = Field(
        False, description="Check everything, count the frames, estimate the time, and keep nothing."
    )
