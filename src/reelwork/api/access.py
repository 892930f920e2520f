"""What a route asks of whoever calls it."""

from typing import Annotated

from fastapi import Depends, Request

from reelwork.access.caller import ANYBODY, Caller


def _caller(request: Request) -> Caller:
    caller: Caller = getattr(request.state, "caller", ANYBODY)
    return caller


Reader = Annotated[Caller, Depends(_caller)]
Submitter = Annotated[Caller, Depends(_caller)]
Admin = Annotated[Caller, Depends(_caller)]
