"""The tables of jobs and events; `migrations/` makes them."""

from __future__ import annotations

import sqlalchemy as sa

from firnline.server.store.tables import metadata

jobs = sa.Table(
    "jobs",
    metadata,
    *(sa.Column(name, sa.String) for name in ("id", "kind", "state", "message", "scene_id", "model_id", "name")),
    sa.Column("progress", sa.Float),
    *(sa.Column(name, sa.JSON(none_as_null=True)) for name in ("area", "settings", "result")),
    *(sa.Column(name, sa.String) for name in ("error", "created_at", "ended_at")),
)
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.String) for name in ("kind", "subject")),
    sa.Column("data", sa.JSON),
)
