"""Scenes: what they are, what was found about them, and how they can be shown."""

from __future__ import annotations

import math
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from firnline.errors import SceneError
from firnline.preflight.finding import Severity
from firnline.server.project import SceneEntry
from firnline.server.recipes import recipes_of
from firnline.server.routes.answers import CrsAnswer, crs_answer
from firnline.server.routes.dependencies import ProjectDep, SceneDep
from firnline.server.scene_facts import findings_of, level_of, ranges_of
from firnline.server.tile_grid import TileGrid

router = APIRouter(tags=["scenes"])


class BandAnswer(BaseModel):
    """A band: value = stored number * scale + offset; `low` and `high` are its 2nd and 98th percentile as stored."""

    name: str
    index: int
    scale: float
    offset: float
    nodata: float | Literal["nan"] | None
    unit: str
    low: float | None
    high: float | None


class RecipeAnswer(BaseModel):
    """A picture that the bands allow. A `shade` is of a band of terrain.tif; `low` and `high` are ends of a ramp."""

    id: str
    title: str
    kind: Literal["rgb", "ramp", "shade"]
    bands: list[str]
    expression: str | None
    low: float | None
    high: float | None


class SceneAnswer(BaseModel):
    """A scene; lengths in metres of its own CRS."""

    id: str
    name: str
    sensor: str | None
    date: str | None
    level: str
    crs: CrsAnswer
    bounds: tuple[float, float, float, float]
    resolution: float
    width: int
    height: int
    bands: list[BandAnswer]
    recipes: list[RecipeAnswer]


class LeftOutAnswer(BaseModel):
    """A raster below the folder that is no scene, and why."""

    name: str
    why: str


class FindingAnswer(BaseModel):
    """What the check found about a scene."""

    severity: Severity
    title: str
    detail: str
    do: str


class TileGridAnswer(BaseModel):
    """A grid of tiles: its top left corner, metres a pixel by level, pixels on a side of a tile."""

    origin: tuple[float, float]
    resolutions: list[float]
    tile_size: int


@router.get("/scenes")
def scenes(project: ProjectDep) -> list[SceneAnswer]:
    """The scenes of the project."""
    return [_answer(entry) for entry in project.scenes().values()]


@router.get("/left-out")
def left_out(project: ProjectDep) -> list[LeftOutAnswer]:
    """The rasters that cannot be used as scenes, so that nobody looks for them in vain."""
    return [LeftOutAnswer(name=name, why=why) for name, why in project.left_out().items()]


@router.get("/scenes/{scene_id}")
def scene(scene: SceneDep) -> SceneAnswer:
    """A scene."""
    return _answer(scene)


@router.get("/scenes/{scene_id}/findings")
def findings(scene: SceneDep) -> list[FindingAnswer]:
    """What `firnline scenes check` says of a scene, the heaviest first."""
    return [
        FindingAnswer(severity=each.severity, title=each.check, detail=each.what, do=each.do)
        for each in findings_of(scene)
    ]


@router.get("/scenes/{scene_id}/tilegrid")
def tile_grid(scene: SceneDep) -> TileGridAnswer:
    """The grid of the scene's picture tiles, in its own CRS."""
    return tile_grid_answer(TileGrid.down_to(scene.scene.resolution))


def tile_grid_answer(grid: TileGrid) -> TileGridAnswer:
    """A grid of tiles as it is answered."""
    return TileGridAnswer(origin=grid.origin, resolutions=list(grid.resolutions), tile_size=grid.tile_size)


def _answer(entry: SceneEntry) -> SceneAnswer:
    scene = entry.scene
    rows, columns = scene.grid.shape
    return SceneAnswer(
        id=entry.id,
        name=entry.name,
        sensor=None if scene.sensor is None else str(scene.sensor),
        date=None if scene.date is None else scene.date.isoformat(),
        level=level_of(scene),
        crs=crs_answer(scene.grid.crs.to_wkt()),
        bounds=scene.grid.bounds,
        resolution=scene.resolution,
        width=columns,
        height=rows,
        bands=_bands(entry),
        recipes=[
            RecipeAnswer(
                id=each.id,
                title=each.title,
                kind=each.kind,
                bands=list(each.bands),
                expression=each.expression,
                low=each.low,
                high=each.high,
            )
            for each in recipes_of(entry.source)
        ],
    )


def _bands(entry: SceneEntry) -> list[BandAnswer]:
    try:
        ranges = ranges_of(entry)
    except SceneError:  # damaged: told where its pixels are asked for, and the other scenes are shown
        ranges = {}
    answers = []
    for band in entry.scene.bands:
        low, high = ranges.get(band.name, (None, None))
        is_nan = band.nodata is not None and math.isnan(band.nodata)  # for which JSON has no number
        answers.append(
            BandAnswer(
                name=band.name,
                index=band.index,
                scale=band.scale,
                offset=band.offset,
                nodata="nan" if is_nan else band.nodata,
                unit=band.unit,
                low=low,
                high=high,
            )
        )
    return answers
