"""Ask an application without a server."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp


@dataclass(frozen=True)
class Answer:
    """What it answered."""

    status: int
    headers: httpx.Headers
    text: str

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.text)


def ask(app: ASGIApp, method: str, path: str, **headers: str) -> Answer:
    """Send one request; names of headers are written with ``_`` for ``-``."""

    async def send() -> Answer:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = await client.request(method, path, headers=named)
            return Answer(answer.status_code, answer.headers, answer.text)

    return asyncio.run(send())
