"""From where on something is told: every threshold of the check, with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, fields

from firnline.errors import ConfigError


@dataclass(frozen=True)
class Thresholds:
    """Settings of the check; docs/inventory-check.md gives the source of each.

    Raises
    ------
    ConfigError
        When one is negative or no number.

    Examples
    --------
    >>> Thresholds(area_share=0.02).area_share
    0.02
    """

    sliver_m: float = 15.0
    """A polygon whose mean width (2 area / perimeter) is less is a sliver: half a Landsat pixel."""
    spike_degrees: float = 4.0
    """A vertex with a sharper angle is the tip of a spike ..."""
    spike_m: float = 90.0
    """... when both sides are longer than this: three Landsat pixels."""
    gap_m: float = 10.0
    """Gaps between neighbours that are narrower on average are slivers ..."""
    gap_length_m: float = 150.0
    """... when they are longer than this, and twenty times as long as wide."""
    overlap_m2: float = 100.0
    """Overlaps below are float noise: one Sentinel-2 pixel ..."""
    overlap_width_m: float = 0.5
    """... and so are those that are narrower than this on average."""
    overlap_share: float = 0.005
    """An overlap of more than this share of the smaller glacier is an error, a smaller one a warning."""
    duplicate_iou: float = 0.9
    """Two glaciers with more intersection over union are one, drawn twice."""
    aspect_ratio: float = 30.0
    """Length over width of the smallest rectangle around a glacier."""
    steep_degrees: float = 60.0
    """Mean slope above which ice does not stay: the steepest of 166 real glaciers of our samples has 59.6."""
    flat_degrees: float = 3.0
    """Mean slope below which a low, large surface is no glacier."""
    flat_km2: float = 0.5
    level_m: float = 5.0
    """Heights that differ by less over `flat_km2` are those of a lake."""
    height_deviations: float = 5.0
    """Robust deviations (1.4826 median absolute deviations) from the median height of the glaciers around ..."""
    height_m: float = 500.0
    """... and at least this many metres."""
    ndvi: float = 0.35
    """Median NDVI of vegetation."""
    ndwi: float = 0.45
    """Median NDWI of water; snow and ice reach 0.3."""
    water_slope_degrees: float = 5.0
    area_share: float = 0.01
    """area_km2 may differ from the geometry by this share, and by half of the last digit that is written."""
    hole_km2: float = 0.01
    """Smaller holes of a reference inventory are not asked for."""
    missing_km2: float = 0.02
    """Smaller glaciers of a reference inventory are not asked for."""
    larger: float = 1.5
    """Ratio of areas from which a glacier is much larger or smaller than in the reference."""
    shift_m: float = 30.0
    """A shift of the whole inventory is told from here: one Landsat pixel."""
    footprint_margin_m: float = 2000.0
    """Beyond the hull of the inventory by up to this, a glacier of the reference that is missing is a note."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not value >= 0:
                raise ConfigError(f"{value} makes no sense", where=each.name, do="give a number of 0 or more")
