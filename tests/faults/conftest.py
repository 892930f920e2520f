"""The service, started to be hurt."""

from tests.support.service_fixtures import caller, service

__all__ = ["caller", "service"]
