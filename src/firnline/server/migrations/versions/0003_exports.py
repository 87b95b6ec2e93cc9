"""Jobs that are of no scene, and of no model: exports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let both be unknown."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("scene_id", existing_type=sa.String(), nullable=True)
        jobs.alter_column("model_id", existing_type=sa.String(), nullable=True)
