"""The experiments by name."""

from __future__ import annotations

from typing import Final

EXPERIMENTS: Final = (
    "bands",
    "importance",
    "baselines",
    "classes",
    "debris-share",
    "regions",
    "transfer",
    "terrain",
    "errors",
    "gallery",
)
"""In the order of the documentation."""
