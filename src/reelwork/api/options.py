"""The options of a submit, read from the query and the form together: every mistake is told at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from reelwork.api.submit_form import SubmitForm
from reelwork.errors import InvalidOptions, Mistake
from reelwork.jobs.options import SubmitOptions
from reelwork.pipeline.sampling import WAYS

Given = Sequence[tuple[str, str]]
Check = Callable[[SubmitOptions, Sequence[Mistake]], object]

_REPEATABLE = "tags"
_SAMPLING = (*WAYS, "ranges", "max_frames")


def read_options(given: Given, check: Check, *, complete: bool = True) -> SubmitOptions:
    """Check options.

    Args:
        given: Names and values, from the query and from the form.
        check: Refuses what only the pipeline or the service can refuse, and the mistakes it is given with it. It is
            asked about what can be read, also if the rest is wrong.
        complete: Whether a pipeline can no longer be named: until then, none is taken for granted.

    Raises:
        UnknownPipeline, PipelineUnavailable: The pipeline cannot be used, and nothing else is wrong.
        InvalidOptions: Every mistake is listed.
    """
    mistakes = list(_given_again(given))
    form = _form(_values(given), mistakes)
    mistakes += _conflicts(form)
    options = _options(form)
    is_named = any(name == "pipeline" for name, _ in given)
    if "pipeline" in form.model_fields_set or (complete and not is_named):
        check(options, mistakes)
    elif mistakes:
        raise InvalidOptions(mistakes)
    return options


def _given_again(given: Given) -> Iterator[Mistake]:
    names = [name for name, _ in given]
    for name in sorted({*names} - {_REPEATABLE}):
        if names.count(name) > 1:
            yield Mistake(name, "given more than once", (name,))


def _values(given: Given) -> dict[str, Any]:
    values: dict[str, Any] = {name: value for name, value in given if name != _REPEATABLE}
    if tags := [tag for name, value in given if name == _REPEATABLE for tag in _between_commas(value)]:
        values[_REPEATABLE] = tuple(dict.fromkeys(tags))
    return values


def _between_commas(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())] or [""]


def _form(values: Mapping[str, Any], mistakes: list[Mistake]) -> SubmitForm:
    """Read what can be read; what cannot is left out and noted."""
    try:
        return SubmitForm.model_validate(values)
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors()}
        mistakes += (_mistake(item) for item in error.errors())
    return SubmitForm.model_validate({name: value for name, value in values.items() if name not in wrong})


def _mistake(item: Mapping[str, Any]) -> Mistake:
    if item["type"] == "extra_forbidden":
        return Mistake.at(item["loc"], f"there is no such option; there are {', '.join(SubmitForm.model_fields)}")
    return Mistake.at(item["loc"], item["msg"])


def _conflicts(form: SubmitForm) -> Iterator[Mistake]:
    ways = [name for name in WAYS if getattr(form, name)]
    for name in ways if len(ways) > 1 else ():
        others = " and ".join(other for other in ways if other != name)
        yield Mistake(name, f"give one of {', '.join(WAYS)}; {others} is given too")


def _options(form: SubmitForm) -> SubmitOptions:
    given = form.model_fields_set.intersection(_SAMPLING)
    sampling = form.model_dump(mode="json", include=given, exclude_none=True) if given else {}
    return SubmitOptions(
        pipeline=form.pipeline,
        sampling={name: value for name, value in sampling.items() if value is not False},
        params=form.params or {},
        tags=form.tags,
        external_id=form.external_id,
        retention_s=form.retention_s,
        webhook_url=form.webhook_url,
        dry_run=form.dry_run,
    )
