"""What a pipeline file says, before it is checked against the analyzers that are installed."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from reelwork.errors import Mistake, PipelineInvalid
from reelwork.pipeline.sampling import Sampling

FRAME = "$frame"
"""The input that stands for the frame itself."""

TIME = "time_s"
"""The key of a frame's time in its result, beside those of the output nodes."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class NodeDefinition(BaseModel):
    """One node: an analyzer, its settings, and what it is given."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    analyzer: str
    settings: dict[str, Any] = Field(default_factory=dict, alias="with")
    inputs: list[str] = Field(default_factory=lambda: [FRAME])


class PipelineDefinition(BaseModel):
    """A named graph of nodes; this is also the form in which a job keeps its pipeline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    description: str = ""
    sampling: Sampling = Field(default_factory=Sampling)
    on_decode_error: Literal["fail", "keep"] = Field(
        "fail",
        description="What becomes of a video that is damaged or breaks off: the job fails (`fail`), or completes with "
        "the frames up to there and a warning (`keep`).",
    )
    max_failed_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="On which share of the frames a node may fail without failing the job; such a frame has "
        "an `error` under the node's name.",
    )
    nodes: dict[Name, NodeDefinition]
    outputs: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the definition as plain JSON values, from which ``model_validate`` makes it again."""
        return self.model_dump(mode="json", by_alias=True)


def read_definition(path: Path) -> PipelineDefinition:
    """Read a pipeline file.

    Raises:
        PipelineInvalid: It cannot be read, is not YAML, or not of the right shape; every mistake is listed.
    """
    try:
        # Unlike PyYAML, ruamel.yaml refuses a key that is given twice.
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PipelineInvalid(path.name, [Mistake("", f"cannot be read: {error.strerror}")]) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise PipelineInvalid(path.name, [Mistake("", f"not valid YAML: {error}")]) from error
    try:
        definition = PipelineDefinition.model_validate(content)
    except ValidationError as error:
        raise PipelineInvalid(path.name, mistakes_of(error)) from error
    if definition.name != path.stem:
        raise PipelineInvalid(path.name, [Mistake("name", f"must be {path.stem!r}, as the file is called")])
    return definition


def mistakes_of(error: ValidationError, *below: str) -> list[Mistake]:
    """Turn pydantic's errors into mistakes whose place reads like ``nodes.text.with.min_confidence``."""
    return [Mistake.at([*below, *item["loc"]], item["msg"]) for item in error.errors()]
