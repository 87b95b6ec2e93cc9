"""Jobs, and the events that pages follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sa.Column("scene_id", sa.String, nullable=False),
        sa.Column("model_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("area", sa.JSON(none_as_null=True)),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True)),
        sa.Column("error", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("ended_at", sa.String),
    )
    op.create_index("jobs_state", "jobs", ["state", "created_at"])
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sqlite_autoincrement=True,  # a number is never given twice, though old events are dropped
    )
    op.create_index("events_subject", "events", ["kind", "subject"])
