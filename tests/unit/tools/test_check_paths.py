"""Paths that say nothing, or stand where they do not belong, are told."""

from pathlib import Path, PurePosixPath

import pytest

from tools.check_paths import MIGRATIONS, broken_chain, documented_tree, main, misnamed


def test_the_tree_keeps_to_it() -> None:
    assert main() == 0


def test_path_is_told_until_it_is_gone(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted = tree / "src/reelwork/worker/phase16_worker.py"
    planted.touch()

    assert main(tree) == 1
    told = "src/reelwork/worker/phase16_worker.py: is named after a stage of the work; name it after what it does"
    assert told in capsys.readouterr().out

    planted.unlink()
    assert main(tree) == 0


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("src/reelwork/phases/__init__.py", "is named after a stage of the work; name it after what it does"),
        ("src/reelwork/worker/stage_one.py", "is named after a stage of the work; name it after what it does"),
        ("src/reelwork/worker/slot.py.orig", "is named after a version; let the tree hold one, and git the others"),
        ("src/reelwork/worker/slot_copy.py", "is named after a version; let the tree hold one, and git the others"),
        ("src/reelwork/worker/fix_123.py", "is named after a ticket; name it after what it does"),
        ("src/reelwork/worker/utils2.py", "is named as a bucket; name it after the one thing that is in it"),
        ("src/reelwork/core/__init__.py", "is named as a bucket; name it after the one thing that is in it"),
        ("src/reelwork/feeds/__init__.py", "src/reelwork/feeds: has no tests in tests/unit/feeds"),
        ("src/reelwork/worker/test_slot.py", "is a test in the package; put it into tests/unit"),
        ("docs/explanation/milestone-2.md", "is named after a stage of the work; name it after what it does"),
        ("src/reelwork/api/v2/__init__.py", "is named after a version; let the tree hold one, and git the others"),
        ("src/reelwork/api/legacy_submit.py", "is named after a version; let the tree hold one, and git the others"),
        ("tests/faults/test_issue_31.py", "is named after a ticket; name it after what it does"),
        ("docs/adr/RW-31.md", "is named after a ticket; name it after what it does"),
        ("src/reelwork/video/utils.py", "is named as a bucket; name it after the one thing that is in it"),
        ("src/reelwork/jobs/string_helpers.py", "is named as a bucket; name it after the one thing that is in it"),
        ("src/reelwork/common/__init__.py", "is named as a bucket; name it after the one thing that is in it"),
        ("src/reelwork/misc.py", "is named as a bucket; name it after the one thing that is in it"),
        ("backend/server.py", "is not in the tree of ARCHITECTURE.md; put it where it belongs, or show it there"),
        ("notes.txt", "is not in the tree of ARCHITECTURE.md; put it where it belongs, or show it there"),
        ("tests/quick/test_api.py", "is not in the tree of ARCHITECTURE.md; put it where it belongs, or show it there"),
        ("src/other/__init__.py", "is not in the tree of ARCHITECTURE.md; put it where it belongs, or show it there"),
        (
            "tests/unit/streams/test_api.py",
            "tests no directory of that name; call it as the package whose code it tests",
        ),
        ("tests/unit/test_store.py", "tests no module src/reelwork/store.py; put it beside the tests of its package"),
    ],
)
def test_planted_path_is_told(tree: Path, path: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    planted = tree / path
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.touch()

    assert main(tree) == 1
    planted.unlink()

    assert capsys.readouterr().out.count(told) == 1


@pytest.mark.parametrize(
    "path",
    [
        "src/reelwork/video/h264.py",
        "src/reelwork/worker/commons_of_frames.py",
        "src/reelwork/jobs/renewals.py",
        "src/reelwork/api/partial.py",
        "media/hevc-10bit-30fps.mp4",
        "tests/unit/api/test_phased_out_keys.py",
        "docs/adr/0012-UTF-8-everywhere.md",
        "docs/explanation/RFC-9457.md",
        "scripts/copy_to_postgresql.py",
    ],
)
def test_innocent_name_passes(path: str) -> None:
    assert list(misnamed([PurePosixPath(path)])) == []


def test_entry_of_the_tree_that_is_not_there_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    architecture = tree / "ARCHITECTURE.md"
    content = architecture.read_text()
    architecture.write_text(content.replace("  conformance/ ", "  stress/\n  conformance/ "))

    assert main(tree) == 1
    assert "tests/stress: is in the tree of ARCHITECTURE.md alone" in capsys.readouterr().out

    architecture.write_text(content)
    assert main(tree) == 0


def test_without_a_documented_tree_nothing_passes(tmp_path: Path) -> None:
    (tmp_path / "ARCHITECTURE.md").write_text("# Architecture\n")

    with pytest.raises(ValueError, match="no block"):
        documented_tree(tmp_path)


@pytest.mark.parametrize(
    ("name", "revision", "follows", "told"),
    [
        ("0002_keys.py", "0002", "0001", []),
        ("keys.py", "0002", "0001", ["keys.py: must be called 0002_what_it_does.py"]),
        ("0003_keys.py", "0002", "0001", ["0003_keys.py: must be called 0002_what_it_does.py"]),
        ("0001_keys.py", "0002", "0001", ["0001_keys.py: must be called 0002_what_it_does.py"]),
        ("0002_keys.py", "0001", "0001", ["0002_keys.py: must be revision '0002', not '0001'"]),
        ("0002_keys.py", "0002", None, ["0002_keys.py: must follow '0001', not None"]),
    ],
)
def test_migrations_are_one_chain(
    tmp_path: Path, name: str, revision: str, follows: str | None, told: list[str]
) -> None:
    (tmp_path / MIGRATIONS).mkdir(parents=True)
    for migration, (its_revision, before) in {"0001_job.py": ("0001", None), name: (revision, follows)}.items():
        path = tmp_path / MIGRATIONS / migration
        path.write_text(f"revision = {its_revision!r}\ndown_revision = {before!r}\n")

    found = list(broken_chain(tmp_path, [MIGRATIONS / "0001_job.py", MIGRATIONS / name]))

    assert len(found) == len(told)
    assert all(sentence.startswith(f"{MIGRATIONS}/{start}") for sentence, start in zip(found, told, strict=True))
