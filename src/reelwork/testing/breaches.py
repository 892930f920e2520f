"""The rules of the contract, each with what to do, and how breaches of them are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """What an analyzer promises; the value says what to do to keep it."""

    IS_AN_ANALYZER = "Derive the class from reelwork.analyzers.Analyzer or SequenceAnalyzer and define its methods."
    DESCRIBES_ITSELF = "Begin the class with a docstring: its first line is shown to people as the description."
    SETTINGS_ARE_STRICT = (
        "Derive Settings from AnalyzerSettings and leave its model_config alone: settings are kept with a job as "
        "JSON, and a misspelt one must be refused."
    )
    IMPORT_IS_CHEAP = "Import heavy libraries inside load() or the functions that use them: the API imports the module."
    SAYS_WHAT_IS_MISSING = "Have unavailable_because() return None, or one sentence that says what to do; never raise."
    IS_AVAILABLE = "Give check_analyzer the settings and the model_dir that it takes to run the analyzer."
    DECLARATIONS_ARE_TRUE = "Declare what holds: it decides how frames are handed out and what is recorded with a job."
    LOADS = "Have load() prepare an instance on its own: a pipeline may have several of one class."
    TAKES_ANY_PICTURE = "Answer for every picture, however small or large: nothing found is an empty list."
    ONE_ANSWER_PER_FRAME = "Return a list with exactly one answer for each frame, in the order of the frames."
    ANSWERS_ARE_JSON = (
        "Answer with dicts (str keys), lists, str, int, finite float, bool and None only; convert numpy's numbers with "
        "int(), float() or .tolist()."
    )
    ANSWERS_ARE_IN_RANGE = (
        "Give a box as {x, y, w, h}, a polygon as [[x, y], ...] and a confidence as a number, each in 0..1: fractions "
        "of the upright frame's width and height (reelwork.analyzers.boxes does it)."
    )
    DETERMINISTIC = (
        "Answer the same for the same frames, always: seed what is random, and do not depend on the clock, on "
        "addresses or on the order of a set. If earlier frames matter, set stateful = True."
    )
    BEGIN_FORGETS = "Forget in begin() everything about the video before."
    BATCHES_DO_NOT_MATTER = "Answer for a frame alone as for the same frame among others: look at each on its own."
    ORDER_DOES_NOT_MATTER = "If earlier frames matter, set stateful = True; otherwise remember nothing between frames."
    THREADS_DO_NOT_MATTER = (
        "Keep what a call works with in local variables, not in self; if that cannot be, set parallel = False."
    )
    CORES_DO_NOT_MATTER = "Let context.threads and context.cores decide how fast an answer comes, never which."
    BY_PICTURE_HOLDS = "Set by_picture = False, or leave frame.index and frame.time out of the answer."
    INSTANCES_ARE_APART = "Keep what an instance remembers in self, not in the class or the module."
    OBSERVATIONS_TRAVEL = "Have observe() return plain data that pickle takes: numbers, copies of arrays, no handles."
    OBSERVATIONS_ARE_SHARED = "Do not change the observation in conclude(): frames may share one."
    PICTURES_ARE_SHARED = "Copy a picture before changing it: other nodes look at the same one."
    INPUTS_ARE_SHARED = "Copy what an input node answered before changing it: other nodes are given the same."
    FRAMES_ARE_RELEASED = "Keep no frame, picture or part of one after the call: copy the little there is to remember."


@dataclass(frozen=True)
class Breach:
    """One rule that is not kept, and what was seen."""

    rule: Rule
    what: str

    def __str__(self) -> str:
        return f"{self.rule.name}: {self.what}\n      {self.rule.value}"


class AnalyzerContractError(AssertionError):
    """An analyzer does not keep the contract; ``breaches`` lists every rule it breaks, the message too."""

    def __init__(self, name: str, breaches: Sequence[Breach]) -> None:
        self.breaches = tuple(breaches)
        listed = "\n".join(f"  {number}. {breach}" for number, breach in enumerate(self.breaches, 1))
        rules = "a rule" if len(self.breaches) == 1 else f"{len(self.breaches)} rules"
        super().__init__(f"{name} breaks {rules} of the contract between the engine and an analyzer:\n{listed}")
