"""However a file is cut into requests, and whatever is repeated or wrong among them: the same bytes, and one job."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.service import Service
from tests.support.uploads import SeveralRequests
from tests.support.warm_start import Nursery

CUTS = st.lists(
    st.tuples(
        st.integers(0, 6000),
        st.sampled_from(["sent", "sent", "sent twice", "too far on", "too far back", "asked first", "begun again"]),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[tuple[Service, httpx.Client]]:
    service = Service(tmp_path_factory.mktemp("cuts") / "data", nursery=nursery)
    url = service.start("serve", "--port", "0").url()
    with httpx.Client(base_url=url, timeout=30) as http:
        yield service, http
    service.close()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(first=st.integers(0, 6000), cuts=CUTS, knows_length=st.booleans())
def test_any_cut(
    served: tuple[Service, httpx.Client],
    media_dir: Path,
    first: int,
    cuts: list[tuple[int, str]],
    knows_length: bool,
) -> None:
    service, http = served
    content = (media_dir / "midroll-5s.mp4").read_bytes()
    jobs_before = len(videos(service))
    http.headers["Idempotency-Key"] = str(uuid4())
    length = len(content) if knows_length else None
    upload = SeveralRequests(http)
    assert upload.begin(content[:first], length=length, pipeline="frames").status_code == 201
    arrived = first
    for size, how in cuts:
        piece = content[arrived : arrived + size]
        if how == "begun again":
            again = upload.begin(content[:first], length=length, pipeline="frames")
            assert again.headers["Upload-Offset"] == str(arrived)
        elif how == "too far on":
            assert upload.append(piece, arrived + 1 + size).status_code == 409
        elif how == "too far back" and arrived > 0:
            assert upload.append(piece, arrived - 1).status_code == 409
        else:
            if how == "asked first":
                assert upload.offset() == arrived
            assert upload.append(piece, arrived).status_code == 204
            if how == "sent twice" and piece:
                assert upload.append(piece, arrived).status_code == 409
            arrived += len(piece)
    last = [upload.append(content[arrived:], arrived, last=True) for _ in range(2)]

    assert {answer.status_code for answer in last} == {202}
    [job_id] = {answer.json()["job_id"] for answer in last}
    assert (service.data_dir / "files" / "video_jobs" / f"{job_id}.mp4").read_bytes() == content
    assert len(videos(service)) == jobs_before + 1 == len(service.stored_files())


def videos(service: Service) -> list[str]:
    return [name for name in service.stored_files() if name.startswith("video_jobs/")]
