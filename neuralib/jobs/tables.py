"""The tables. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from neuralib.jobs.times import Time

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(referred_table_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

samples = Table(
    "samples",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("search_name", Text, nullable=False),  # folded, so that every database finds alike
    Column("sha256", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("audio_seconds", Double),
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    UniqueConstraint("tenant", "sha256"),
    UniqueConstraint("tenant", "id"),  # lists; and jobs point at it, so that none crosses tenants
)

_QUEUED = text("state = 'queued'")
_RUNNING = text("state = 'running'")
_DONE = text("state = 'done'")
_ENDED = text("finished_at IS NOT NULL")
HAS_IDEMPOTENCY_KEY = text("idempotency_key IS NOT NULL")

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("sample_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # of the task
    Column("task", Text, nullable=False),  # JSON
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Double, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),  # since it was added or retried
    Column("error_code", Text),
    Column("error_message", Text),
    Column("result", Text),  # JSON
    Column("result_key", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("request_sha256", Text),
    Column("lease", Text),  # set while it is running, and only then
    Column("lease_expires_at", Time),
    Column("created_at", Time, nullable=False),
    Column("queued_at", Time, nullable=False),  # since when it waits, by the database's clock
    Column("started_at", Time),
    Column("finished_at", Time),
    ForeignKeyConstraint(
        ["tenant", "sample_id"], ["samples.tenant", "samples.id"], ondelete="CASCADE"
    ),
    CheckConstraint("(state = 'running') = (lease IS NOT NULL)", name="lease"),
    Index("jobs_list", "tenant", "id"),
    Index("jobs_list_state", "tenant", "state", "id"),
    Index("jobs_sample", "tenant", "sample_id"),
    Index("jobs_counts", "kind", "state"),
    Index("jobs_waiting", "id", postgresql_where=_QUEUED, sqlite_where=_QUEUED),
    Index("jobs_leases", "lease_expires_at", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
    Index("jobs_ended", "finished_at", "id", postgresql_where=_ENDED, sqlite_where=_ENDED),
    Index("jobs_results", "tenant", "result_key", postgresql_where=_DONE, sqlite_where=_DONE),
    Index(
        "jobs_idempotency",
        "tenant",
        "idempotency_key",
        unique=True,
        postgresql_where=HAS_IDEMPOTENCY_KEY,
        sqlite_where=HAS_IDEMPOTENCY_KEY,
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("lease", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("outcome", Text),  # set with ended_at
    Column("message", Text),
    ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("position", Integer, nullable=False),  # in the order in which the run made them
    Column("kind", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),  # of the token, which is kept nowhere
    Column("created_at", Time, nullable=False),
    UniqueConstraint("sha256"),
    Index("api_keys_list", "tenant", "id"),
)
