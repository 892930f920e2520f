"""The options of a submit, as they stand in the query and in the form."""

from pydantic import ValidationError

from reelwork.api.schemas import SubmitForm
from reelwork.errors import InvalidOptions, Mistake
from reelwork.jobs.service import SubmitOptions


def read_options(given: list[tuple[str, str]]) -> SubmitOptions:
    """Check options from the query and the form together; a field left empty is not given."""
    values = {name: value for name, value in given if value != ""}
    names = [name for name, _ in given]
    mistakes = [Mistake(name, "given more than once") for name in sorted(set(names)) if names.count(name) > 1]
    try:
        form = SubmitForm.model_validate(values)
    except ValidationError as error:
        mistakes += [Mistake(".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
        raise InvalidOptions(mistakes) from error
    if mistakes:
        raise InvalidOptions(mistakes)
    return SubmitOptions(form.pipeline, form.frame_stride, form.max_frames)
