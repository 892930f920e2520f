"""What the settings of ``text`` cost and miss: time on one thread, and character error rates."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

from reelwork.analyzers import AnalyzerContext, Frame, Json
from reelwork.analyzers.builtin.text import Text
from tests.support.pictures import decoded, frames_of
from tests.support.slides import HEIGHT, WIDTH, Show, Slide, character_error_rate, slides, turned

Pages = list[tuple[Frame, str]]
Answers = list[list[dict[str, Any]]]

_SETTINGS: dict[str, dict[str, Any]] = {
    **{f"max_side: {side}": {"max_side": side} for side in (640, 736, 800, 960, 1280)},
    "max_side: 960, rotated: true": {"rotated": True},
    "engine: tesseract": {"engine": "tesseract"},
}
_STRIDE = 15
_CLIPS = {"midroll-5s.mp4": 1, "burned-in-time-15fps.mp4": 1, "car-detection.mp4": _STRIDE}


def run() -> None:
    """Measure and print."""
    _print_settings()
    _print_similar()


def _print_settings() -> None:
    cases = _cases()
    print("  CPU ms a frame and character error rate: " + ", ".join(cases), flush=True)
    _print_row("rapidocr, its own defaults", cases, _theirs())
    for name, settings in _SETTINGS.items():
        if Text.unavailable_because(Text.Settings(**settings), AnalyzerContext(Path())) is None:
            _print_row(name, cases, _ours(settings))


def _cases() -> dict[str, Pages]:
    return {
        "slides": [_page(slide) for slide in slides(4, seed=3)],
        "14 px": [_page(slide) for slide in slides(2, seed=4, lines=12, size=14)],
        "10 px": [_page(slide) for slide in slides(1, seed=8, lines=14, size=10)],
        "14 px in 1080p": [_page(slide, 1920, 1080) for slide in slides(1, seed=6, lines=12, size=14)],
        "turned by 3 degrees": [_page(slide, degrees=3) for slide in slides(2, seed=5)],
        "turned by 8 degrees": [_page(slide, degrees=8) for slide in slides(1, seed=9)],
        "title card": [(frame, "ExoPlayer ad test Midroll") for frame in decoded("midroll-5s.mp4", stride=60)],
    }


def _page(slide: Slide, width: int = WIDTH, height: int = HEIGHT, degrees: float = 0) -> tuple[Frame, str]:
    return frames_of([turned(slide.drawn(width, height), degrees)])[0], slide.text()


def _print_row(name: str, cases: Mapping[str, Pages], read: Callable[[Frame], str]) -> None:
    cells = []
    for pages in cases.values():
        began = process_time()
        readings = [read(frame) for frame, _ in pages]
        spent = (process_time() - began) / len(pages)
        cells.append(f"{spent * 1000:5.0f} {character_error_rate([text for _, text in pages], readings):7.2%}")
    print(f"    {name:30} " + "   ".join(cells), flush=True)


def _theirs() -> Callable[[Frame], str]:
    from rapidocr import RapidOCR

    engine: Any = RapidOCR(params={"Global.log_level": "critical", "EngineConfig.onnxruntime.intra_op_num_threads": 1})
    return lambda frame: " ".join(engine(frame.bgr()).txts or ())


def _ours(settings: dict[str, Any]) -> Callable[[Frame], str]:
    analyzer = Text(Text.Settings(**settings), AnalyzerContext(Path()))
    analyzer.load()
    analyzer.begin()
    return lambda frame: _joined(analyzer.analyze([frame], {})[0])


def _print_similar() -> None:
    print("  reuse: similar beside exact", flush=True)
    for name, show in {"slides": Show(), "growing slides": Show(build_frames=_STRIDE, moving=True)}.items():
        shown = [page for number, page in enumerate(show.frames(slides(4))) if number % _STRIDE == 0]
        frames = frames_of([picture for _, picture in shown])
        exact, similar = (_answers(frames, reuse) for reuse in ("exact", "similar"))
        truths = [slide.text() for slide, _ in shown]
        rates = [character_error_rate(truths, list(map(_joined, answers))) for answers in (exact, similar)]
        _print_comparison(name, exact, similar)
        print(f"      character error rate: exact {rates[0]:.2%}, similar {rates[1]:.2%}", flush=True)
    for name, stride in _CLIPS.items():
        frames = decoded(name, stride)
        _print_comparison(name, *(_answers(frames, reuse) for reuse in ("exact", "similar")))


def _answers(frames: Sequence[Frame], reuse: str) -> Answers:
    analyzer = Text(Text.Settings.model_validate({"reuse": reuse}), AnalyzerContext(Path()))
    analyzer.load()
    analyzer.begin()
    return [analyzer.analyze([frame], {})[0] for frame in frames]


def _print_comparison(name: str, exact: Answers, similar: Answers) -> None:
    kept = sum(_in_common(one, other) for one, other in zip(exact, similar, strict=True))
    lines, more = sum(map(len, exact)), sum(map(len, similar))
    rate = character_error_rate(list(map(_joined, exact)), list(map(_joined, similar)))
    print(
        f"    {name:26} {len(exact)} frames: {kept} of {lines} lines the same, {more - kept} others; "
        f"characters that differ: {rate:.2%}",
        flush=True,
    )


def _in_common(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> int:
    remaining = [item["text"] for item in other]
    kept = 0
    for item in one:
        if item["text"] in remaining:
            remaining.remove(item["text"])
            kept += 1
    return kept


def _joined(items: Json) -> str:
    return " ".join(item["text"] for item in items)
