"""Seasonal snow: where snow lies on ground that is bare at the end of summer, outlines of ice hold snow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from firnline.bands import Level
from firnline.features import normalised_difference
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.level import Look, look_of
from firnline.preflight.sample import Floats, Sample
from firnline.report.content import latitude_longitude
from firnline.report.season import ablation_season
from firnline.scene import Scene
from firnline.spectral import NDSI_OF_SNOW, NIR_OF_SNOW

CHECK: Final = "seasonal snow"
MARK: Final = "not inventory-grade: seasonal snow"
_STEEP = 40.0
"""Degrees; glaciers are hardly ever steeper over more than a few pixels, and rock walls shed all but fresh snow."""
_MUCH_STEEP, _MUCH_LOW, _MUCH = 0.4, 0.3, 0.5
_SHADE = 0.04
_WINTER = 0.3
_FEWEST = 500


def check_snow(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """Measure snow on all ground, on the lowest quarter and on steep walls; ask the calendar too."""
    season = _season(scene)
    index = _snow(scene, sample)
    if index is None:
        yield _by_date(season)
        return
    is_snow, known = index
    share = float(is_snow[known].mean())
    measured: dict[str, float | str | None] = {"share": round(share, 3), "season": season}
    reasons = [f"{100 * share:.0f} % of the lit pixels look like snow or ice"] if share > _MUCH else []
    low = _share_where(is_snow, known, _lowest(sample, known))
    steep = _share_where(is_snow, known, None if sample.slope is None else sample.slope > _STEEP)
    measured |= {"on the lowest quarter": low, "on slopes above 40 degrees": steep}
    if low is not None and low > _MUCH_LOW:
        reasons.append(f"{100 * low:.0f} % of the lowest quarter of the ground")
    if steep is not None and steep > _MUCH_STEEP:
        reasons.append(f"{100 * steep:.0f} % of slopes above 40 degrees")
    if season == "winter or spring" and share > _WINTER:
        reasons.append(f"its date lies in winter or spring, and {100 * share:.0f} % look like snow or ice")
    if reasons:
        yield Finding(
            CHECK,
            Severity.CAUTION,
            f"the scene looks covered by snow ({'; '.join(reasons)}): not inventory-grade",
            "map a scene from the end of the melt season; results from this one carry the mark",
            measured,
            MARK,
        )
    else:
        yield Finding(
            CHECK, Severity.OK, f"{100 * share:.0f} % of the lit pixels look like snow or ice", "", measured
        )


def _season(scene: Scene) -> str:
    """What the date tells: "end of the melt season", "early summer", "winter or spring", or "unknown"."""
    if scene.date is None or not scene.grid.crs.is_projected:
        return "unknown"
    season = ablation_season(*latitude_longitude(scene.grid, scene.grid.shape[0] / 2, scene.grid.shape[1] / 2))
    if season is None:
        return "unknown"
    if scene.date.month in season.months:
        return "end of the melt season"
    return "early summer" if scene.date.month in season.between else "winter or spring"


def _by_date(season: str) -> Finding:
    """Where pixels do not tell, the date alone does."""
    cannot = "snow cannot be measured (it takes reflectance in green and short-wave infrared)"
    if season == "winter or spring":
        return Finding(
            CHECK,
            Severity.CAUTION,
            f"{cannot}, and the date lies in winter or spring: not inventory-grade",
            "map a scene from the end of the melt season; results from this one carry the mark",
            {"season": season},
            MARK,
        )
    return Finding(CHECK, Severity.NOTE, f"{cannot}; season by the date: {season}", "judge the snow from a picture")


def _snow(scene: Scene, sample: Sample) -> tuple[np.ndarray, np.ndarray] | None:
    """(is snow or ice, is known) by pixel, or None where the bands do not tell."""
    if not {"green", "swir16"} <= set(sample.bands):
        return None
    if Level.DIGITAL_NUMBER in {scene.band(name).level for name in ("green", "swir16")}:
        return None  # numbers of two bands have no common scale
    green, short = sample.bands["green"], sample.bands["swir16"]
    if any(look_of(values) != Look.FRACTION for values in (green, short)):
        return None
    # Where there is no near infrared green stands for it, which water is darker in too.
    bright: Floats = sample.bands.get("nir08", green)
    known = np.isfinite(green) & np.isfinite(short) & np.isfinite(bright)
    known &= ~((green < NIR_OF_SNOW) & (short < _SHADE))  # in deep shadow nobody can tell snow from rock
    if known.sum() < _FEWEST:
        return None
    index = normalised_difference(green, short)
    # Over snow the short-wave infrared is dark enough to come out negative: the index then is 1, not unknown.
    return (index > NDSI_OF_SNOW) & (bright > NIR_OF_SNOW) & known, known


def _lowest(sample: Sample, known: np.ndarray) -> np.ndarray | None:
    if sample.heights is None:
        return None
    heights = sample.heights[known & np.isfinite(sample.heights)]
    return None if heights.size < _FEWEST else sample.heights < np.quantile(heights, 0.25)


def _share_where(is_snow: np.ndarray, known: np.ndarray, where: np.ndarray | None) -> float | None:
    if where is None:
        return None
    chosen = known & where
    return round(float(is_snow[chosen].mean()), 3) if chosen.sum() >= _FEWEST / 5 else None
