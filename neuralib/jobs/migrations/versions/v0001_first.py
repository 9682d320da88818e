"""Samples, jobs, attempts, artifacts and API keys."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _samples()
    _jobs()
    _attempts()
    _artifacts()
    _api_keys()


def downgrade() -> None:
    """Remove the tables and all that is in them."""
    for table in ("api_keys", "artifacts", "attempts", "jobs", "samples"):
        op.drop_table(table)


def _text(name: str, *, empty: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=empty)


def _number(name: str, kind: type = sa.Integer, *, empty: bool = False) -> sa.Column[float]:
    return sa.Column(name, kind, nullable=empty)


def _time(name: str, *, empty: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=empty)


def _index(
    name: str, table: str, *columns: str, where: str | None = None, unique: bool = False
) -> None:
    part = None if where is None else sa.text(where)
    op.create_index(
        name, table, list(columns), unique=unique, postgresql_where=part, sqlite_where=part
    )


def _samples() -> None:
    op.create_table(
        "samples",
        _text("id"),
        _text("tenant"),
        _text("name"),
        _text("search_name"),
        _text("sha256"),
        _number("bytes", sa.BigInteger),
        _number("audio_seconds", sa.Double, empty=True),
        _number("sample_rate"),
        _number("channels"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("samples_pkey")),
        sa.UniqueConstraint("tenant", "sha256", name=op.f("samples_tenant_sha256_key")),
        sa.UniqueConstraint("tenant", "id", name=op.f("samples_tenant_id_key")),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        _text("id"),
        _text("tenant"),
        _text("sample_id"),
        _text("kind"),
        _text("task"),
        _text("lane"),
        _text("state"),
        _number("progress", sa.Double),
        _number("attempt"),
        _number("crashes"),
        _text("error_code", empty=True),
        _text("error_message", empty=True),
        _text("result", empty=True),
        _text("result_key"),
        _text("idempotency_key", empty=True),
        _text("request_sha256", empty=True),
        _text("lease", empty=True),
        _time("lease_expires_at", empty=True),
        _time("created_at"),
        _time("queued_at"),
        _time("started_at", empty=True),
        _time("finished_at", empty=True),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant", "sample_id"],
            ["samples.tenant", "samples.id"],
            name=op.f("jobs_samples_fkey"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "(state = 'running') = (lease IS NOT NULL)", name=op.f("jobs_lease_check")
        ),
    )
    _index("jobs_list", "jobs", "tenant", "id")
    _index("jobs_list_state", "jobs", "tenant", "state", "id")
    _index("jobs_sample", "jobs", "tenant", "sample_id")
    _index("jobs_counts", "jobs", "kind", "state")
    _index("jobs_waiting", "jobs", "id", where="state = 'queued'")
    _index("jobs_leases", "jobs", "lease_expires_at", where="state = 'running'")
    _index("jobs_ended", "jobs", "finished_at", "id", where="finished_at IS NOT NULL")
    _index("jobs_results", "jobs", "tenant", "result_key", where="state = 'done'")
    _index(
        "jobs_idempotency",
        "jobs",
        "tenant",
        "idempotency_key",
        where="idempotency_key IS NOT NULL",
        unique=True,
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        _text("job_id"),
        _text("lease"),
        _text("tenant"),
        _number("number"),
        _text("worker"),
        _time("started_at"),
        _time("ended_at", empty=True),
        _text("outcome", empty=True),
        _text("message", empty=True),
        sa.PrimaryKeyConstraint("job_id", "lease", name=op.f("attempts_pkey")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("attempts_jobs_fkey"), ondelete="CASCADE"
        ),
    )


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        _text("job_id"),
        _text("name"),
        _text("tenant"),
        _number("position"),
        _text("kind"),
        _number("bytes", sa.BigInteger),
        _text("sha256"),
        sa.PrimaryKeyConstraint("job_id", "name", name=op.f("artifacts_pkey")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("artifacts_jobs_fkey"), ondelete="CASCADE"
        ),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        _text("id"),
        _text("tenant"),
        _text("name"),
        _text("sha256"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("api_keys_sha256_key")),
    )
    _index("api_keys_list", "api_keys", "tenant", "id")
