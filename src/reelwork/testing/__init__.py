"""For the test suites of plugin authors: check that an analyzer keeps its contract with the engine."""

from reelwork.testing.breaches import AnalyzerContractError, Breach, Rule
from reelwork.testing.check import check_analyzer

__all__ = ["AnalyzerContractError", "Breach", "Rule", "check_analyzer"]
