"""Every kind of problem a client may meet: its status, its stable name, what happened and what to do about it.

``docs/reference/problems.md`` is written from these tables.
"""

from dataclasses import dataclass
from http import HTTPStatus

from reelwork import errors


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem.

    Attributes:
        status: What it is answered with.
        name: Never changes; clients compare it.
        title: What it is called.
        meaning: What happened and what to do, for the reference.
        registry: Where the name comes from.
    """

    status: HTTPStatus
    name: str
    title: str
    meaning: str
    registry: str = "urn:reelwork:problem:"

    @property
    def uri(self) -> str:
        """The ``type`` member: stable, to be compared and not fetched."""
        return self.registry + self.name


_IANA = "https://iana.org/assignments/http-problem-types#"
_UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY

PROBLEMS: dict[type[errors.ReelworkError], ProblemType] = {
    errors.KeyMissing: ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "key-missing",
        "An API key is needed",
        "Send a key as `Authorization: Bearer rw_...` or as `X-API-Key`; `reelwork keys add` makes one.",
    ),
    errors.KeyInvalid: ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "key-invalid",
        "The API key is not good",
        "The key is mistyped, unknown to this service, or revoked. Use another one.",
    ),
    errors.ScopeMissing: ProblemType(
        HTTPStatus.FORBIDDEN,
        "scope-missing",
        "The API key does not allow this",
        "The key is good, but lacks the scope in `scope`. Use a key that has it.",
    ),
    errors.JobNotFound: ProblemType(
        HTTPStatus.NOT_FOUND,
        "job-not-found",
        "There is no such job",
        "No job has this id, or it was deleted, or it belongs to another API key.",
    ),
    errors.JobNotFailed: ProblemType(
        HTTPStatus.CONFLICT,
        "job-not-failed",
        "The job has not failed",
        "Only a failed job can be run again; `job_status` says where this one stands.",
    ),
    errors.ResultsNotReady: ProblemType(
        HTTPStatus.NOT_FOUND,
        "results-not-ready",
        "The job has no results",
        "It is not completed: ask again while `job_status` is `pending` or `running`; if it is `failed`, "
        "`error_message` says why.",
    ),
    errors.NodeNotFound: ProblemType(
        HTTPStatus.NOT_FOUND,
        "node-not-found",
        "The job has no such node",
        "No output of the job's pipeline gives what was asked for. The detail names those that do.",
    ),
    errors.InvalidOptions: ProblemType(
        _UNPROCESSABLE,
        "invalid-options",
        "The options are wrong",
        "`errors` lists every mistake: its `pointer`, the `option` and what is wrong with it. Correct them all.",
    ),
    errors.UnknownPipeline: ProblemType(
        _UNPROCESSABLE,
        "unknown-pipeline",
        "There is no such pipeline",
        "Name one of `known_pipelines`.",
    ),
    errors.PipelineUnavailable: ProblemType(
        _UNPROCESSABLE,
        "pipeline-unavailable",
        "The pipeline cannot be used here",
        "It needs a model or a package that this service lacks; the operator can add it.",
    ),
    errors.UploadMalformed: ProblemType(
        HTTPStatus.BAD_REQUEST,
        "upload-malformed",
        "The request cannot be read",
        "The body is not what its headers say: a form without a boundary, without the field `file`, or cut off.",
    ),
    errors.UploadEmpty: ProblemType(
        _UNPROCESSABLE,
        "upload-empty",
        "The upload is empty",
        "The file has no bytes. Send the MP4 itself.",
    ),
    errors.UploadTooLarge: ProblemType(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "upload-too-large",
        "The file is too large",
        "It is larger than `limit_bytes`; the operator sets that by `REELWORK_MAX_UPLOAD_BYTES`.",
    ),
    errors.UploadStalled: ProblemType(
        HTTPStatus.REQUEST_TIMEOUT,
        "upload-stalled",
        "The request stopped coming",
        "Nothing of the body came for `REELWORK_UPLOAD_IDLE_S`; nothing of it was kept. Send it again.",
    ),
    errors.KeyLimitReached: ProblemType(
        HTTPStatus.TOO_MANY_REQUESTS,
        "key-limit-reached",
        "The API key has as much queued as it may have",
        "The job would exceed `max_queued_jobs` or `max_queued_bytes` of the key, next to what `queued_jobs` and "
        "`queued_bytes` say is pending or running. Submit again when some of it is over.",
    ),
    errors.UnsupportedMedia: ProblemType(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media",
        "The upload is not an MP4",
        "Convert the video, or send it with `Content-Type: video/mp4` or as the form field `file`.",
    ),
    errors.VideoGone: ProblemType(
        HTTPStatus.NOT_FOUND,
        "video-gone",
        "The video is not there any more",
        "The job is known, but its MP4 was removed from the storage. Submit it again.",
    ),
    errors.ResultsGone: ProblemType(
        HTTPStatus.NOT_FOUND,
        "results-gone",
        "The results are not there any more",
        "The job was completed, but its results were removed from the storage, or are not in the back-up that it came "
        "from. Submit the video again.",
    ),
    errors.FrameNotFound: ProblemType(
        HTTPStatus.NOT_FOUND,
        "frame-not-found",
        "The video has no such frame",
        "Frames are numbered from 0 in the order of presentation, and this one lies behind the last.",
    ),
    errors.FrameNotAnalysed: ProblemType(
        HTTPStatus.NOT_FOUND,
        "frame-not-analysed",
        "The frame was not analysed",
        "The results say nothing about the frame. Ask for it without `boxes`, or for one that was analysed.",
    ),
    errors.NotAcceptable: ProblemType(
        HTTPStatus.NOT_ACCEPTABLE,
        "not-acceptable",
        "There is no such form",
        "Name one of `available` in `Accept`.",
    ),
    errors.RangeNotSatisfiable: ProblemType(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "range-not-satisfiable",
        "There are no such bytes",
        "The range lies outside; `Content-Range` says how many bytes there are.",
    ),
    errors.IdempotencyKeyReused: ProblemType(
        _UNPROCESSABLE,
        "idempotency-key-reused",
        "The key was used for another request",
        "This `Idempotency-Key` came with another file or other options before. Use a new one.",
    ),
    errors.IdempotencyKeyInUse: ProblemType(
        HTTPStatus.CONFLICT,
        "idempotency-key-in-use",
        "The request with this key is still arriving",
        "The first request with this `Idempotency-Key` is not answered yet. Send this one again after `Retry-After`.",
    ),
    errors.UploadNotFound: ProblemType(
        HTTPStatus.NOT_FOUND,
        "upload-not-found",
        "There is no such upload",
        "It was refused, given up, or belongs to another API key. Begin anew.",
    ),
    errors.UploadInUse: ProblemType(
        HTTPStatus.CONFLICT,
        "upload-in-use",
        "Another request is at this upload",
        "Ask by HEAD for the offset after `Retry-After`, and go on from there.",
    ),
    errors.UploadOffsetMismatch: ProblemType(
        HTTPStatus.CONFLICT,
        "mismatching-upload-offset",
        "The offset is not that of the upload",
        "Go on from `expected-offset`.",
        _IANA,
    ),
    errors.UploadLengthInconsistent: ProblemType(
        HTTPStatus.BAD_REQUEST,
        "inconsistent-upload-length",
        "The length of the upload is inconsistent",
        "What the request says of the length is not what was said before, or sent. Begin anew.",
        _IANA,
    ),
    errors.UploadCompleted: ProblemType(
        HTTPStatus.BAD_REQUEST,
        "completed-upload",
        "The upload is already completed",
        "It became the job in `job_id`; nothing can be appended.",
        _IANA,
    ),
    errors.VideoUnreadable: ProblemType(
        _UNPROCESSABLE,
        "video-unreadable",
        "The video cannot be decoded",
        "It is an MP4, but there is nothing in it to analyse; the detail says why.",
    ),
    errors.NotReady: ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not-ready",
        "A part of the service does not work",
        "`parts` says of each part how it is. Try again after `Retry-After`, or ask who runs the service.",
    ),
    errors.StorageFull: ProblemType(
        HTTPStatus.INSUFFICIENT_STORAGE,
        "storage-full",
        "There is no room left",
        "The service's disk is full, and nothing was kept. The operator has to make room.",
    ),
    errors.ServiceUnavailable: ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "service-unavailable",
        "The service cannot do this now",
        "A part that it needs does not answer. Try again after `Retry-After`.",
    ),
}
"""What is raised on purpose."""

INTERNAL = ProblemType(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal-error",
    "The service failed",
    "A mistake in the service or its set-up. Its log says more, under the `request_id`.",
)

BY_STATUS: dict[HTTPStatus, ProblemType] = {
    kind.status: kind
    for kind in (
        ProblemType(
            HTTPStatus.BAD_REQUEST,
            "bad-request",
            "The request cannot be read",
            "It is not HTTP, or not as it should be. Correct it.",
        ),
        ProblemType(
            HTTPStatus.NOT_FOUND,
            "not-found",
            "There is nothing here",
            "No route has this path; `/openapi.json` lists them all.",
        ),
        ProblemType(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "The method is not allowed here",
            "The path exists; `Allow` says with which methods.",
        ),
        ProblemType(
            HTTPStatus.REQUEST_TIMEOUT,
            "request-timeout",
            "The request took too long to come",
            "Its head was not complete in time. Send it again.",
        ),
        ProblemType(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            "The head of the request is too large",
            "Send fewer or shorter headers, or a shorter URL.",
        ),
        ProblemType(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too-many-connections",
            "The service has no connection left",
            "`REELWORK_MAX_CONNECTIONS` are open already. Try again after `Retry-After`.",
        ),
    )
}
"""What is said of a status alone, where no error of ours stands behind it."""
