"""The analysis process, a child of the worker. It starts anew after every crash, so it imports little."""

from collections.abc import Callable

from reelwork.bootstrap.pipelines import make_pipeline_service
from reelwork.child_process import end_with_starting_thread
from reelwork.settings import Settings
from reelwork.worker.analysis import AnalysisAnswer, AnalysisRequest, analysing


def set_up_analysis(settings: Settings) -> Callable[[AnalysisRequest], AnalysisAnswer]:
    """Return the function that answers requests; called in the child."""
    end_with_starting_thread()
    return analysing(make_pipeline_service(settings))
