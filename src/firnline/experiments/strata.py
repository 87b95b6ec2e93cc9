"""What the ground is like where a map errs: strata of a test scene by stated rules, as far as its bands tell them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import distance_transform_edt

from firnline.bands import Kind, Level
from firnline.chips.entries import OutlineTruth
from firnline.chips.truth import read_truth, truth_path
from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import FirnlineError
from firnline.experiments.config import Settings
from firnline.experiments.scenes import StudyScene, TestScene
from firnline.flags import Flag, find_flags, read_flags
from firnline.labels.dates import date_of_raster
from firnline.models.ratio_rules import RatioSettings
from firnline.preflight.level import Look, look_of
from firnline.spectral import NIR_OF_SNOW

Mask = NDArray[np.bool_]

EDGE, CLOUD, SHADOW, WATER, SNOW = "edge", "cloud", "shadow", "water", "snow"
DEBRIS, MORAINE, SATURATED, DATE, REST = "debris", "moraine-like", "saturated", "outline date", "the rest"

STRATA: Final = (EDGE, CLOUD, SHADOW, WATER, SNOW, DEBRIS, MORAINE, SATURATED, DATE)
"""In the order in which an error is put down to one of them alone: first what lies in the drawing of the truth, then
what hides the ground, then what the ground is, then what the sensor and the calendar did."""

_HIDDEN: Final = ("cirrus", "nir09")
"""Optical bands in which the ground is dark by itself."""
_PLATEAU: Final = 0.002
_RULES: Final = RatioSettings()


class StrataSettings(Settings):
    """Thresholds; the spectral ones without a setting here are those of `firnline.spectral` by level."""

    edge_pixels: Annotated[int, Field(ge=1, le=10)] = 2
    beside_m: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 500.0
    dark: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """In the unit of the optical bands; without it 0.11 of reflectance, and nothing on digital numbers."""
    gentle_degrees: Annotated[float, Field(gt=0, lt=90)] = _RULES.steepest_debris
    days: Annotated[int, Field(ge=1)] = 366
    """Outlines drawn on images further from the scene's date than this, or without a date, are of `outline date`."""


def rules(own: StrataSettings) -> dict[str, tuple[str, str]]:
    """The rule of each stratum in words, and where it is from."""
    return {
        EDGE: (
            f"within {own.edge_pixels} pixels of where the true class begins or ends",
            "outlines by several people differ by about a pixel (Paul et al. 2013)",
        ),
        CLOUD: ("flagged as cloud", "the flags beside the scene"),
        SHADOW: (
            f"dark in every optical band ({_darkness(own)}); or turned away from the sun (heights and SUN_AZIMUTH, "
            "SUN_ELEVATION of the file); or flagged as in the shadow of terrain or cloud",
            "the least brightness of lit snow (Hall et al. 1995), here of all bands; shading of Horn (1981); the "
            "flags",
        ),
        WATER: ("NDWI high and near infrared dark; or flagged as water", "McFeeters (2013); the flags"),
        SNOW: (
            "NDSI above 0.4 where the truth is not clean ice (in truth that does not tell it: not glacier; in "
            "truth of debris alone anywhere, clean ice included)",
            "Dozier (1989), Hall et al. (1995)",
        ),
        DEBRIS: ("the truth is debris-covered ice", "the truth"),
        MORAINE: (
            f"not glacier in the truth but within {own.beside_m:g} m of one, without snow, bare (NDVI low) and "
            f"less steep than {own.gentle_degrees:g} degrees",
            "what debris-covered ice looks like by itself: Paul, Huggel and Kääb (2004)",
        ),
        SATURATED: (
            f"flagged as saturated; or, where there are no flags, at the top of a band of which more than "
            f"{100 * _PLATEAU:g} % lie there",
            "the flags; the check of scenes (docs/scenes.md)",
        ),
        DATE: (
            f"inside outlines drawn on an image more than {own.days} days from the scene's, or not dated (ground "
            "outside has no date of its own); of a class raster with a date, all of it",
            "the outlines' dates",
        ),
    }


def _darkness(own: StrataSettings) -> str:
    if own.dark is not None:
        return f"below {own.dark:g}"
    return f"below {NIR_OF_SNOW:g} of reflectance; not judged on digital numbers"


@dataclass(frozen=True, eq=False)
class Ground:
    """A test scene as the rules look at it; every mask is bool (row, column) of the part that counts.

    A pixel whose band is unknown is in no stratum by that band.
    """

    scene: TestScene
    origin: StudyScene | None
    own: StrataSettings

    def strata(self) -> tuple[dict[str, Mask], dict[str, str]]:
        """The strata that can be told, and why the others cannot; that of `EDGE` depends on the class: see `edge`."""
        told: dict[str, Mask] = {}
        why: dict[str, str] = {}
        makers: dict[str, Callable[[], Mask | str]] = {
            **{CLOUD: lambda: self._flagged(Flag.CLOUD), SHADOW: self._shadow, WATER: self._water, SNOW: self._snow},
            **{DEBRIS: self._debris, MORAINE: self._moraine, SATURATED: self._saturated, DATE: self._date},
        }
        for name, maker in makers.items():
            found = maker()
            if isinstance(found, str):
                why[name] = found
            else:
                told[name] = found
        return told, why

    def edge(self, truth: Classes) -> Mask:
        """Where the truth of a class, 1, 0 or 255, changes within so many pixels."""
        near = np.zeros(truth.shape, np.bool_)
        for value, other in ((0, 1), (1, 0)):
            if (truth == other).any():
                near |= (truth == value) & (distance_transform_edt(truth != other) <= self.own.edge_pixels)
        return near

    @cached_property
    def _flags(self) -> NDArray[np.uint8] | None:
        scene = self.scene.source.scene
        path = find_flags(scene.path)
        return None if path is None else read_flags(path, scene.grid, self.scene.area)

    def _flagged(self, flag: Flag) -> Mask | str:
        return "there are no flags beside the scene" if self._flags is None else (self._flags & flag) != 0

    @cached_property
    def _level(self) -> Level:
        """Of the optical bands; what is not said and looks like reflectance is taken as that of the surface."""
        scene = self.scene.source.scene
        levels = {band.level for band in scene.bands if band.kind == Kind.OPTICAL}
        if len(levels) == 1 and Level.UNKNOWN not in levels:
            return levels.pop()
        names = [name for name in self._optical if scene.band(name).level == Level.UNKNOWN]
        is_fraction = len(levels) == 1 and all(look_of(self._read(name)) == Look.FRACTION for name in names)
        return Level.SURFACE_REFLECTANCE if is_fraction else Level.UNKNOWN

    @property
    def _optical(self) -> tuple[str, ...]:
        scene = self.scene.source.scene
        return tuple(b.name for b in scene.bands if b.kind == Kind.OPTICAL and b.name not in _HIDDEN)

    def _read(self, name: str) -> NDArray[np.float32]:
        """One feature at a time, so that memory holds one of them beside the masks."""
        with self.scene.source.reader() as reader:
            values: NDArray[np.float32] = reader.read([name], self.scene.area)[0]
            return values

    def _why(self, *names: str) -> str:
        source = self.scene.source
        return "; ".join(f"{name}: {source.why_missing(name)}" for name in source.missing(names))

    def _shadow(self) -> Mask | str:
        parts = [part for part in (self._dark(), self._turned_away()) if part is not None]
        if self._flags is not None:
            parts.append((self._flags & (Flag.TERRAIN_SHADOW | Flag.CLOUD_SHADOW)) != 0)
        return np.any(parts, axis=0) if parts else "no reflectance, no flags, and no sun (SUN_AZIMUTH) with heights"

    def _dark(self) -> Mask | None:
        limit = self.own.dark
        if limit is None and self._level in (Level.SURFACE_REFLECTANCE, Level.TOP_OF_ATMOSPHERE):
            limit = NIR_OF_SNOW
        if limit is None or not self._optical:
            return None
        dark = np.ones(self.scene.area.shape, np.bool_)
        for name in self._optical:
            dark &= self._read(name) < limit
        return dark

    def _turned_away(self) -> Mask | None:
        """Where the ground's own slope hides it from the sun; shadows cast by ridges are not found so."""
        scene = self.scene.source.scene
        if self.scene.source.missing(("slope", "aspect")):
            return None
        with rasterio.open(scene.gdal_name or scene.path) as file:
            tags = file.tags()
        try:
            azimuth, height = (np.radians(float(tags[key])) for key in ("SUN_AZIMUTH", "SUN_ELEVATION"))
        except (KeyError, ValueError):
            return None
        slope, aspect = (np.radians(self._read(name)) for name in ("slope", "aspect"))
        facing = np.cos(slope) * np.sin(height) + np.sin(slope) * np.cos(height) * np.cos(azimuth - aspect)
        return np.asarray(facing <= 0.0)  # false of flat ground, which has no aspect

    def _water(self) -> Mask | str:
        flagged = self._flagged(Flag.WATER)
        wet, darkest = (_RULES.threshold(name, self._level) for name in ("ndwi", "water_nir"))
        if self.scene.source.missing(("ndwi", "nir08")):
            return flagged if not isinstance(flagged, str) else self._why("ndwi", "nir08")
        if wet is None or darkest is None:
            return flagged if not isinstance(flagged, str) else f"no threshold for bands of the level {self._level}"
        found = (self._read("ndwi") > wet) & (self._read("nir08") < darkest)
        return found if isinstance(flagged, str) else found | flagged

    @cached_property
    def _is_bright(self) -> Mask | None:
        """NDSI above its threshold."""
        if self.scene.source.missing(("ndsi",)):
            return None
        limit = _RULES.threshold("ndsi", self._level)
        assert limit is not None  # it is the same at every level
        return np.asarray(self._read("ndsi") > limit)

    def _snow(self) -> Mask | str:
        if self._is_bright is None:
            return self._why("ndsi")
        allowed = (0, 2) if self.scene.scheme == LabelScheme.CLASS else (0,)
        if self.scene.scheme == LabelScheme.DEBRIS:
            allowed = (0, 1)
        return self._is_bright & np.isin(self.scene.truth, allowed)

    def _debris(self) -> Mask | str:
        value = {LabelScheme.CLASS: 2, LabelScheme.DEBRIS: 1}.get(self.scene.scheme)
        if value is None:
            return f"truth of the scheme {self.scene.scheme} does not tell debris"
        return np.asarray(self.scene.truth == value)

    def _moraine(self) -> Mask | str:
        if self._is_bright is None or self.scene.source.missing(("slope", "ndvi")):
            return self._why("ndsi", "slope", "ndvi")
        truth = self.scene.truth
        ice = (truth != 0) & (truth != UNKNOWN)
        if not ice.any():
            return np.zeros(truth.shape, np.bool_)
        beside = distance_transform_edt(~ice) * self.scene.grid.resolution <= self.own.beside_m
        bare = self._read("ndvi") < (_RULES.threshold("ndvi", self._level) or 0.0)
        gentle = self._read("slope") < self.own.gentle_degrees
        return np.asarray(beside & (truth == 0) & ~self._is_bright & bare & gentle)

    def _saturated(self) -> Mask | str:
        if self._flags is not None:
            return np.asarray((self._flags & Flag.SATURATED) != 0)
        if not self._optical:
            return "there are no optical bands"
        found = np.zeros(self.scene.area.shape, np.bool_)
        for name in self._optical:
            values = self._read(name)
            known = np.isfinite(values)
            if known.any():
                top = values == values[known].max()
                found |= top & (top[known].mean() > _PLATEAU)
        return found

    def _date(self) -> Mask | str:
        """Where the truth was drawn on an image of another time, as far as outlines or the class raster tell."""
        date = self.scene.source.scene.date
        if self.origin is None:
            return "a table of chips does not tell the dates of outlines"
        if date is None:
            return "the scene has no date"
        entry = self.origin.entry
        if isinstance(entry.truth, OutlineTruth):
            return self._not_firm(entry.truth)
        drawn = date_of_raster(self.origin.folder / truth_path(entry.truth, self.origin.path))
        if drawn is None:
            return "the truth has no date"
        return np.full(self.scene.truth.shape, abs((drawn - date).days) > self.own.days)

    def _not_firm(self, truth: OutlineTruth) -> Mask | str:
        assert self.origin is not None
        if truth.firm is not None or truth.firm_within is not None:
            return "outlines of other dates are unknown in this truth already"
        firm = self.origin.entry.model_copy(update={"truth": truth.model_copy(update={"firm_within": self.own.days})})
        try:
            found = read_truth(firm, self.scene.source.scene, self.origin.folder).classes[self.scene.area.slices]
        except FirnlineError as error:  # outlines without a column of dates
            return error.what
        return np.asarray((found == UNKNOWN) & (self.scene.truth != UNKNOWN))
