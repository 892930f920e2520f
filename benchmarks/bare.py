"""The least a FastAPI service can do: a route that returns a constant, in a uvicorn like ours."""

import socket
import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/constant")
async def constant() -> dict[str, object]:
    """Return it."""
    return {"job_id": "00000000-0000-0000-0000-000000000000", "status": "running", "progress": 0.5}


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, ws="none")
        uvicorn.Server(config).run(sockets=[listening])
        sys.exit(0)
