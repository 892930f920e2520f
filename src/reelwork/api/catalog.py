"""What can be asked for here: pipelines, the analyzers they are made of, and the limits."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter

from reelwork.access.caller import Caller
from reelwork.api.access import Reader
from reelwork.api.catalog_schemas import Analyzer, Analyzers, KeyLimits, Limits, Node, Pipeline, Pipelines
from reelwork.api.job_schemas import MOST_JOBS
from reelwork.api.parameters import problem_answers
from reelwork.jobs.options import (
    LEAST_RETENTION_S,
    MOST_EXTERNAL_ID_CHARACTERS,
    MOST_RETENTION_S,
    MOST_TAG_CHARACTERS,
    MOST_TAGS,
    MOST_URL_CHARACTERS,
)
from reelwork.pipeline.analyzers import AnalyzerEntry, analyzer_entries, settings_schema
from reelwork.pipeline.catalog import DEFAULT_PIPELINE, CatalogEntry, PipelineCatalog
from reelwork.pipeline.graph import PipelineGraph


@dataclass(frozen=True)
class ServiceLimits:
    """How much the service takes, as it is set up; None and 0 are no limit."""

    max_upload_bytes: int
    max_pixels: int
    retention_s: float = 0.0
    max_duration_s: float | None = None


def catalog_routes(catalog: PipelineCatalog, limits: ServiceLimits) -> APIRouter:
    """Return the routes by which clients find out what there is."""
    router = APIRouter(tags=["catalog"])

    @router.get("/pipelines", response_model=Pipelines, responses=problem_answers(503))
    def pipelines(caller: Reader) -> Pipelines:
        """List every pipeline, also those that lack something, with what to do about it."""
        return Pipelines(pipelines=[_pipeline(entry) for entry in catalog.entries()])

    @router.get("/analyzers", response_model=Analyzers, responses=problem_answers(503))
    def analyzers(caller: Reader) -> Analyzers:
        """List every analyzer, also those that cannot be used, with the reason."""
        entries = analyzer_entries(catalog.registry, catalog.context)
        return Analyzers(analyzers=[_analyzer(entry) for entry in entries])

    @router.get("/limits", response_model=Limits, responses=problem_answers(503))
    def service_limits(caller: Reader) -> Limits:
        """Say how much the service takes, of anybody and of the calling key."""
        return _limits(limits, caller)

    return router


def _pipeline(entry: CatalogEntry) -> Pipeline:
    graph = entry.graph
    return Pipeline(
        name=entry.name,
        description=entry.description,
        available=entry.unavailable_because is None,
        unavailable_because=entry.unavailable_because,
        default=entry.name == DEFAULT_PIPELINE,
        nodes=_nodes(graph) if graph else {},
        outputs=graph.definition.outputs if graph else [],
        sampling=graph.definition.sampling.model_dump(mode="json", exclude_none=True) if graph else None,
        params={node.name: _params_schema(graph, node.name) for node in graph.nodes} if graph else {},
    )


def _nodes(graph: PipelineGraph) -> dict[str, Node]:
    nodes = graph.definition.nodes
    return {
        name: Node(analyzer=node.analyzer, inputs=node.inputs, settings=node.settings) for name, node in nodes.items()
    }


def _params_schema(graph: PipelineGraph, name: str) -> dict[str, Any]:
    """Return the schema of a node's settings, with the pipeline's own values for defaults; nothing has to be given."""
    [kind] = [node.analyzer for node in graph.nodes if node.name == name]
    schema = settings_schema(kind)
    schema.pop("required", None)
    settings = graph.definition.nodes[name].settings
    schema["properties"] = {
        setting: {**shape, "default": settings[setting]} if setting in settings else shape
        for setting, shape in schema.get("properties", {}).items()
    }
    return schema


def _analyzer(entry: AnalyzerEntry) -> Analyzer:
    package, _, package_version = (entry.package or "").partition(" ")
    return Analyzer(
        name=entry.name,
        description=entry.description,
        package=package or None,
        version=package_version or None,
        available=entry.unavailable_because is None,
        unavailable_because=entry.unavailable_because,
        takes_inputs=entry.kind.takes_inputs if entry.kind else False,
        libraries={name: _version(name) for name in entry.libraries},
        settings=settings_schema(entry.kind) if entry.kind else None,
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _limits(limits: ServiceLimits, caller: Caller) -> Limits:
    return Limits(
        max_upload_bytes=limits.max_upload_bytes,
        max_pixels=limits.max_pixels,
        max_duration_s=limits.max_duration_s or None,
        min_retention_s=LEAST_RETENTION_S,
        max_retention_s=limits.retention_s or MOST_RETENTION_S,
        retention_s=limits.retention_s or None,
        max_tags=MOST_TAGS,
        max_tag_characters=MOST_TAG_CHARACTERS,
        max_external_id_characters=MOST_EXTERNAL_ID_CHARACTERS,
        max_webhook_url_characters=MOST_URL_CHARACTERS,
        max_jobs_per_page=MOST_JOBS,
        containers=["video/mp4", "application/mp4"],
        key=_key_limits(caller),
    )


def _key_limits(caller: Caller) -> KeyLimits | None:
    if caller.key_id is None:
        return None
    return KeyLimits(
        key_id=caller.key_id,
        scopes=sorted(caller.scopes),
        max_queued_jobs=caller.limits.max_queued_jobs,
        max_queued_bytes=caller.limits.max_queued_bytes,
    )
