"""The command that runs a pipeline here and now, without the service: analyze."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwork.cli.files import is_replaceable
from reelwork.cli.ranges import HOW, MEANING, read_range
from reelwork.cli.service import DataDir

if TYPE_CHECKING:
    from reelwork.pipeline.definition import PipelineDefinition
    from reelwork.pipeline.sampling import Sampling
    from reelwork.settings import Settings


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(analyze)


def analyze(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, show_default=False, help="An MP4."),
    ],
    pipeline: Annotated[
        str, typer.Option("--pipeline", "-p", help="Name of a pipeline, or the path of a pipeline file (.yaml).")
    ] = "text",
    frame_stride: Annotated[
        int | None,
        typer.Option("--frame-stride", min=1, show_default="the pipeline's", help="Analyse every n-th frame."),
    ] = None,
    every_s: Annotated[
        float | None,
        typer.Option("--every-s", show_default="the pipeline's", help="Analyse a frame each so many seconds."),
    ] = None,
    keyframes: Annotated[bool, typer.Option("--keyframes", help="Analyse the key frames only.")] = False,
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="START:END",
            show_default="the pipeline's",
            help=MEANING,
        ),
    ] = None,
    max_frames: Annotated[
        int | None, typer.Option("--max-frames", min=1, show_default="all", help="Analyse at most so many frames.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", dir_okay=False, show_default="standard output", help="File to write to."),
    ] = None,
    data_dir: DataDir = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", envvar="REELWORK_THREADS", min=1, show_default="as many as cores", help="Threads."),
    ] = None,
) -> None:
    """Run a pipeline over a video here and now, without the service, and print the results as JSON.

    They are the same as a job's. What is damaged about the video is told on standard error.

    Example: reelwork analyze clip.mp4 --pipeline scenes --output clip.json

    Example: reelwork analyze clip.mp4 --pipeline ./mine.yaml --every-s 0.5 --range 10:20
    """
    from reelwork.cli.local_run import run_locally
    from reelwork.settings import Settings

    _require_another(output, file)
    settings = Settings.load(data_dir=data_dir, threads=threads)
    definition = _definition(pipeline, settings)
    options = {
        "frame_stride": frame_stride,
        "every_s": every_s,
        "keyframes": keyframes,
        "ranges": [_range(written) for written in ranges or ()] or None,
        "max_frames": max_frames,
    }
    sampling = _sampling(definition, options)
    with _results_for(output) as results_path:
        warnings = run_locally(settings, file, definition, sampling, results_path)
    for warning in warnings:
        typer.secho(f"Warning: {warning}", fg=typer.colors.YELLOW, err=True)


def _require_another(output: Path | None, video: Path) -> None:
    from reelwork.errors import ReelworkError

    if output is not None and output.exists() and output.samefile(video):
        raise ReelworkError(f"{output} is the video itself: write the results to another file.")


def _definition(pipeline: str, settings: "Settings") -> "PipelineDefinition":
    """Find the pipeline: a file is what the catalog would make of it if its directory were that of one's own."""
    from reelwork.bootstrap.pipelines import load_catalog
    from reelwork.errors import ReelworkError

    path = Path(pipeline)
    if path.suffix or len(path.parts) > 1:
        if path.suffix != ".yaml" or not path.is_file():
            raise ReelworkError(f"There is no pipeline file {pipeline}; its name must end in .yaml.")
        settings = settings.model_copy(update={"pipelines_dir": path.parent.absolute()})
    return load_catalog(settings).get(path.stem).definition


def _sampling(definition: "PipelineDefinition", options: dict[str, Any]) -> "Sampling":
    from pydantic import ValidationError

    from reelwork.errors import InvalidOptions
    from reelwork.pipeline.definition import mistakes_of

    try:
        return definition.sampling.with_options(**options)
    except ValidationError as error:
        raise InvalidOptions(mistakes_of(error)) from error


def _range(written: str) -> dict[str, Any]:
    """Read ``1.5:20`` (seconds) or ``30f:90f`` (frames)."""
    from pydantic import ValidationError

    from reelwork.errors import InvalidOptions, Mistake
    from reelwork.pipeline.sampling import Range

    given, why = read_range(written), HOW
    try:
        if given:
            return Range.model_validate(given).model_dump(exclude_none=True)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
    raise InvalidOptions([Mistake(f"--range {written}", why)])


def _results_for(output: Path | None) -> AbstractContextManager[Path]:
    """Give a path to write to; what is there at the end comes to its place, whole, unless something was raised."""
    return _replacing(output) if output is not None and is_replaceable(output) else _copied_to(output)


@contextmanager
def _replacing(output: Path) -> Iterator[Path]:
    place = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with _blaming(output):
            place.touch()
        yield place
        with _blaming(output):
            place.replace(output)
    finally:
        with suppress(OSError):
            place.unlink()


@contextmanager
def _copied_to(output: Path | None) -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="reelwork-") as directory:
        place = Path(directory) / "results.json"
        yield place
        opened = output.open("wb") if output else nullcontext(typer.get_binary_stream("stdout"))
        with _blaming(output or "the results"), opened as stream, place.open("rb") as results:
            shutil.copyfileobj(results, stream)


@contextmanager
def _blaming(what: Path | str) -> Iterator[None]:
    from reelwork.errors import ReelworkError

    try:
        yield
    except BrokenPipeError:
        raise  # who read them has had enough
    except OSError as error:
        raise ReelworkError(f"Cannot write {what}: {error.strerror}.") from error
