"""Every statement on the table of API keys, built once."""

from sqlalchemy import String, bindparam, insert, or_, select, update

from reelwork.access.model import ApiKey
from reelwork.db.types import database_now

_table = ApiKey.metadata.tables[ApiKey.__tablename__]
_key = _table.c
_IS_THE_KEY = _key.key_id == bindparam("the_key", type_=String())
_IN_FORCE = _key.revoked_at.is_(None)

INSERT = insert(_table)
FIND = select(_table).where(_IS_THE_KEY)
LIST = select(_table).order_by(_key.created_at, _key.key_id)
ANY_IN_FORCE = select(_key.key_id).where(_IN_FORCE).limit(1)

# Guarded, so that a second time changes nothing of what the first has noted.
REVOKE = update(_table).where(_IS_THE_KEY, _IN_FORCE).values(revoked_at=database_now()).returning(_key.key_id)

LIMITS = (
    select(_key.max_queued_jobs, _key.max_queued_bytes)
    .where(_IS_THE_KEY)
    .where(or_(_key.max_queued_jobs.is_not(None), _key.max_queued_bytes.is_not(None)))
)

# Whoever adds to what a limited key has queued holds its row until the end of the transaction, so that of two only
# one counts at a time. Keys without limits are not locked. SQLite, which has one writer, ignores it.
LOCK_LIMITS = LIMITS.with_for_update()
