"""Every setting, read once at start from the environment (``REELWORK_...``) and passed on from there."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reelwork.errors import ConfigurationError

AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class Settings(BaseSettings):
    """The settings of the API and of the worker; both must be given the same."""

    model_config = SettingsConfigDict(env_prefix="REELWORK_", extra="ignore", frozen=True, allow_inf_nan=False)

    data_dir: AbsolutePath = Field(
        # Not below the current directory: an API and a worker started from two places must meet.
        default_factory=lambda: user_data_path("reelwork"),
        description="Where the embedded database, the files, your pipelines and your models are kept.",
    )
    database_url: str = Field("", description="sqlite:////absolute/path.db or postgresql://...; default: in data_dir.")
    storage_url: str = Field("", description="file:///absolute/directory; default: in data_dir.")
    queue_url: str = Field("database:", description="Where hints wait; `database:` is the job database itself.")
    pipelines_dir: AbsolutePath | None = Field(None, description="Your pipeline files; default: in data_dir.")
    models_dir: AbsolutePath | None = Field(None, description="Your model files; default: in data_dir.")
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on; 0 takes a free one.")
    allow_anyone: bool = Field(
        False, description="Whether an address that others can reach is served without API keys: `--allow-anyone`."
    )
    require_keys: bool = Field(
        False, description="Whether API keys are asked for on the own machine too; on other addresses they always are."
    )
    cors_origins: str = Field(
        "", description="Origins whose pages may call from a browser, separated by spaces; `*`: any. Default: none."
    )
    max_connections: int = Field(512, ge=1, description="How many connections the API serves at once.")
    upload_idle_s: float = Field(
        60.0, gt=0, description="How long the API waits for the next piece of a request before it gives it up."
    )
    max_upload_bytes: int = Field(10 * 2**30, ge=1, description="Largest accepted MP4.")
    upload_expiry_s: float = Field(
        24 * 3600.0,
        ge=60,
        description="How long an upload in several requests is kept after its last byte; its answer, too.",
    )
    idempotency_expiry_s: float = Field(
        24 * 3600.0, ge=60, description="How long the answer to a submit with an Idempotency-Key is kept."
    )
    max_duration_s: float = Field(0.0, ge=0, description="Longest accepted video, in seconds; 0: any.")
    max_pixels: int = Field(2**25, ge=1, description="Largest accepted picture, width x height.")
    probe_processes: int = Field(2, ge=1, description="How many uploads are probed at once.")
    probe_timeout_s: float = Field(10.0, gt=0, description="How long opening an upload may take.")
    lease_s: float = Field(
        30.0,
        ge=1,
        description="How long a job stays claimed by a worker, and an upload by a request, that shows no life.",
    )
    max_attempts: int = Field(3, ge=1, description="How often a job is begun before it fails.")
    retry_rest_s: float = Field(
        2.0, ge=0, description="How long a job rests after a lost attempt; twice as long after each further one."
    )
    job_memory_mb: int = Field(4096, ge=256, description="How much memory one attempt at a job may take.")
    job_timeout_s: float = Field(6 * 3600.0, gt=0, description="How long one attempt at a job may take.")
    shutdown_grace_s: float = Field(20.0, ge=0, description="How long a stopping worker may go on with its job.")
    retention_s: float = Field(
        0.0,
        ge=0,
        description="How long ended jobs are kept, with their videos and results, unless one asks for less at submit; "
        "0: for ever.",
    )
    orphan_age_s: float = Field(
        3600.0,
        # Below that an upload that waits for its turn to be probed could be taken for one that was given up.
        ge=600,
        description="How old a stored file that belongs to no job must be to be removed; "
        "longer than an upload takes from its last byte to its job. "
        "Files of a storage belong to one database: two must not share one.",
    )
    threads: int = Field(0, ge=0, description="Threads of a worker's decoder and models; 0: as many as cores.")

    segment_processes: int = Field(
        1,
        ge=1,
        description="In how many processes parts of one long video are analysed side by side; they share `threads`.",
    )

    webhook_secret: str = Field(
        "",
        repr=False,
        description="Secret that webhooks are signed with, as `reelwork webhooks secret` makes it; several, with "
        "spaces between them, while receivers change over. Without one no webhooks are sent.",
    )
    webhook_allow_private: bool = Field(
        False,
        description="Whether webhooks may go to addresses that are not public: this machine, networks of your own.",
    )
    webhook_timeout_s: float = Field(
        15.0, gt=0, le=300, description="How long a webhook's receiver may take to answer."
    )

    @field_validator("queue_url")
    @classmethod
    def _known_queue(cls, url: str) -> str:
        if url != "database:":
            raise ValueError("only `database:` is supported")
        return url

    @field_validator("storage_url")
    @classmethod
    def _known_storage(cls, url: str) -> str:
        if url and not url.startswith("file:///"):
            raise ValueError("must be file:///absolute/directory")
        return url

    @field_validator("cors_origins")
    @classmethod
    def _known_origins(cls, origins: str) -> str:
        for origin in origins.split():
            if origin != "*" and not re.fullmatch(r"https?://[^/\s*]+", origin):
                raise ValueError("must be like https://example.org, without a path, or `*`")
        return origins

    @field_validator("require_keys")
    @classmethod
    def _not_both(cls, require_keys: bool, info: ValidationInfo) -> bool:
        if require_keys and info.data.get("allow_anyone"):
            raise ValueError("contradicts REELWORK_ALLOW_ANYONE (--allow-anyone)")
        return require_keys

    @classmethod
    def load(cls, **given: object) -> Self:
        """Read the settings; ``given`` (from the command line) goes before the environment, None is not given.

        Raises:
            ConfigurationError: One or more are wrong; every one is listed by the name to correct.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            lines = (f"  - {'_'.join(['REELWORK', *map(str, e['loc'])]).upper()}: {e['msg']}" for e in error.errors())
            raise ConfigurationError("\n".join(["These settings are wrong:", *lines])) from error

    @property
    def asks_for_keys(self) -> bool:
        """Whether callers must show an API key."""
        return self.require_keys or not (self.allow_anyone or _is_loopback(self.host))

    @property
    def uses_embedded_database(self) -> bool:
        """Whether the database is the one in ``data_dir``, which nobody else looks after."""
        return not self.database_url


def _is_loopback(host: str) -> bool:
    """Say whether an address can be reached from the own machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
