"""What the API does with jobs: an accepted one is durable, a refused one leaves nothing."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.db.engine import Database
from reelwork.db.transaction import Transaction
from reelwork.db.types import database_now
from reelwork.errors import (
    FileMissing,
    JobNotFailed,
    JobNotFound,
    PipelineUnavailable,
    ReelworkError,
    ResultsGone,
    ResultsNotReady,
    ServiceUnavailable,
    UnknownPipeline,
    UploadEmpty,
    VideoUnreadable,
)
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.listing import JobFilter
from reelwork.jobs.model import Job
from reelwork.jobs.options import SubmitOptions
from reelwork.jobs.rehearsal import Rehearsed
from reelwork.jobs.service import JobService
from reelwork.jobs.store import JobStore
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.queues.database import DatabaseQueue
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import results_key, video_key
from reelwork.video.counting import FrameCount, count
from reelwork.video.packets import Chooser
from reelwork.video.probe import probe
from reelwork.video.source import DecodeLimits, VideoFacts
from tests.support.analyzers import registry
from tests.support.databases import rows, run
from tests.support.job_rows import row_of, update_row

FRAMES = SubmitOptions(pipeline="frames")


@pytest.fixture
def catalog(tmp_path: Path) -> PipelineCatalog:
    """The shipped pipelines, most of which lack their analyzers, and one that lacks a model."""
    own = tmp_path / "pipelines"
    own.mkdir()
    lacking = "name: lacking\nnodes: {a: {analyzer: unavailable}}\noutputs: [a]\n"
    (own / "lacking.yaml").write_text(lacking)
    (own / "constant.yaml").write_text(
        "name: constant\nsampling: {every_s: 2}\nnodes: {a: {analyzer: constant, with: {value: 5}}}\noutputs: [a]\n"
    )
    return PipelineCatalog.load(own, registry(), AnalyzerContext(models_dir=tmp_path / "models"))


@pytest.fixture
def service(store: JobStore, storage: LocalStorage, catalog: PipelineCatalog) -> JobService:
    """The service with everything real; it probes in this process."""
    return JobService(store, storage, catalog, lambda path: probe(path, DecodeLimits()))


@pytest.fixture
def clip(media_dir: Path) -> bytes:
    """A small MP4."""
    return (media_dir / "midroll-5s.mp4").read_bytes()


@pytest.fixture
def assert_nothing_is_left(database: Database, tmp_path: Path) -> Iterator[None]:
    """Check, after the test, that neither a row nor a hint nor a file is there."""
    yield
    assert rows(database, "SELECT * FROM job") == []
    assert rows(database, "SELECT * FROM queue_entry") == []
    assert [path for path in (tmp_path / "storage").rglob("*") if path.is_file()] == []


class TestAccepting:
    def test_file_row_and_hint_are_there(
        self,
        service: JobService,
        storage: LocalStorage,
        database: Database,
        database_queue: DatabaseQueue,
        clip: bytes,
    ) -> None:
        options = SubmitOptions(pipeline="constant", sampling={"frame_stride": 3, "max_frames": 9})
        job_id = service.submit([clip[:5000], clip[5000:]], lambda: options)
        with storage.load_file(video_key(job_id)) as stream:
            assert stream.read() == clip
        row = row_of(database, job_id)
        assert (row["status"], row["input_path"], row["pipeline"]) == (JobStatus.PENDING, video_key(job_id), "constant")
        assert row["options"] == {"frame_stride": 3, "max_frames": 9}
        assert database_queue.dequeue() == job_id

    def test_the_pipeline_is_frozen_with_every_setting(
        self, service: JobService, database: Database, clip: bytes
    ) -> None:
        job_id = service.submit([clip], lambda: SubmitOptions(pipeline="constant"))
        kept = PipelineDefinition.model_validate(row_of(database, job_id)["pipeline_definition"])
        assert kept.nodes["a"].settings == {"value": 5, "label": "plain"}
        assert kept.sampling.every_s == 2

    def test_what_the_client_says_of_it_is_kept(self, service: JobService, database: Database, clip: bytes) -> None:
        options = SubmitOptions(
            "constant", params={"a": {"value": 9}}, tags=("x", "y"), external_id="mine", retention_s=90.0
        )
        job_id = service.submit([clip], lambda: options, owner="key")
        row = row_of(database, job_id)
        assert (row["external_id"], row["retention_s"], row["owner"]) == ("mine", 90.0, "key")
        assert row["input_bytes"] == row["source"]["bytes"] == len(clip)
        assert row["pipeline_definition"]["nodes"]["a"]["with"]["value"] == 9
        assert service.tags_of(service.get(job_id)) == ("x", "y")

    def test_each_submission_is_a_job_of_its_own(self, service: JobService, clip: bytes) -> None:
        assert len({service.submit([clip], lambda: FRAMES) for _ in range(3)}) == 3

    def test_options_are_asked_for_once_the_file_is_read(self, service: JobService, clip: bytes) -> None:
        happened = []

        def chunks() -> Iterator[bytes]:
            yield clip
            happened.append("read")

        def options() -> SubmitOptions:
            happened.append("options")
            return FRAMES

        service.submit(chunks(), options)
        assert happened == ["read", "options"]

    def test_the_file_is_durable_before_the_row(
        self, store: JobStore, storage: LocalStorage, catalog: PipelineCatalog, clip: bytes
    ) -> None:
        probed = []

        def looking(path: Path) -> VideoFacts:
            assert path.read_bytes() == clip
            assert store.get(UUID(path.stem)) is None
            probed.append(path.stem)
            return probe(path, DecodeLimits())

        job_id = JobService(store, storage, catalog, looking).submit([clip], lambda: FRAMES)
        assert probed == [str(job_id)]


@pytest.mark.usefixtures("assert_nothing_is_left")
class TestRefusing:
    @pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
    def test_no_bytes(self, service: JobService, chunks: list[bytes]) -> None:
        with pytest.raises(UploadEmpty):
            service.submit(chunks, lambda: FRAMES)

    def test_no_video(self, service: JobService) -> None:
        with pytest.raises(VideoUnreadable):
            service.submit([b"this is no video"], lambda: FRAMES)

    @pytest.mark.parametrize(("pipeline", "error"), [("nothing", UnknownPipeline), ("lacking", PipelineUnavailable)])
    def test_no_such_pipeline(
        self, service: JobService, clip: bytes, pipeline: str, error: type[ReelworkError]
    ) -> None:
        options = SubmitOptions(pipeline=pipeline)
        with pytest.raises(error):
            service.check(options)
        with pytest.raises(error):
            service.submit([clip], lambda: options)

    def test_a_client_that_goes_away(self, service: JobService, clip: bytes) -> None:
        def chunks() -> Iterator[bytes]:
            yield clip
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            service.submit(chunks(), lambda: FRAMES)

    def test_options_that_are_wrong(self, service: JobService, clip: bytes) -> None:
        def options() -> SubmitOptions:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            service.submit([clip], options)

    def test_an_interrupt(self, store: JobStore, storage: LocalStorage, catalog: PipelineCatalog, clip: bytes) -> None:
        def interrupted(path: Path) -> VideoFacts:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            JobService(store, storage, catalog, interrupted).submit([clip], lambda: FRAMES)

    def test_a_table_that_takes_no_row(self, service: JobService, database: Database, clip: bytes) -> None:
        run(database, "ALTER TABLE job RENAME TO elsewhere")
        with pytest.raises(Exception, match=r"lacks a table"):
            service.submit([clip], lambda: FRAMES)
        run(database, "ALTER TABLE elsewhere RENAME TO job")


class TestRehearsing:
    @pytest.fixture
    def counting(self, store: JobStore, storage: LocalStorage, catalog: PipelineCatalog) -> JobService:
        """A service that counts in this process."""
        limits = DecodeLimits()
        return JobService(
            store, storage, catalog, lambda path: probe(path, limits), count_frames=partial(_counted, limits=limits)
        )

    @pytest.mark.usefixtures("assert_nothing_is_left")
    def test_tells_what_would_be_done_and_keeps_nothing(self, counting: JobService, clip: bytes) -> None:
        options = SubmitOptions("constant", {"max_frames": 2}, {"a": {"value": 7}}, ("x",), dry_run=True)
        with pytest.raises(Rehearsed) as caught:
            counting.submit([clip], lambda: options)
        plan = caught.value.plan
        assert (plan.frames_in_video, plan.frames_to_analyse) == (125, 2)  # one every two seconds, at most two
        assert plan.source["sha256"] == hashlib.sha256(clip).hexdigest()
        assert plan.definition["nodes"]["a"]["with"] == {"value": 7, "label": "plain"}
        assert (plan.estimated_s, plan.estimated_from, plan.warnings) == (None, 0, ())

    @pytest.mark.usefixtures("assert_nothing_is_left")
    def test_what_is_refused_is_refused_here_too(self, counting: JobService) -> None:
        with pytest.raises(VideoUnreadable):
            counting.submit([b"this is no video"], lambda: SubmitOptions("frames", dry_run=True))

    @pytest.mark.usefixtures("assert_nothing_is_left")
    def test_nobody_counts(self, service: JobService, clip: bytes) -> None:
        with pytest.raises(Rehearsed) as caught:
            service.submit([clip], lambda: SubmitOptions("frames", dry_run=True))
        assert (caught.value.plan.frames_in_video, caught.value.plan.estimated_s) == (None, None)
        assert caught.value.plan.warnings

    def test_a_sampling_that_picks_nothing_is_told(self, counting: JobService, clip: bytes) -> None:
        options = SubmitOptions("frames", {"ranges": [{"start_s": 100.0}]}, dry_run=True)
        with pytest.raises(Rehearsed) as caught:
            counting.submit([clip], lambda: options)
        assert caught.value.plan.frames_to_analyse == 0
        assert "picks no frame" in caught.value.plan.warnings[0]

    def test_the_time_is_estimated_from_what_others_took(
        self, counting: JobService, store: JobStore, database: Database, clip: bytes
    ) -> None:
        for seconds, frames in ((10, 100), (20, 50)):
            job_id = counting.submit([clip], lambda: FRAMES)
            claim = store.claim(job_id, "one", 60)
            assert claim
            assert store.complete(claim.lease, "video_results/x.json", {"frames": frames})
            update_row(database, job_id, started_at=database_now(-seconds), updated_at=database_now())
        with pytest.raises(Rehearsed) as caught:
            counting.submit([clip], lambda: SubmitOptions("frames", {"max_frames": 10}, dry_run=True))
        plan = caught.value.plan
        assert plan.estimated_from == 2
        assert plan.estimated_s == pytest.approx(30 / 150 * 10, rel=0.05)


def _counted(path: Path, chooser: Chooser, limits: DecodeLimits) -> FrameCount | None:
    return count(path, limits, chooser)


@pytest.mark.usefixtures("assert_nothing_is_left")
def test_a_commit_whose_answer_is_lost_is_taken_back(
    service: JobService, store: JobStore, database_queue: DatabaseQueue, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = store.add

    def committed_but_not_told(job: Job, tags: Sequence[str], within: Callable[[Transaction], None]) -> None:
        add(job, tags, within)
        raise ServiceUnavailable("The database does not answer.")

    monkeypatch.setattr(store, "add", committed_but_not_told)
    with pytest.raises(ServiceUnavailable):
        service.submit([clip], lambda: FRAMES)
    database_queue.dequeue()  # the hint may stay: it leads nowhere


class TestListing:
    def test_a_key_sees_its_own_jobs_alone(self, service: JobService, clip: bytes) -> None:
        mine, other = (service.submit([clip], lambda: FRAMES, owner) for owner in ("me", "somebody"))
        assert [job.job_id for job in service.page(JobFilter(), 10, only_of="me").jobs] == [mine]
        assert {job.job_id for job in service.page(JobFilter(), 10).jobs} == {mine, other}
        for call in (service.get, service.retry, service.delete):
            with pytest.raises(JobNotFound):
                call(other, "me")


class TestRetrying:
    def test_a_failed_job_is_run_again(self, service: JobService, store: JobStore, clip: bytes) -> None:
        job_id = service.submit([clip], lambda: FRAMES)
        claim = store.claim(job_id, "one", 60)
        assert claim
        store.fail(claim.lease, "The video broke off.")
        service.retry(job_id)
        assert service.get(job_id).status == JobStatus.PENDING
        assert store.claim(job_id, "two", 60)

    def test_no_other_job_is(self, service: JobService, store: JobStore, clip: bytes) -> None:
        job_id = service.submit([clip], lambda: FRAMES)
        with pytest.raises(JobNotFailed, match="is pending"):
            service.retry(job_id)
        claim = store.claim(job_id, "one", 60)
        assert claim
        with pytest.raises(JobNotFailed, match="is running"):
            service.retry(job_id)
        store.complete(claim.lease, "video_results/x.json")
        with pytest.raises(JobNotFailed, match="is completed") as caught:
            service.retry(job_id)
        assert caught.value.status == "completed"


class TestDeleting:
    @pytest.fixture
    def completed(self, service: JobService, store: JobStore, storage: LocalStorage, clip: bytes) -> UUID:
        """A completed job, with results of a lost attempt beside its own."""
        job_id = service.submit([clip], lambda: FRAMES)
        for _ in range(2):
            claim = store.claim(job_id, "one", 60)
            assert claim
            key = results_key(job_id, claim.lease.token)
            storage.save_file(key, [b"the results"])
            if claim.lease.attempt == 1:
                store.lose_attempt(claim.lease, "It was lost")
                run(store._database, "UPDATE job SET not_before = NULL")
        assert store.complete(claim.lease, key)
        return job_id

    def test_removes_the_job_and_all_its_files(
        self, service: JobService, storage: LocalStorage, completed: UUID, tmp_path: Path, clip: bytes
    ) -> None:
        other = service.submit([clip], lambda: FRAMES)
        assert len(list(storage.list_files(f"video_results/{completed}"))) == 2
        service.delete(completed)
        for call in (service.get, service.open_results, service.delete, service.retry):
            with pytest.raises(JobNotFound):
                call(completed)
        files = [path.relative_to(tmp_path / "storage") for path in (tmp_path / "storage").rglob("*.*")]
        assert files == [Path(video_key(other))]

    def test_takes_it_from_the_worker_that_runs_it(
        self, service: JobService, store: JobStore, storage: LocalStorage, clip: bytes
    ) -> None:
        job_id = service.submit([clip], lambda: FRAMES)
        claim = store.claim(job_id, "one", 60)
        assert claim
        service.delete(job_id)
        assert not store.renew(claim.lease, 60)
        assert not store.complete(claim.lease, results_key(job_id, claim.lease.token))
        with pytest.raises(FileMissing), storage.local_path(claim.input_path):
            pass

    def test_files_that_cannot_be_removed_now_are_left_for_the_rescue(
        self, service: JobService, storage: LocalStorage, completed: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refusing(key: str) -> None:
            raise ServiceUnavailable("The file storage does not work.")

        monkeypatch.setattr(storage, "delete_file", refusing)
        service.delete(completed)
        with pytest.raises(JobNotFound):
            service.get(completed)


class TestLooking:
    def test_a_job_there_is_not(self, service: JobService) -> None:
        job_id = uuid4()
        for call in (service.get, service.open_results, service.retry, service.delete):
            with pytest.raises(JobNotFound, match=str(job_id)):
                call(job_id)

    def test_results_appear_when_the_job_is_completed(
        self, service: JobService, store: JobStore, storage: LocalStorage, clip: bytes
    ) -> None:
        job_id = service.submit([clip], lambda: FRAMES)
        with pytest.raises(ResultsNotReady, match="is pending"):
            service.open_results(job_id)
        claim = store.claim(job_id, "one", 60)
        assert claim
        key = results_key(job_id, claim.lease.token)
        storage.save_file(key, [b"the results"])
        with pytest.raises(ResultsNotReady, match="is running"):
            service.open_results(job_id)
        store.complete(claim.lease, key)
        assert service.get(job_id).status == JobStatus.COMPLETED
        with service.open_results(job_id) as stream:
            assert stream.read() == b"the results"

    def test_a_failed_job_says_why_it_has_none(self, service: JobService, store: JobStore, clip: bytes) -> None:
        job_id = service.submit([clip], lambda: FRAMES)
        claim = store.claim(job_id, "one", 60)
        assert claim
        store.fail(claim.lease, "The video broke off.")
        with pytest.raises(ResultsNotReady, match=r"failed and has no results: The video broke off\.") as caught:
            service.open_results(job_id)
        assert (caught.value.status, caught.value.error_message) == ("failed", "The video broke off.")

    def test_results_that_are_lost_are_said_to_be(self, service: JobService, store: JobStore, clip: bytes) -> None:
        job_id = service.submit([clip], lambda: FRAMES)
        claim = store.claim(job_id, "one", 60)
        assert claim
        store.complete(claim.lease, "video_results/lost.json")
        with pytest.raises(ResultsGone):
            service.open_results(job_id)

    def test_results_of_a_job_that_was_deleted_meanwhile(
        self, service: JobService, store: JobStore, storage: LocalStorage, clip: bytes
    ) -> None:
        job_id = service.submit([clip], lambda: FRAMES)
        claim = store.claim(job_id, "one", 60)
        assert claim
        key = results_key(job_id, claim.lease.token)
        storage.save_file(key, [b"the results"])
        store.complete(claim.lease, key)
        job = service.completed(job_id)
        service.delete(job_id)
        with pytest.raises(JobNotFound):
            service.open_results_of(job)


def test_a_storage_that_is_full_is_the_clients_answer_too(
    store: JobStore, catalog: PipelineCatalog, tmp_path: Path, clip: bytes, database: Database
) -> None:
    (tmp_path / "file").write_bytes(b"")
    unused: Callable[[Path], VideoFacts] = lambda path: pytest.fail("nothing to probe")  # noqa: E731
    service = JobService(store, LocalStorage(tmp_path / "file"), catalog, unused)
    with pytest.raises(ServiceUnavailable):
        service.submit([clip], lambda: FRAMES)
    assert rows(database, "SELECT * FROM job") == []
