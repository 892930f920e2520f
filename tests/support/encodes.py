"""Encoders and their options for clips whose frames are numbered."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.support.barcoded_frames import barcoded
from tests.support.clips import encode_clip

FRAMES = 60
RATE = 25


def encoded(path: Path, numbers: Iterable[int] = range(FRAMES), size: tuple[int, int] = (96, 64), **how: Any) -> Path:
    """Encode numbered frames; ``how`` goes to ``encode_clip``."""
    if how.get("codec", "libx264").startswith("libx264"):
        how["options"] = {"preset": "veryfast", **how.get("options", {})}
    return encode_clip(path, (barcoded(number, *size) for number in numbers), **how)


def x264(**parameters: object) -> dict[str, dict[str, str]]:
    """Return options of libx264; ``_`` stands for ``-``."""
    return {"options": {"x264-params": _parameters(parameters)}}


def x265(**parameters: object) -> dict[str, Any]:
    """Return the encoder libx265 with options; ``_`` stands for ``-``."""
    quiet = {"log_level": "error", "pools": "none", "frame_threads": 1}
    options = {"preset": "ultrafast", "x265-params": _parameters({**quiet, **parameters})}
    return {"codec": "libx265", "options": options}


def _parameters(parameters: Mapping[str, object]) -> str:
    return ":".join(f"{name.replace('_', '-')}={value}" for name, value in parameters.items())


GOP = {"keyint": 16, "min_keyint": 16, "scenecut": 0}
B_FRAMES = {**GOP, "bframes": 3, "b_adapt": 0}
PYRAMID = {**B_FRAMES, "b_pyramid": "normal"}
OPEN_GOP = {**PYRAMID, "open_gop": 1}
HEVC_OPEN_GOP = {**GOP, "bframes": 4, "b_adapt": 0, "open_gop": 1}
HEVC_IN_LAYERS = x265(**HEVC_OPEN_GOP, temporal_layers=3)
SVT_AV1 = {"codec": "libsvtav1", "options": {"preset": "12", "g": "16"}}
VP9 = {
    "codec": "libvpx-vp9",
    "options": {"deadline": "good", "cpu-used": "5", "g": "16", "lag-in-frames": "16", "auto-alt-ref": "1"},
}
MPEG4 = {"codec": "mpeg4", "options": {"g": "16", "bf": "2", "sc_threshold": "1000000000"}}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
LATE_INDEX = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
BEHIND = {"movflags": ""}

ENCODES: Mapping[str, dict[str, Any]] = {
    "constant rate": x264(**GOP, bframes=0),
    "B-frames": x264(**B_FRAMES, b_pyramid="none"),
    "B-frames, strict pyramid": x264(**B_FRAMES, b_pyramid="strict"),
    "B-frames, pyramid": x264(**{**PYRAMID, "bframes": 7}, ref=4),
    "index behind": {**x264(**B_FRAMES), **BEHIND},
    "open GOP": x264(**OPEN_GOP),
    "long GOP": x264(keyint=1000, scenecut=0, bframes=2),
    "every frame a key frame": x264(keyint=1),
    "intra refresh": x264(keyint=16, intra_refresh=1, bframes=0, scenecut=0),
    "interlaced": x264(**PYRAMID, tff=1),
    "slices": x264(**PYRAMID, slices=3),
    "10-bit": {**x264(**B_FRAMES), "pixel_format": "yuv420p10le"},
    "4:2:2": {**x264(**B_FRAMES), "pixel_format": "yuv422p"},
    "4:2:2, 10-bit": {**x264(**B_FRAMES), "pixel_format": "yuv422p10le"},
    "4:4:4 of odd size": {**x264(**B_FRAMES), "pixel_format": "yuv444p", "size": (65, 47)},
    "4:4:4, 10-bit, of odd size": {**x264(**B_FRAMES), "pixel_format": "yuv444p10le", "size": (65, 47)},
    "lossless": {**x264(**B_FRAMES, qp=0), "pixel_format": "yuv444p"},
    "no colour": {**x264(**B_FRAMES), "pixel_format": "gray"},
    "red, green and blue": {**x264(**B_FRAMES), "codec": "libx264rgb", "pixel_format": "bgr24"},
    "full range": {**x264(**B_FRAMES), "pixel_format": "yuvj420p"},
    "size that is cropped": {**x264(**B_FRAMES), "size": (98, 70)},
    "fragment of each frame": {**x264(**GOP, bframes=0), "movflags": "frag_every_frame+empty_moov"},
    "fragments with an edit list": {**x264(**B_FRAMES), **LATE_INDEX},
    "negative offsets": {**x264(**B_FRAMES), "movflags": "negative_cts_offsets"},
    "HEVC": x265(**GOP, bframes=4, b_adapt=0, open_gop=0),
    "HEVC, open GOP": x265(**HEVC_OPEN_GOP),
    "HEVC, in temporal layers": HEVC_IN_LAYERS,
    "HEVC, main 10": {**x265(**HEVC_OPEN_GOP), "pixel_format": "yuv420p10le"},
    "HEVC, main 12 4:4:4": {**x265(**HEVC_OPEN_GOP), "pixel_format": "yuv444p12le", "size": (65, 47)},
    "HEVC, intra refresh": x265(keyint=16, intra_refresh=1, bframes=0, scenecut=0),
    "AV1": SVT_AV1,
    "AV1, 10-bit": {**SVT_AV1, "pixel_format": "yuv420p10le"},
    "AV1 of odd size": {**SVT_AV1, "size": (67, 65)},
    "fragments, AV1": {**SVT_AV1, **FRAGMENTS},
    "VP9": VP9,
    "VP9 of odd size": {**VP9, "size": (65, 47)},
    "VP9, 4:4:4": {**VP9, "pixel_format": "yuv444p"},
    "MPEG-4": {"codec": "mpeg4", "options": {"g": "16"}},
    "MPEG-4, B-frames": MPEG4,
    "MPEG-4, interlaced": {"codec": "mpeg4", "options": {**MPEG4["options"], "flags": "+ilme+ildct"}},
    "MPEG-4 of odd size": {**MPEG4, "size": (65, 47)},
    "Motion JPEG": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
}


ENCODES_WITHOUT_EDIT_LIST: Mapping[str, dict[str, Any]] = {
    "fragments": {**x264(**PYRAMID), **FRAGMENTS},
    "fragments with an index": {**x264(**OPEN_GOP), "movflags": "frag_keyframe+empty_moov+dash+global_sidx"},
    "fragments, HEVC": {**x265(**HEVC_OPEN_GOP), **FRAGMENTS},
}
