"""Layers of outlines, their features, and who changed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shapely import Polygon

from firnline.inventory.editing.part import Part

Box = tuple[float, float, float, float]
"""min x, min y, max x, max y."""


@dataclass(frozen=True)
class Layer:
    """A layer of outlines in one CRS.

    Parameters
    ----------
    id, name
        What clients and people call it.
    kind
        ``inventory`` (worked on), ``proposal`` (a prediction) or ``reference`` (laid over).
    crs
        Well-known text of a projected CRS in metres.
    scene_id
        The scene that it was made for.
    pixel_m
        That scene's resolution in metres.
    origin
        Where it comes from: file, model, job.
    created_at
        ISO 8601, UTC.
    revision
        Grows by one with each transaction; 0 is how it began.
    count, area_km2
        Of its features now.
    box
        Holds all its features, and those that it had; None of a layer that never had one.
    """

    id: str
    name: str
    kind: str
    crs: str
    scene_id: str | None
    pixel_m: float
    origin: Mapping[str, Any]
    created_at: str
    revision: int
    count: int
    area_km2: float
    box: Box | None


@dataclass(frozen=True)
class Feature:
    """One version of one outline."""

    id: str
    version: int
    class_: int
    glacier_id: str | None
    geometry: Polygon
    area_km2: float
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def part(self) -> Part:
        """The same as corrections see it."""
        return Part(self.id, self.class_, self.geometry, self.glacier_id)


@dataclass(frozen=True)
class Author:
    """Who does something, in which session of a browser, looking at which scene, and why."""

    who: str
    session: str
    scene_id: str | None = None
    why: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Transaction:
    """One change of a layer."""

    id: int
    revision: int
    at: str
    operation: str
    who: str
    scene_id: str | None
    why: str | None
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a correction did: features that changed or are new, those that are gone, and areas.

    Parameters
    ----------
    operation, revision
        What was asked for, and the layer's revision after it.
    transaction
        The change; None where nothing changed, which is no revision and no step of undo.
    features, removed
        Features that changed or are new, and those that are gone.
    area_km2, area_change_km2
        Of the layer after it, and how much more that is.
    """

    operation: str
    revision: int
    transaction: Transaction | None
    features: tuple[Feature, ...]
    removed: tuple[str, ...]
    area_km2: float
    area_change_km2: float


@dataclass(frozen=True)
class Snapshot:
    """A named revision."""

    id: str
    name: str
    revision: int
    at: str
    who: str


@dataclass(frozen=True)
class Past:
    """A version of an outline, the transaction that made it, and the one that ended it."""

    feature: Feature
    made: Transaction | None
    ended: Transaction | None


@dataclass(frozen=True)
class Conflict:
    """A feature that others changed since a client saw it."""

    feature: str
    expected: int
    current: Feature | None
    changed: Transaction | None


class ConflictError(Exception):
    """Others changed what someone wants to change."""

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(f"{len(conflicts)} outlines were changed by others")
        self.conflicts = conflicts


class NothingToReverseError(Exception):
    """There is nothing to undo or redo, or others built on it."""
