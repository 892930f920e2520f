"""When a soak is over."""

from tests.soak.tally import Tally, Targets
from tests.support import steps


def killed_at_each_step_but(spared: int) -> Tally:
    tally = Tally()
    for step in steps.SUBMIT[spared:]:
        tally.add(f"kill the API at {step}")
    return tally


def test_without_targets_time_decides() -> None:
    targets = Targets.from_environment({"SOAK_SECONDS": "10"})

    assert not targets.are_met(Tally(), 9.9)
    assert targets.are_met(Tally(), 10)


def test_time_does_not_end_a_soak_with_a_target() -> None:
    assert not Targets.from_environment({"SOAK_SECONDS": "10", "SOAK_KILLS": "1"}).are_met(Tally(), 11)


def test_every_target_has_to_be_met() -> None:
    targets = Targets.from_environment({"SOAK_KILLS": "8", "SOAK_SUBMIT_KILLS": "8", "SOAK_PAUSES": "1"})
    tally = killed_at_each_step_but(0)
    assert not targets.are_met(tally, 0)

    tally.add_pause("anywhere", held=True, lost=True, given=False)
    assert targets.are_met(tally, 0)
    assert not Targets(kills=9, submit_kills=8, pauses=1).are_met(tally, 0)
    assert not Targets(kills=8, submit_kills=9, pauses=1).are_met(tally, 0)


def test_every_step_of_a_submit_has_to_be_hit() -> None:
    tally = killed_at_each_step_but(1)
    tally.add(f"kill the API at {steps.SUBMIT[-1]}")

    assert not Targets(submit_kills=8).are_met(tally, 0)


def test_kills_elsewhere_are_no_kills_of_a_submit() -> None:
    tally = killed_at_each_step_but(0)
    tally.add("kill the API anywhere")
    tally.add("kill the worker at a step")
    tally.add("pause the API")

    assert tally.kills == 10
    assert not Targets(submit_kills=9).are_met(tally, 0)


def test_pauses_of_workers_without_a_lease_do_not_count() -> None:
    tally = Tally()
    tally.add_pause("at a step", held=False, lost=False, given=False)

    assert tally.pauses == 1
    assert not Targets(pauses=1).are_met(tally, 0)


def test_share_of_the_kills() -> None:
    tally = Tally()
    assert tally.share_of("API") == 0
    tally.add("kill the API anywhere")
    tally.add("kill the worker anywhere")
    assert tally.share_of("API") == 0.5
