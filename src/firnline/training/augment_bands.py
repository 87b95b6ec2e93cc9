"""What a change to a chip needs to know of its bands: what they measure, where in the spectrum, on which scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firnline.bands import BANDS, Kind, Level

_WAVELENGTHS: Final = {
    **{"coastal": 0.44, "blue": 0.48, "green": 0.56, "red": 0.66, "pan": 0.65},
    **{"rededge071": 0.705, "rededge075": 0.74, "rededge078": 0.783},
    **{"nir08": 0.83, "nir08_narrow": 0.865, "nir09": 0.945, "cirrus": 1.37, "swir16": 1.6, "swir22": 2.2},
}
_REFLECTANCE: Final = frozenset({Level.TOP_OF_ATMOSPHERE, Level.SURFACE_REFLECTANCE})
_TEMPERATURE: Final = frozenset({Level.BRIGHTNESS_TEMPERATURE, Level.SURFACE_TEMPERATURE})

_DEVIATIONS_IN_REFLECTANCE_ONE: Final = 5.0
_KELVIN_IN_DEVIATION: Final = 10.0
"""Where a band is not calibrated: over high mountains reflectance varies by about 0.2 (0.13 on Sentinel-2 with
little snow; snow-covered scenes vary more), temperature by about 10 K (8.2 K on Landsat 8 in winter)."""


@dataclass(frozen=True)
class ChipBand:
    """A band of a chip: its name, its radiometric level, and its deviation over the training pixels in its unit.

    Examples
    --------
    >>> blue = ChipBand("blue", Level.DIGITAL_NUMBER, 50.0)
    >>> blue.kind, blue.wavelength, blue.reflectance_one
    (<Kind.OPTICAL: 'optical'>, 0.48, 250.0)
    """

    name: str
    level: Level
    deviation: float

    @property
    def kind(self) -> Kind:
        """What it measures; `Kind.OTHER` for a name that firnline does not know."""
        return BANDS[self.name].kind if self.name in BANDS else Kind.OTHER

    @property
    def is_image(self) -> bool:
        """Whether the imager recorded it, or it was computed of what the imager recorded."""
        return self.kind in (Kind.OPTICAL, Kind.THERMAL, Kind.INDEX)

    @property
    def wavelength(self) -> float:
        """The middle of an optical band, micrometres."""
        return _WAVELENGTHS[self.name]

    @property
    def reflectance_one(self) -> float:
        """A reflectance of 1 in the unit of an optical band: 1, or an estimate where it holds digital numbers."""
        return 1.0 if self.level in _REFLECTANCE else _DEVIATIONS_IN_REFLECTANCE_ONE * self.deviation

    @property
    def kelvin(self) -> float:
        """One kelvin in the unit of a thermal band: 1, or an estimate where it holds digital numbers."""
        return 1.0 if self.level in _TEMPERATURE else self.deviation / _KELVIN_IN_DEVIATION
