"""The command that sends videos: submit."""

import json
from typing import Annotated, Any

import typer

from reelwork.cli.asking import ApiKey, AsJson, Url, connected, pipelines_begun
from reelwork.cli.files import named_videos
from reelwork.cli.ranges import HOW, MEANING, read_range

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        show_default=False,
        help="MP4 files; patterns (in quotes: '**/*.mp4') and directories stand for the videos in them.",
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(submit)


def submit(
    files: Files,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            "-p",
            show_default="the service's",
            help="What to look for: `reelwork pipelines`.",
            autocompletion=pipelines_begun,
        ),
    ] = None,
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
        list[str] | None, typer.Option("--range", metavar="START:END", show_default="the pipeline's", help=MEANING)
    ] = None,
    max_frames: Annotated[
        int | None, typer.Option("--max-frames", min=1, show_default="all", help="Analyse at most so many frames.")
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NODE.SETTING=VALUE",
            show_default="the pipeline's",
            help="Change a setting of a node (text.min_confidence=0.5); the value is JSON or text. May be repeated.",
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", show_default=False, help="A word to find the job by; may be repeated."),
    ] = None,
    external_id: Annotated[
        str | None, typer.Option("--external-id", show_default=False, help="What you call the job.")
    ] = None,
    retention_s: Annotated[
        float | None,
        typer.Option("--retention-s", show_default="the service's", help="Keep it for so long once it is over."),
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option("--webhook-url", show_default=False, help="Where to tell that it is over.")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            show_default="one that is made up",
            help="Submitted again with the same key, a file is the same job. For one file.",
        ),
    ] = None,
    keep_upload: Annotated[
        bool,
        typer.Option("--keep-upload", help="Keep what has arrived of a large file when it is interrupted."),
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="UPLOAD", show_default=False, help="Go on with an upload that was kept."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send the file and say what would be done; nothing is kept.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end and show what was found.")] = False,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", min=0, show_default="none", help="Wait for so many seconds at most.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Submit videos and print their job ids, one per line.

    Standard output holds the ids alone, or with --json an object for each file; everything else goes to standard error.
    Large files go on where they were when the connection breaks. A file that is refused does not keep back the others.

    Example: reelwork submit --wait clip.mp4

    Example: job=$(reelwork submit --pipeline text_codes --frame-stride 10 clip.mp4)

    Example: reelwork submit --tag night-shift --json footage/
    """
    paths = named_videos(files)
    if len(paths) > 1 and (idempotency_key or resume):
        raise typer.BadParameter("--idempotency-key and --resume are for one file.")
    options: dict[str, Any] = {
        "pipeline": pipeline,
        "frame_stride": frame_stride,
        "every_s": every_s,
        "keyframes": keyframes or None,
        "max_frames": max_frames,
        "ranges": [_range(written) for written in ranges or ()] or None,
        "params": _params(params or []),
        "tags": tuple(tags or ()),
        "external_id": external_id,
        "retention_s": retention_s,
        "webhook_url": webhook_url,
    }
    from reelwork.cli.submission import Sending, Submission

    sending = Sending(options, idempotency_key, resume, keep_upload)
    with connected(url, api_key) as client:
        submission = Submission(client, sending, as_json)
        if dry_run:
            submission.rehearse(paths)
        else:
            submission.send(paths, to_be_followed=wait)
        if wait and not dry_run:
            submission.follow(timeout_s)
    submission.tally.exit()


def _range(written: str) -> dict[str, float]:
    bounds = read_range(written)
    if not bounds:
        raise typer.BadParameter(f"{written}: {HOW}", param_hint="--range")
    return bounds


def _params(written: list[str]) -> dict[str, dict[str, Any]] | None:
    changed: dict[str, dict[str, Any]] = {}
    for setting in written:
        place, given, value = setting.partition("=")
        node, dot, name = place.partition(".")
        if not (given and dot and node and name):
            raise typer.BadParameter(f"{setting}: give NODE.SETTING=VALUE", param_hint="--param")
        changed.setdefault(node, {})[name] = _value(value)
    return changed or None


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written
