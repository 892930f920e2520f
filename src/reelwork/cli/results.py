"""The commands that fetch answers: results, frame."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reelwork.cli.asking import ApiKey, JobId, Url, connected
from reelwork.cli.files import written


class Format(StrEnum):
    """A form of the results."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    VTT = "vtt"
    SRT = "srt"
    COCO = "coco"


Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", dir_okay=False, show_default="standard output", help="File to write to."),
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(results)
    app.command()(frame)


def results(
    job_id: JobId,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="JSON is the document itself, ndjson a frame on each line.")
    ] = Format.JSON,
    output: Output = None,
    start_s: Annotated[
        float | None, typer.Option("--start-s", show_default=False, help="Frames from this second on.")
    ] = None,
    end_s: Annotated[
        float | None, typer.Option("--end-s", show_default=False, help="Frames before this second.")
    ] = None,
    node: Annotated[
        list[str] | None, typer.Option("--node", show_default=False, help="Answers of this node; may be repeated.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", show_default=False, help="What has this label, text or format; may be repeated."),
    ] = None,
    q: Annotated[
        str | None, typer.Option("--q", "-q", show_default=False, help="What has this in its label or text.")
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option("--min-confidence", min=0, max=1, show_default=False, help="What is at least so confident."),
    ] = None,
    nonempty: Annotated[bool, typer.Option("--nonempty", help="Frames for which something is left.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Print the results of a completed job, or write them to a file. Filters leave out what is not wanted.

    Example: reelwork results 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88 --output clip.json

    Example: reelwork results 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88 --format srt --node text > clip.srt
    """
    with connected(url, api_key) as client, written(output) as file:
        client.job(job_id).save_results(
            file,
            format=form.value,
            start_s=start_s,
            end_s=end_s,
            node=node,
            label=label,
            q=q,
            min_confidence=min_confidence,
            nonempty=nonempty or None,
        )


def frame(
    job_id: JobId,
    number: Annotated[int, typer.Argument(metavar="N", min=0, show_default=False, help="The frame's index.")],
    output: Output = None,
    boxes: Annotated[bool, typer.Option("--boxes", help="Draw what was found.")] = False,
    node: Annotated[
        str | None, typer.Option("--node", show_default=False, help="Draw the answers of this node only.")
    ] = None,
    width: Annotated[
        int | None, typer.Option("--width", min=16, show_default="the video's", help="Scale down to so many pixels.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Fetch one frame of a job's video as a JPEG.

    Example: reelwork frame 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88 50 --boxes --output frame.jpg
    """
    with connected(url, api_key) as client:
        picture = client.job(job_id).frame(number, boxes=boxes, node=node, width=width)
    with written(output) as file:
        file.write(picture)
