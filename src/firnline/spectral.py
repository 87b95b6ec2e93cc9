"""Spectral rules that several rooms share: thresholds by radiometric level, and the level that they hold for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.bands import Level, Sensor
from firnline.features import INDICES, FeatureSource

Feature = NDArray[np.float32]
Mask = NDArray[np.bool_]

NDSI_OF_SNOW: Final = 0.4
"""Above it a pixel is taken for snow or ice (Dozier 1989; Hall, Riggs and Salomonson 1995)."""
NIR_OF_SNOW: Final = 0.11
"""Reflectance in the near infrared above which snow is told from water, whose index is high too (Hall et al. 1995).
What is darker than this in every optical band is no lit snow: it lies in shadow, or is water."""
NIR_OF_WATER: Final = 0.15
"""Reflectance in the near infrared below which water lies, the milky water in front of glaciers included. The rules
for ice leave out darker water alone (`Thresholds.water_nir`), as ice in shadow comes near to this. With NDWI > 0.3 it
finds 98 % of the water among labelled Sentinel-2 pixels of the surface (R. Aberle, glacier-snow-cover-mapping), and
0.2 % of the ice and 11 % of the snow in shadow with it. The milky lakes of a tile in Sikkim have 0.05 to 0.15."""
_EIGHT_BIT: Final = (Sensor.LANDSAT5, Sensor.LANDSAT7)


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of the spectral rules at one radiometric level; None where none can be stated."""

    ratio: float | None
    """Ice: red (or near infrared) over short-wave infrared 1.6 um, above."""
    ndsi: float | None
    """Ice: snow index, above."""
    blue: float | None
    """Ice: blue, above; what is darker in spite of a high ratio is rock in shadow, lit by the sky."""
    ndvi: float | None
    """Vegetation: vegetation index, above."""
    ndwi: float | None
    """Water: water index above this, and near infrared below `water_nir`."""
    water_nir: float | None


DEFAULTS: Final[dict[Level, Thresholds]] = {
    Level.SURFACE_REFLECTANCE: Thresholds(
        ratio=2.0, ndsi=NDSI_OF_SNOW, blue=0.05, ndvi=0.2, ndwi=0.3, water_nir=0.06
    ),
    Level.TOP_OF_ATMOSPHERE: Thresholds(ratio=2.0, ndsi=NDSI_OF_SNOW, blue=0.10, ndvi=0.15, ndwi=0.3, water_nir=0.07),
    Level.DIGITAL_NUMBER: Thresholds(ratio=2.0, ndsi=NDSI_OF_SNOW, blue=60.0, ndvi=0.0, ndwi=None, water_nir=None),
    Level.UNKNOWN: Thresholds(ratio=2.0, ndsi=NDSI_OF_SNOW, blue=None, ndvi=0.2, ndwi=None, water_nir=None),
}
"""Thresholds by the level of the optical bands.

- ``ratio`` 2.0: the middle of what is used on TM and ETM+ (Paul et al. 2002 with TM4/TM5; Paul and Kääb 2005 and
  Racoviteanu et al. 2009 with TM3/TM5; 1.8 to 2.5, adjusted by eye). Over snow and ice the ratio of reflectances
  is 3 to 50 and over rock below 1.5, so the value matters at dirty ice alone.
- ``ndsi`` 0.4: Hall, Riggs and Salomonson (1995), for reflectance.
- ``blue`` 60 DN: of the order that Paul and Kääb (2005) and Paul et al. (2013) adjust by eye on TM and ETM+. As
  reflectance (ETM+ high gain, sun 50 degrees high): 0.08 to 0.1 at the top of the atmosphere; less the air's own
  0.03 to 0.05 at these heights, 0.05 at the surface.
- ``ndvi``: 0.2 parts sparse vegetation from rock at the surface; air adds more red than near infrared (0.15). ETM+
  numbers have half the gain in the near infrared, which lowers the index: 0.
- ``ndwi`` 0.3: McFeeters (2013). Ice has a high index as well, so the near infrared must be that of water: below
  0.06 at the surface, and the air's 0.01 more above it (clear water has 0.05 and less, snow in shadow mostly
  0.07 and more). On digital numbers both hang on gains: none stated.

**digital number** is that of Landsat 5 and 7 in 8 bits. **unknown** takes the values of scale-free rules, which
hold when all bands share one scale without offset.
"""


def difference_above(features: Sequence[Feature], threshold: float) -> Mask:
    """Whether (a - b) / (a + b) > threshold, or a stored index is, without dividing.

    Negative reflectance (noise in deep shadow) so needs no clipping: `a` must be positive, and `b` may be 0 or
    less.

    Examples
    --------
    >>> a, b = np.array([0.5, 0.5, -0.1], np.float32), np.array([0.1, 0.4, -0.3], np.float32)
    >>> difference_above((a, b), 0.4).tolist()
    [True, False, False]
    """
    if len(features) == 1:
        return np.asarray(features[0] > np.float32(threshold))
    a, b = features
    return np.asarray((a > 0) & (a * np.float32(1 - threshold) > b * np.float32(1 + threshold)))


def common_level(source: FeatureSource) -> tuple[Level, str]:
    """The level of the optical bands that rules look at, and a word where its thresholds are not those of it."""
    names = [name for name in ("blue", "green", "red", "nir08", "swir16") if not source.missing([name])]
    levels = {source.level_of(name) for name in names}
    if len(levels) != 1:
        why = f"bands of several levels ({', '.join(sorted(levels))})" if levels else "no optical bands"
        return Level.UNKNOWN, f"{why}: only rules without a scale are used"
    level = levels.pop()
    if level == Level.DIGITAL_NUMBER and source.scene.sensor not in _EIGHT_BIT:
        return Level.UNKNOWN, (
            "thresholds for digital numbers are those of Landsat 5 and 7 in 8 bits, and the sensor is "
            f"{source.scene.sensor or 'not known'}: only rules without a scale are used, and an offset in the "
            "numbers would mislead these too"
        )
    if level == Level.UNKNOWN:
        return level, "the level is not known: only rules without a scale are used, and an offset would mislead them"
    return level, ""


def index_bands(source: FeatureSource, name: str) -> tuple[str, ...]:
    """The bands an index is made of; the stored index where they are not there."""
    return (name,) if source.missing(INDICES[name]) and not source.missing([name]) else INDICES[name]
