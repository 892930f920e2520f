"""The server that uploads are measured against: FastAPI as anybody would write it, under uvicorn as ours is.

    python -m benchmarks.bare_server DIRECTORY

`POST /raw` writes the body to a file. `POST /form` takes an `UploadFile`, writes it and inserts a row through
SQLAlchemy. Both sync the file and its directory before they answer, and neither looks into the file.
"""

import os
import shutil
import socket
import sys
from pathlib import Path
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import BigInteger, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    __tablename__ = "upload"

    name: Mapped[str] = mapped_column(String(36), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)


def make_app(folder: Path) -> FastAPI:
    """Make the application."""
    app = FastAPI()
    engine = create_engine(f"sqlite:///{folder / 'bare.db'}")
    event.listen(engine, "connect", _as_durable_as_ours)
    _Base.metadata.create_all(engine)

    @app.post("/raw")
    async def raw(request: Request) -> dict[str, str]:
        name = str(uuid4())
        with (folder / name).open("xb") as file:
            async for chunk in request.stream():
                file.write(chunk)
            await run_in_threadpool(_synced, file.fileno(), file.flush)
        await run_in_threadpool(_renamed, folder / name)
        return {"name": name}

    @app.post("/form")
    def form(file: UploadFile) -> dict[str, str]:
        name = str(uuid4())
        with (folder / name).open("xb") as target:
            shutil.copyfileobj(file.file, target)
            _synced(target.fileno(), target.flush)
        _renamed(folder / name)
        with Session(engine) as session:
            session.add(_Row(name=name, size=(folder / f"{name}.mp4").stat().st_size))
            session.commit()
        return {"name": name}

    @app.get("/nothing")
    async def nothing() -> dict[str, str]:
        return {}

    return app


def _as_durable_as_ours(connection: object, record: object) -> None:
    connection.executescript(  # type: ignore[attr-defined]
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000"
    )


def _synced(descriptor: int, flush: object) -> None:
    flush()  # type: ignore[operator]
    os.fsync(descriptor)


def _renamed(path: Path) -> None:
    path.rename(path.with_suffix(".mp4"))
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(directory)
    os.close(directory)


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(make_app(Path(sys.argv[1])), log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listening])
