"""Every statement on the tables of partial uploads and idempotency keys, built once.

What a request writes carries its lease token, and to append the offset it begins at, too: of two requests
that write to one upload at once only one succeeds, and one that was given up changes nothing.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Float,
    Text,
    Uuid,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from reelwork.db.types import database_now
from reelwork.jobs.model import Job
from reelwork.uploads.model import IdempotencyKey, PartialUpload, UploadPart

_uploads = PartialUpload.metadata.tables[PartialUpload.__tablename__]
_parts = UploadPart.metadata.tables[UploadPart.__tablename__]
_keys = IdempotencyKey.metadata.tables[IdempotencyKey.__tablename__]
_upload, _key = _uploads.c, _keys.c

# What is given when a statement is run. None of these is the name of a column.
_THE_UPLOAD = bindparam("the_upload", type_=Uuid())
_TOKEN = bindparam("token", type_=Uuid())
_LEASE_S: Any = bindparam("lease_s", type_=Float())
_EXPIRY_S: Any = bindparam("expiry_s", type_=Float())
_AT = bindparam("at", type_=BigInteger())
_TOTAL = bindparam("total", type_=BigInteger())
_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_expires_at": None}

# -- partial uploads ------------------------------------------------------------------------------------

_IS_THE_UPLOAD = _upload.upload_id == _THE_UPLOAD
_IS_OPEN = _upload.job_id.is_(None)
_HOLDS = and_(_IS_THE_UPLOAD, _upload.lease_token == _TOKEN)
_NOBODY_HOLDS = or_(_upload.lease_token.is_(None), _upload.lease_expires_at < database_now())

INSERT_UPLOAD = insert(_uploads).values(
    upload_id=_THE_UPLOAD,
    owner=bindparam("whose", type_=Text()),
    options=bindparam("given", type_=JSON()),
    idempotency_key=bindparam("called", type_=Text()),
    received_bytes=0,
    total_bytes=_TOTAL,
    lease_token=_TOKEN,
    lease_expires_at=database_now(_LEASE_S),
    expires_at=database_now(_EXPIRY_S),
)
_SEEN = (*_uploads.columns, func.coalesce(_upload.lease_expires_at >= database_now(), False).label("is_held"))
GET_UPLOAD = select(*_SEEN).where(_IS_THE_UPLOAD)
GET_UPLOAD_OF_JOB = select(*_SEEN).where(_upload.job_id == bindparam("the_job", type_=Uuid()))
LIVE_UPLOADS = select(_upload.upload_id).where(
    _upload.upload_id.in_(bindparam("the_uploads", expanding=True)), _IS_OPEN
)

TAKE_UPLOAD = (
    update(_uploads)
    .where(_IS_THE_UPLOAD, _IS_OPEN, _upload.received_bytes == _AT, _NOBODY_HOLDS)
    .values(
        lease_token=_TOKEN,
        lease_expires_at=database_now(_LEASE_S),
        total_bytes=func.coalesce(_TOTAL, _upload.total_bytes),
    )
    .returning(_upload.upload_id)
)
RENEW_UPLOAD = (
    update(_uploads).where(_HOLDS).values(lease_expires_at=database_now(_LEASE_S)).returning(_upload.upload_id)
)
ADVANCE_UPLOAD = (
    update(_uploads)
    .where(_HOLDS, _upload.received_bytes == _AT)
    .values(
        received_bytes=bindparam("reached", type_=BigInteger()),
        lease_expires_at=database_now(_LEASE_S),
        expires_at=database_now(_EXPIRY_S),
    )
    .returning(_upload.idempotency_key, _upload.owner)
)
INSERT_PART = insert(_parts).values(upload_id=_THE_UPLOAD, begins_at=_AT, written_by=_TOKEN)
GET_PARTS = (
    select(_parts.c.begins_at, _parts.c.written_by)
    .where(_parts.c.upload_id == _THE_UPLOAD)
    .order_by(_parts.c.begins_at)
)
# From now on its length is known, if it was not before: whoever asks must not take it for one that waits for more.
END_UPLOAD = (
    update(_uploads)
    .where(_HOLDS, _IS_OPEN)
    .values(total_bytes=_upload.received_bytes, lease_expires_at=database_now(_LEASE_S))
    .returning(_upload.upload_id)
)
COMPLETE_UPLOAD = (
    update(_uploads)
    .where(_HOLDS, _IS_OPEN)
    .values(job_id=bindparam("made", type_=Uuid()), expires_at=database_now(_EXPIRY_S), **_NO_LEASE)
    .returning(_upload.upload_id)
)
# The job may have been taken back after its commit, when nobody could tell that there was one.
REOPEN_UPLOAD = (
    update(_uploads)
    .where(
        _IS_THE_UPLOAD,
        _upload.job_id == bindparam("made", type_=Uuid()),
        ~exists().where(Job.job_id == bindparam("made", type_=Uuid())),
    )
    .values(job_id=None)
    .returning(_upload.upload_id)
)
RELEASE_UPLOAD = update(_uploads).where(_HOLDS).values(_NO_LEASE).returning(_upload.upload_id)
# Whoever asks how far an upload has come takes the request before for dead; one that has everything lives on.
INTERRUPT_UPLOAD = (
    update(_uploads)
    .where(_IS_THE_UPLOAD, _IS_OPEN, or_(_upload.total_bytes.is_(None), _upload.received_bytes < _upload.total_bytes))
    .values(_NO_LEASE)
    .returning(_upload.upload_id)
)
DELETE_UPLOAD = delete(_uploads).where(_IS_THE_UPLOAD).returning(_upload.upload_id)
DELETE_HELD_UPLOAD = delete(_uploads).where(_HOLDS, _IS_OPEN).returning(_upload.upload_id)

# A subquery, because PostgreSQL compares an index with a clock only if it is read once.
_NOW = select(database_now()).scalar_subquery()
_EXPIRED = _upload.expires_at < _NOW
_FIRST_EXPIRED = select(_upload.upload_id).where(_EXPIRED).order_by(_upload.expires_at).limit(bindparam("most"))
# Guarded again: more of one of them may arrive at this moment.
DELETE_EXPIRED_UPLOADS = (
    delete(_uploads).where(_upload.upload_id.in_(_FIRST_EXPIRED), _EXPIRED, _NOBODY_HOLDS).returning(_upload.upload_id)
)

# -- idempotency keys -----------------------------------------------------------------------------------

_WHOSE = bindparam("whose", type_=Text())
_CALLED = bindparam("called", type_=Text())
_IS_THE_KEY = and_(_key.owner == _WHOSE, _key.key == _CALLED)
_HOLDS_KEY = and_(_IS_THE_KEY, _key.lease_token == _TOKEN)


def _claim(dialect: Any) -> Any:
    """Insert the key, or take one whose time is over, in one statement: of many at once, one succeeds."""
    claimed = {"lease_token": _TOKEN, "expires_at": database_now(_LEASE_S)}
    inserted = dialect.insert(_keys).values(owner=_WHOSE, key=_CALLED, **claimed)
    return inserted.on_conflict_do_update(
        index_elements=["owner", "key"],
        set_={**claimed, "fingerprint": None, "job_id": None},
        where=_key.expires_at < database_now(),
    ).returning(_key.key)


CLAIM_KEY = {"sqlite": _claim(sqlite), "postgresql": _claim(postgresql)}
GET_KEY = select(
    _key.fingerprint, _key.job_id, _key.lease_token, (_key.expires_at < database_now()).label("is_over")
).where(_IS_THE_KEY)
RENEW_KEY = update(_keys).where(_HOLDS_KEY).values(expires_at=database_now(_LEASE_S)).returning(_key.key)
COMPLETE_KEY = (
    update(_keys)
    .where(_HOLDS_KEY)
    .values(
        fingerprint=bindparam("sent", type_=Text()),
        job_id=bindparam("made", type_=Uuid()),
        lease_token=None,
        expires_at=database_now(_EXPIRY_S),
    )
    .returning(_key.key)
)
# Also when the job it answers with was taken back: what committed it could not tell that it had.
FREE_KEY = (
    delete(_keys)
    .where(_IS_THE_KEY, or_(_key.lease_token == _TOKEN, _key.job_id == bindparam("made", type_=Uuid())))
    .returning(_key.key)
)
_OVER = _key.expires_at < _NOW
DELETE_EXPIRED_KEYS = delete(_keys).where(_OVER).returning(_key.key)
