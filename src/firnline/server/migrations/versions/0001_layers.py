"""Layers, versions of their features, transactions, snapshots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "layers",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("crs", sa.String, nullable=False),
        sa.Column("scene_id", sa.String),
        sa.Column("pixel_m", sa.Float, nullable=False),
        sa.Column("origin", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("deleted_at", sa.String),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("area_km2", sa.Float, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("min_x", "min_y", "max_x", "max_y")),
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("layer_id", sa.String, sa.ForeignKey("layers.id"), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("operation", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("session", sa.String, nullable=False),
        sa.Column("scene_id", sa.String),
        sa.Column("why", sa.String),
        sa.Column("key", sa.String),
        sa.Column("reverses", sa.Integer, sa.ForeignKey("transactions.id")),
        sa.UniqueConstraint("layer_id", "revision"),
        sa.UniqueConstraint("layer_id", "key"),
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("layer_id", sa.String, sa.ForeignKey("layers.id"), nullable=False),
        sa.Column("feature_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("class_value", sa.Integer, nullable=False),
        sa.Column("glacier_id", sa.String),
        sa.Column("geometry", sa.LargeBinary, nullable=False),
        sa.Column("area_km2", sa.Float, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
        sa.Column("from_revision", sa.Integer, nullable=False),
        sa.Column("to_revision", sa.Integer),
        sa.UniqueConstraint("layer_id", "feature_id", "version"),
    )
    op.create_index(
        "versions_now",
        "versions",
        ["layer_id", "feature_id"],
        sqlite_where=sa.text("to_revision IS NULL"),
        unique=True,
    )
    op.create_index("versions_from", "versions", ["layer_id", "from_revision"])
    op.create_index("versions_to", "versions", ["layer_id", "to_revision"])
    # Boxes of all versions, by versions.id: SQLite's R*-tree rounds them outwards to 32 bits.
    op.execute("CREATE VIRTUAL TABLE boxes USING rtree(id, min_x, max_x, min_y, max_y)")
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("layer_id", sa.String, sa.ForeignKey("layers.id"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.UniqueConstraint("layer_id", "name"),
    )
