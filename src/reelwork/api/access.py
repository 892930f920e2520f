"""What a route asks of whoever calls it."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from reelwork.access.caller import Caller, Scope
from reelwork.errors import ScopeMissing


def _with(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    # Async, so that it is run where it stands and not handed to a thread.
    async def allowed(request: Request) -> Caller:
        caller: Caller = request.state.caller
        if not caller.may(scope):
            raise ScopeMissing(scope)
        return caller

    return allowed


reading, submitting, _ADMINISTRATING = (_with(scope) for scope in (Scope.READ, Scope.SUBMIT, Scope.ADMIN))

SCOPE_OF: dict[object, Scope] = {
    reading: Scope.READ,
    submitting: Scope.SUBMIT,
    _ADMINISTRATING: Scope.ADMIN,
}
"""The scope that each of the dependencies below asks for."""

Reader = Annotated[Caller, Depends(reading)]
Submitter = Annotated[Caller, Depends(submitting)]
Admin = Annotated[Caller, Depends(_ADMINISTRATING)]
