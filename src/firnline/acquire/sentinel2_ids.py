"""Sentinel-2 ids of ESA and of catalogues, read as the tile and day that they mean."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

_TILE = r"T?(?P<tile>\d{2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])"
_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_STAMP = r"(?P<date>\d{8})(?:T\d{6})?"
_PATTERNS = tuple(
    re.compile(_START + pattern + _END, re.IGNORECASE)
    for pattern in (
        # ESA's product; some catalogues leave the baseline out.
        rf"(?P<platform>S2[A-D])_MSI(?P<level>L1C|L2A)_{_STAMP}(?:_N(?P<baseline>\d{{4}}))?_R(?P<orbit>\d{{3}})_{_TILE}"
        r"(?:_\d{8}T\d{6})?",
        # Earth Search, first and second form.
        rf"(?P<platform>S2[A-D])_{_TILE}_{_STAMP}(?:_\d+)?_(?P<level>L1C|L2A)",
        # Earth Engine: start of the datatake, time of the granule, tile.
        rf"{_STAMP}_\d{{8}}T\d{{6}}_{_TILE}",
        # ESA's granule folder.
        rf"(?P<level>L1C|L2A)_{_TILE}_A\d{{6}}_{_STAMP}",
    )
)


@dataclass(frozen=True)
class Sentinel2Id:
    """What a Sentinel-2 id says; what its form does not say is None.

    `tile` has no leading T, `baseline` is ``"04.00"``, `platform` is ``S2A`` to ``S2D``, `orbit` the relative orbit.
    """

    text: str
    tile: str
    date: dt.date
    platform: str | None = None
    level: str | None = None
    baseline: str | None = None
    orbit: int | None = None

    def matches(self, other: Sentinel2Id) -> bool:
        """Whether both mean the same acquisition of a tile, whatever level and baseline it was processed to.

        Examples
        --------
        >>> product = parse_sentinel2_id("S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE")
        >>> product.matches(parse_sentinel2_id("S2A_29UNU_20221005_0_L2A"))
        True
        """
        same_platform = self.platform is None or other.platform is None or self.platform == other.platform
        return (self.tile, self.date) == (other.tile, other.date) and same_platform


def parse_sentinel2_id(text: str) -> Sentinel2Id | None:
    """Find a Sentinel-2 id in a text: ESA's product or granule, an item of Earth Search, an Earth Engine asset.

    None where there is none, or its date does not exist.

    Examples
    --------
    >>> found = parse_sentinel2_id("S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454")
    >>> found.tile, str(found.date), found.baseline, found.platform, found.level, found.orbit
    ('29UNU', '2022-10-05', '04.00', 'S2A', 'L2A', 23)
    >>> parse_sentinel2_id("COPERNICUS/S2_SR/20221005T115411_20221005T115407_T29UNU").matches(found)
    True
    """
    for pattern in _PATTERNS:
        match = pattern.search(text)
        if match is None:
            continue
        parts = match.groupdict()
        try:
            day = dt.datetime.strptime(parts["date"], "%Y%m%d").date()
        except ValueError:
            return None
        baseline = parts.get("baseline")
        return Sentinel2Id(
            text=match[0],
            tile=parts["tile"].upper(),
            date=day,
            platform=parts["platform"].upper() if parts.get("platform") else None,
            level=parts["level"].upper() if parts.get("level") else None,
            baseline=f"{baseline[:2]}.{baseline[2:]}" if baseline else None,
            orbit=int(parts["orbit"]) if parts.get("orbit") else None,
        )
    return None
