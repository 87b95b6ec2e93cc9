"""Where each published scene lies: its own grid where it is there, else the one its footprints imply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firnline.chips.published.footprints import Footprints, Recovered, recover_grid
from firnline.chips.published.layout import Archive
from firnline.chips.published.patches import patch_count
from firnline.chips.published.report import Report
from firnline.chips.published.scenes import SCENES, PublishedScene
from firnline.errors import FirnlineError
from firnline.grid import Grid
from firnline.scene import Scene, open_scene

FROM_SCENE: Final = "the scene's transform"
FROM_FOOTPRINTS: Final = "slices.geojson, mirrored back"
_NEEDED: Final = ("green", "swir16", "ndsi")


@dataclass(frozen=True)
class Placement:
    """A published scene, its grid, and its raster where that is there and is the published one."""

    scene: PublishedScene
    grid: Grid
    raster: Scene | None
    footprint_from: str
    odd: frozenset[int] = frozenset()
    """Indexes of patches whose published footprint implies another grid than the others."""


def place(number: int, archive: Archive, footprints: Footprints | None, report: Report) -> Placement | None:
    """Find where a scene lies; None, with the reason in the report, where nothing tells."""
    scene = SCENES[number]
    rows = [] if footprints is None else footprints.of_scene(number)
    recovered = recover_grid(scene, rows) if rows else None
    if rows and recovered is None:
        report.problem(f"{scene.name}: its published footprints imply no grid; they were not used")
    raster = _raster(number, archive, recovered, report)
    if raster is not None:
        return Placement(scene, raster.grid, raster, FROM_SCENE, _odd(scene, recovered, report))
    if recovered is None:
        return None
    rows_, columns = recovered.grid.shape
    how = f"{FROM_FOOTPRINTS}, scene of {rows_} x {columns} pixels worked out from it"
    return Placement(scene, recovered.grid, None, how, _odd(scene, recovered, report))


def _odd(scene: PublishedScene, recovered: Recovered | None, report: Report) -> frozenset[int]:
    if recovered is None or not recovered.odd:
        return frozenset()
    names = " ".join(patch.name for patch in recovered.odd[:5])
    report.problem(
        f"{scene.name}: {len(recovered.odd)} published footprints contradict the other {recovered.agreeing} "
        f"of the scene ({names}); each patch lies where its number says"
    )
    return frozenset(patch.index for patch in recovered.odd)


def _raster(number: int, archive: Archive, recovered: Recovered | None, report: Report) -> Scene | None:
    """The scene's raster, unless it is not there, not readable, or not the published one."""
    path = archive.scenes.get(number)
    if path is None:
        return None
    try:
        raster = open_scene(path)
        lacking = [name for name in _NEEDED if name not in raster.band_names]
        if lacking or raster.resolution != 30:
            report.problem(f"{path}: lacks {' '.join(lacking) or 'pixels of 30 m'}; it was not used")
            return None
    except FirnlineError as error:
        report.problem(f"{error}; it was not used")
        return None
    rows, columns = raster.grid.shape
    if patch_count(raster.grid.shape) == 0:
        report.clips.append(path.name)
        report.problem(f"{path}: {rows} x {columns} pixels hold no patch: it is a clip, and places none")
        return None
    if recovered is not None and not recovered.grid.is_same_as(raster.grid):
        report.clips.append(path.name)
        true_rows, true_columns = recovered.grid.shape
        report.problem(
            f"{path}: {rows} x {columns} pixels in {raster.grid.crs.to_string()} are not the published scene "
            f"({true_rows} x {true_columns} in {recovered.grid.crs.to_string()}, by its footprints): a clip, or "
            "warped; it was not used"
        )
        return None
    return raster
