"""An inventory from a map, on one page: glaciers, their attributes, lakes, one file."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

import firnline
from firnline.features import FeatureSource
from firnline.files import sha256_of
from firnline.inventory.area_error import RegionalSum, area_errors, regional_sum
from firnline.inventory.attributes import Known, describe_glaciers
from firnline.inventory.columns import LAKES, empty
from firnline.inventory.coverage import Labels
from firnline.inventory.glaciers import find_glaciers
from firnline.inventory.heights import open_heights
from firnline.inventory.inventory import Inventory, write_inventory
from firnline.inventory.lakes import FoundLakes, LakeSettings, lakes_of_scene
from firnline.inventory.links import read_given
from firnline.inventory.map_folder import CLASSES, MapFolder
from firnline.inventory.polygonise import RGI_MINIMUM_AREA_KM2
from firnline.inventory.reference import read_reference


@dataclass(frozen=True)
class InventorySettings:
    """How glaciers are made of a map."""

    minimum_area_km2: float = RGI_MINIMUM_AREA_KM2
    """Smaller glaciers are left out."""
    dem: Path | None = None
    """Heights; without it the DEM that the scene was mapped with, or the scene's own elevation."""
    dem_source: str | None = None
    """What the DEM is called (COPDEM30); its file name without it."""
    dem_date: str | None = None
    """When its heights were measured."""
    dates: tuple[dt.date, dt.date] | None = None
    """First and last day of a composite; the scene's day without it."""
    reference: Path | None = None
    """An inventory along whose divides glaciers are cut, and to which they are linked."""
    reference_id: str | None = None
    """Its column of ids, where that is none of the known ones."""
    divide_by_flow: bool = True
    """Whether what no reference divides is divided by the flow of the ice, where heights are known."""
    simplify_m: float | None = None
    """How far outlines may move to be simpler, metres; they follow the pixels without it."""
    attributes: Path | None = None
    """A user's table of columns that nothing here can know (names, regions, terminus types)."""
    lakes: LakeSettings | None = field(default_factory=LakeSettings)
    """What counts as a lake, where the scene is still there and tells water; None outlines none."""


@dataclass(frozen=True)
class Made:
    """What was made: the inventory, its sums, and what a user should know of it."""

    inventory: Inventory
    sums: RegionalSum
    findings: tuple[str, ...]

    def lines(self) -> list[str]:
        """The same for a terminal."""
        sums = self.sums
        return [
            f"{sums.glaciers} glaciers, {sums.area_km2:.2f} km2",
            f"error of the boundary {sums.independent_km2:.2f} km2 where errors of glaciers are independent, "
            f"{sums.correlated_km2:.2f} km2 where all err alike; errors of interpretation are not in it",
            f"{sums.lower_bounds} of the areas are lower bounds",
            *self.findings,
        ]


def make_inventory(mapped: MapFolder, out: Path, settings: InventorySettings = InventorySettings()) -> Made:
    """Make an inventory of a map and write it.

    Parameters
    ----------
    mapped
        A finished map.
    out
        The GeoPackage to write.
    settings
        How.

    Raises
    ------
    LabelError
        When the reference or the user's table cannot be used.
    SceneError, BandError, GridError
        When the DEM cannot be used.
    OutputError
        When the file cannot be written.
    """
    classes, grid, scheme = mapped.raster
    reference = None if settings.reference is None else read_reference(settings.reference, settings.reference_id)
    given = None if settings.attributes is None else read_given(settings.attributes)
    source = mapped.source()
    with open_heights(grid, settings.dem, source) as heights:
        found = find_glaciers(
            classes,
            grid,
            scheme,
            minimum_area_km2=settings.minimum_area_km2,
            reference=reference,
            heights=None if heights is None or not settings.divide_by_flow else heights.values,
            probabilities=mapped.probabilities,
            simplify_m=settings.simplify_m,
        )
        glaciers = found.glaciers
        glaciers["area_error_km2"] = area_errors(found.labels, len(glaciers), classes, grid, scheme)
        known = Known(
            dates=settings.dates or (None if mapped.date is None else (mapped.date, mapped.date)),
            dem=None if heights is None else heights.dem,
            dem_source=settings.dem_source or (None if heights is None else heights.source),
            dem_date=settings.dem_date,
            reference=reference,
            given=given,
            method=mapped.method,
            scene=mapped.scene_name,
            quality=mapped.quality or None,
        )
        described, hypsometry = describe_glaciers(glaciers, known)
        lakes = _lakes(mapped, source, settings, described, found.labels, None if heights is None else heights.values)
    record = _provenance(mapped, settings)
    inventory = Inventory(described, found.parts, found.holes, lakes.lakes, hypsometry=hypsometry, provenance=record)
    write_inventory(inventory, out)
    findings = (*found.findings, *_findings(described, heights is None, given), *lakes.findings)
    return Made(inventory, regional_sum(described), findings)


def _lakes(
    mapped: MapFolder,
    source: FeatureSource | None,
    settings: InventorySettings,
    glaciers: pd.DataFrame,
    labels: Labels,
    heights: NDArray[np.float32] | None,
) -> FoundLakes:
    """Lakes of the glaciers, and why there are none where water cannot be told."""
    none = empty(LAKES, pyproj.CRS.from_user_input(mapped.raster.grid.crs))
    if settings.lakes is None:
        return FoundLakes(none)
    if source is None:
        return FoundLakes(none, ("the scene that was mapped is not there any more: lakes are not outlined",))
    if settings.dem is not None:
        source = FeatureSource(source.scene, settings.dem)
    ids = glaciers["glacier_id"].tolist()
    return lakes_of_scene(source, mapped.raster.classes, labels, ids, heights=heights, settings=settings.lakes)


def _findings(glaciers: pd.DataFrame, without_heights: bool, given: pd.DataFrame | None) -> list[str]:
    said = []
    if without_heights:
        said.append(
            "no heights are known: name a DEM with --dem; heights, slope, aspect and divides by flow are empty"
        )
    elif glaciers["zmed_m"].isna().any():
        count = int(glaciers["zmed_m"].isna().sum())
        said.append(f"{count} glaciers have no heights: the DEM covers too little of them")
    if glaciers["src_date"].isna().all():
        said.append("the date of the scene is not known: src_date is empty")
    if given is not None:
        unused = len(set(given.index) - set(glaciers[str(given.index.name)].dropna()))
        if unused:
            said.append(f"{unused} rows of the table of attributes fit no glacier")
        if left_out := given.attrs.get("left_out"):
            said.append(f"{' '.join(left_out)} belong to one outline: a table by rgi_id does not give them")
    return said


def _provenance(mapped: MapFolder, settings: InventorySettings) -> dict[str, Any]:
    named = (settings.dem, settings.reference, settings.attributes, mapped.folder / CLASSES)
    return {
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "firnline": firnline.__version__,
        "settings": {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(settings).items()
        },
        "inputs": [{"file": str(path), "sha256": sha256_of(path)} for path in named if path is not None],
        "map": dict(mapped.record),
    }
