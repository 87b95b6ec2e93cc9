"""Recipes: pictures that the bands of a scene allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from firnline.features import INDICES, FeatureSource

TERRAIN_BANDS: Final = ("hillshade", "slope")
"""Bands of the file of terrain that is made of a scene's heights."""


@dataclass(frozen=True)
class Recipe:
    """How to make a picture.

    Parameters
    ----------
    id, title
        What clients and people call it.
    kind
        ``rgb``: three bands; ``ramp``: one number on a ramp of colours; ``shade``: a band of the terrain file.
    bands
        What it is made of, red, green and blue in this order.
    expression
        The number on the ramp where it is no band itself, of the bands' values (scale and offset applied).
    low, high
        Ends of the ramp, in the number's unit; None where they follow from the band's percentiles.
    """

    id: str
    title: str
    kind: Literal["rgb", "ramp", "shade"]
    bands: tuple[str, ...]
    expression: str | None = None
    low: float | None = None
    high: float | None = None


_COLOURS: Final = (
    Recipe("natural", "Natural colour", "rgb", ("red", "green", "blue")),
    Recipe(
        "false-colour", "False colour 5-4-2 (short-wave, near infrared, green)", "rgb", ("swir16", "nir08", "green")
    ),
    Recipe("infrared", "Colour infrared", "rgb", ("nir08", "red", "green")),
)
_SNOW: Final = Recipe(
    "snow-ice", "Snow and ice (short-wave infrared, green, blue)", "rgb", ("swir16", "green", "blue")
)
"""Stands in for 5-4-2 where there is no near infrared: snow and ice are cyan in both."""
_INDICES: Final = {"ndsi": "Snow index (NDSI)", "ndvi": "Vegetation index (NDVI)", "ndwi": "Water index (NDWI)"}
_THERMAL: Final = ("lwir11", "lwir_high_gain", "lwir_low_gain")
_RELIEF: Final = (
    Recipe("hillshade", "Hillshade", "shade", ("hillshade",), low=0.0, high=1.0),
    Recipe("slope", "Slope", "shade", ("slope",), low=0.0, high=60.0),
)


def recipes_of(source: FeatureSource) -> tuple[Recipe, ...]:
    """The recipes that a scene allows, the one to begin with first.

    An index is taken as stored where the scene stores it, else it is an expression of bands.

    Examples
    --------
    >>> import tempfile, rasterio
    >>> from pathlib import Path
    >>> from firnline.scene import open_scene
    >>> path = Path(tempfile.mkdtemp()) / "scene.tif"
    >>> profile = dict(driver="GTiff", count=3, dtype="uint8", width=4, height=3, crs="EPSG:32645",
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(path, "w", **profile) as file:
    ...     file.descriptions = ["blue", "green", "swir16"]
    >>> [(recipe.id, recipe.expression) for recipe in recipes_of(FeatureSource(open_scene(path)))]
    [('snow-ice', None), ('ndsi', '(green - swir16) / (green + swir16)')]
    """
    return tuple(_allowed(source))


def _allowed(source: FeatureSource) -> Iterator[Recipe]:
    stored = set(source.scene.band_names)
    yield from (recipe for recipe in _COLOURS if stored.issuperset(recipe.bands))
    if stored.issuperset(_SNOW.bands) and "nir08" not in stored:
        yield _SNOW
    for name, title in _INDICES.items():
        a, b = INDICES[name]
        if name in stored:
            yield Recipe(name, title, "ramp", (name,), low=-1.0, high=1.0)
        elif {a, b} <= stored:
            yield Recipe(name, title, "ramp", (a, b), f"({a} - {b}) / ({a} + {b})", -1.0, 1.0)
    for name in _THERMAL:
        if name in stored:
            yield Recipe("thermal", "Thermal infrared", "ramp", (name,))
            break
    if "elevation" in source.available:
        yield from _RELIEF
