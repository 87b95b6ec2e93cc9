"""A job: what is to be done, how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["predict", "export"]
State = Literal["queued", "running", "done", "failed", "cancelled"]

ENDED: Final[tuple[State, ...]] = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """Work for a worker process.

    Parameters
    ----------
    id, name
        What clients and people call it.
    kind
        ``predict`` or ``export``.
    state, progress, message
        How far it is: 0 to 1, and in words.
    scene_id, model_id
        What is mapped by what; the model ``ratio`` is the rules. Of an export: the scene of its layer, if any; None.
    area
        A GeoJSON geometry in the scene's CRS; None is the whole scene.
    settings
        Further ones of its kind.
    result
        What it made. A prediction: ``inventory``, the id of a layer, and ``rasters``, the names of those that can be
        had. An export: ``file``, its name, and ``size``, bytes.
    error
        Why it failed, and what to do.
    created_at, ended_at
        ISO 8601, UTC.
    """

    id: str
    name: str
    kind: Kind
    state: State
    progress: float
    message: str
    scene_id: str | None
    model_id: str | None
    area: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: str | None
    created_at: str
    ended_at: str | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ENDED

    def as_json(self) -> dict[str, Any]:
        """As pages are told of it."""
        return {
            "id": self.id, "name": self.name, "kind": self.kind, "state": self.state,
            "progress": round(self.progress, 4), "message": self.message, "scene": self.scene_id,
            "model": self.model_id, "area": self.area, "settings": self.settings, "result": self.result,
            "error": self.error, "created": self.created_at, "ended": self.ended_at,
        }  # fmt: skip
