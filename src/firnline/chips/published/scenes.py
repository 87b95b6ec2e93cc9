"""The 35 scenes of the published data set: number, WRS-2 path and row, date, and where on Earth they lie."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from math import asin, atan, cos, degrees, radians, sin, tan
from typing import Final

_ORDER: Final = """
    149037_20041024 149034_20060726 146038_20060923 147038_20040908 143039_20081212 146037_20071231 149036_20071102
    150036_20050916 151035_20060708 148037_20071127 151034_20050822 139041_20051208 148035_20061108 137041_20060127
    148036_20050902 145039_20011020 149035_20070915 136041_20060731 136040_20060731 135040_20081102 146039_20051123
    146036_20090814 140041_20071221 150035_20050916 147037_20060930 150034_20050916 147036_20060930 152035_20060917
    152034_20060731 147035_20050826 134040_20070922 153036_20060924 144039_20011013 152033_20060731 138041_20071223
"""
"""Path, row and date by scene number, which the names of masks and patches carry."""

_INCLINATION: Final = radians(98.2)
_FIRST_NODE: Final = -64.6
"""Longitude at which path 1 crosses the equator southwards, row 60 (USGS, Worldwide Reference System)."""
_PATHS, _ROWS, _DAYS = 233, 248, 16
"""Orbits of a cycle, rows of an orbit, days of a cycle."""

_NAME: Final = re.compile(r"(?<!\d)(\d{6})_(\d{8})(?!\d)")


@dataclass(frozen=True)
class PublishedScene:
    """One of the scenes."""

    number: int
    path: int
    row: int
    date: dt.date

    @property
    def name(self) -> str:
        """The name that the authors gave its file, without ``.tif``."""
        return f"LE07_{self.path:03}{self.row:03}_{self.date:%Y%m%d}"

    @property
    def centre(self) -> tuple[float, float]:
        """Nominal centre of the WRS-2 path and row, (longitude, latitude) in degrees.

        The orbit's plane crosses the equator at the node of its path; from there it runs `row - 60` steps along
        the orbit while the Earth turns below. Scenes are centred within about 20 km of it.

        Examples
        --------
        >>> [round(value, 1) for value in SCENES[14].centre]  # USGS: 76.4, 34.6
        [76.3, 34.4]
        """
        along = radians((self.row - 60) * 360 / _ROWS)
        latitude = -degrees(asin(sin(along) * sin(_INCLINATION)))
        node = _FIRST_NODE - (self.path - 1) * 360 / _PATHS
        turned = degrees(along) * _DAYS / _PATHS
        longitude = node + degrees(atan(tan(along) * cos(_INCLINATION))) - turned
        return (longitude + 180) % 360 - 180, latitude


def _scene(number: int, text: str) -> PublishedScene:
    day = dt.datetime.strptime(text[7:], "%Y%m%d").date()
    return PublishedScene(number, int(text[:3]), int(text[3:6]), day)


SCENES: Final = tuple(_scene(number, text) for number, text in enumerate(_ORDER.split()))
"""All of them; the index is the number."""

_BY_NAME: Final = {scene.name.removeprefix("LE07_"): scene for scene in SCENES}


def scene_named(text: str) -> PublishedScene | None:
    """The scene whose path, row and date stand in a file's name, or None.

    Examples
    --------
    >>> scene_named("LE07_134040_20070922_clip.tif").number
    30
    >>> scene_named("LE07_134040_20070923.tif") is None
    True
    """
    match = _NAME.search(text)
    return None if match is None else _BY_NAME.get(match[0])
