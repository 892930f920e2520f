"""Break the product as a mistake would: in its source."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

FENCE = "_job.lease_token == _TOKEN"
NO_FENCE = "_TOKEN.is_not(None)"


def mutate(module: ModuleType, written: str, mistaken: str) -> None:
    """Run a module again with something in its source, which must stand there once, replaced."""
    assert module.__file__ is not None
    source = Path(module.__file__).read_text()
    assert source.count(written) == 1, f"{written!r} stands {source.count(written)} times in {module.__name__}"
    exec(compile(source.replace(written, mistaken), module.__file__, "exec"), module.__dict__)


@contextmanager
def mutated(module: ModuleType, written: str, mistaken: str) -> Iterator[None]:
    """Do the same for the time of the context."""
    whole = dict(module.__dict__)
    try:
        mutate(module, written, mistaken)
        yield
    finally:
        module.__dict__.update(whole)
