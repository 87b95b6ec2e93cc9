"""The tables of layers, as SQLAlchemy writes statements for them; `migrations/` makes them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

layers = sa.Table(
    "layers",
    metadata,
    *(sa.Column(name, sa.String) for name in ("id", "name", "kind", "crs", "scene_id")),
    sa.Column("pixel_m", sa.Float),
    sa.Column("origin", sa.JSON),
    sa.Column("created_at", sa.String),
    sa.Column("revision", sa.Integer),
    sa.Column("deleted_at", sa.String),
    sa.Column("count", sa.Integer),
    *(sa.Column(name, sa.Float) for name in ("area_km2", "min_x", "min_y", "max_x", "max_y")),
)
transactions = sa.Table(
    "transactions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *(
        sa.Column(name, sa.String)
        for name in ("layer_id", "at", "operation", "who", "session", "scene_id", "why", "key")
    ),
    sa.Column("revision", sa.Integer),
    sa.Column("reverses", sa.Integer),
)
versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.String) for name in ("layer_id", "feature_id", "glacier_id")),
    *(sa.Column(name, sa.Integer) for name in ("version", "class_value", "from_revision", "to_revision")),
    sa.Column("geometry", sa.LargeBinary),
    sa.Column("area_km2", sa.Float),
    sa.Column("properties", sa.JSON),
)
boxes = sa.Table(
    "boxes",
    metadata,
    sa.Column("id", sa.Integer),
    *(sa.Column(name, sa.Float) for name in ("min_x", "max_x", "min_y", "max_y")),
)
snapshots = sa.Table(
    "snapshots",
    metadata,
    *(sa.Column(name, sa.String) for name in ("id", "layer_id", "name", "at", "who")),
    sa.Column("revision", sa.Integer),
)
