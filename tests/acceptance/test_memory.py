"""Memory is flat in the size of the upload, the size of the results and the length of the video."""

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.documents import complete_with, write_document
from tests.support.memory import peak_bytes
from tests.support.service import Caller, Service
from tests.support.warm_start import Nursery

MIB = 2**20


def padded(clip: Path, padding_bytes: int) -> Iterator[bytes]:
    """The clip with an ignored box behind it: a valid MP4 of any size."""
    yield clip.read_bytes()
    yield struct.pack(">I4s", padding_bytes + 8, b"free")
    for _ in range(padding_bytes // MIB):
        yield bytes(MIB)


def test_video_of_any_size_in_and_out(service: Service, caller: Callable[[str], Caller], media_dir: Path) -> None:
    api = service.start("serve", "--port", "0")
    calls = caller(api.url())
    calls.submit(media_dir / "fragmented.mp4", pipeline="frames")
    before = peak_bytes(api.process.pid)

    answer = calls.http.post(
        "/video/submit?pipeline=frames",
        content=padded(media_dir / "fragmented.mp4", 300 * MIB),
        headers={"Content-Type": "video/mp4"},
        timeout=120,
    )

    assert answer.status_code == 202
    assert peak_bytes(api.process.pid) - before < 24 * MIB

    with calls.http.stream("GET", f"/video/jobs/{answer.json()['job_id']}/media") as media:
        assert sum(map(len, media.iter_raw(MIB))) == int(media.headers["content-length"]) > 300 * MIB
    assert peak_bytes(api.process.pid) - before < 24 * MIB


@pytest.fixture(scope="module")
def long_results(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[tuple[Caller, int, UUID]]:
    """A service, its process, and a job with the results of 200,000 frames."""
    service = Service(tmp_path_factory.mktemp("long") / "data", nursery=nursery)
    api = service.start("serve", "--port", "0")
    caller = Caller(api.url())
    job_id = complete_with(service.data_dir, lambda job_id, stream: write_document(stream, job_id, 200_000))
    yield caller, api.process.pid, job_id
    caller.http.close()
    service.close()


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize(
    "query", ["", "node=text&min_confidence=0.9", "q=nowhere&nonempty=true", "limit=10000", "format=vtt&end_s=2000"]
)
def test_results_of_any_size(long_results: tuple[Caller, int, UUID], query: str, coding: str) -> None:
    calls, pid, job_id = long_results
    path, headers = f"/video/results/{job_id}", {"Accept-Encoding": coding}
    calls.http.get(f"{path}?limit=1", headers=headers)
    before = peak_bytes(pid)

    with calls.http.stream("GET", f"{path}?{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers.get("content-encoding", "identity") == coding
        received = sum(map(len, answer.iter_bytes()))

    assert received > 50 * MIB or query
    assert peak_bytes(pid) - before < 16 * MIB


_ANALYSE = """
import resource, sys
from pathlib import Path
from uuid import uuid4
from reelwork.bootstrap.pipelines import load_catalog, make_pipeline_service
from reelwork.pipeline.results import write_results
from reelwork.pipeline.sampling import Sampling
from reelwork.settings import Settings

settings = Settings.load(data_dir=Path(sys.argv[2]), threads=2)
definition = load_catalog(settings).get("quality").definition
results = make_pipeline_service(settings).iterate(Path(sys.argv[1]), definition, Sampling())
with open("/dev/null", "wb") as stream:
    frames = write_results(stream, uuid4(), results)
print(frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def analysed(clip: Path, data_dir: Path) -> tuple[int, int]:
    """Run the quality pipeline in a process of its own; return its frames and its peak memory."""
    done = subprocess.run(
        [sys.executable, "-c", _ANALYSE, str(clip), str(data_dir)], capture_output=True, text=True, check=True
    )
    frames, peak = map(int, done.stdout.split())
    return frames, peak


def test_video_of_any_length(media_dir: Path, tmp_path: Path) -> None:
    import av

    long_clip = tmp_path / "long.mp4"
    repeat_clip(media_dir / "car-detection.mp4", long_clip, times=10)
    with av.open(str(long_clip)) as container:
        assert container.streams.video[0].frames == 3770

    short_frames, short_peak = analysed(media_dir / "car-detection.mp4", tmp_path)
    long_frames, long_peak = analysed(long_clip, tmp_path)

    assert (short_frames, long_frames) == (377, 3770)
    assert long_peak - short_peak < 8 * MIB


def repeat_clip(source: Path, target: Path, times: int) -> None:
    """Copy the packets of a clip several times over, without encoding anything."""
    import av

    with av.open(str(target), "w") as output:
        with av.open(str(source)) as first:
            stream = output.add_stream_from_template(first.streams.video[0])
            length = first.streams.video[0].duration
        for turn in range(times):
            with av.open(str(source)) as container:
                for packet in container.demux(container.streams.video[0]):
                    if packet.dts is None:
                        continue
                    packet.pts += turn * length
                    packet.dts += turn * length
                    packet.stream = stream
                    output.mux(packet)
