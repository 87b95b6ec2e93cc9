"""The table: ids, attributes that are missing, and attributes that contradict the geometry or each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.subject import Subject
from firnline.inventory.check.thresholds import Thresholds
from firnline.inventory.columns import OWN, RGI7

_IS_RGI7: Final = 12
"""So many columns of RGI 7.0 make a file one of its convention, which shall then have all of them."""
_COMPUTED: Final = ("area_km2", "cenlon", "cenlat", "utm_zone")
_OF_RGI7: Final = ("rgi_id", "src_date", "zmin_m", "zmax_m", "zmed_m", "zmean_m", "slope_deg", "dem_source")
_NO_SECTOR: Final = 9


def check_table(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    """Ask for the CRS, ids, missing attributes, and attributes that cannot be.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from firnline.inventory.check.subject import subject_of
    >>> table = {"rgi_id": ["a", "a"], "area_km2": [0.25, 0.5]}
    >>> boxes = [shapely.box(500000, 0, 500500, 500), shapely.box(501000, 0, 501500, 500)]
    >>> subject = subject_of(gpd.GeoDataFrame(table, geometry=boxes, crs="EPSG:32645"))
    >>> for found in check_table(subject, Thresholds()):
    ...     print(found.kind, found.glaciers, found.what)
    id twice ('a', 'a') rgi_id 'a' is given to 2 glaciers
    area ('a',) area_km2 says 0.5 km2, the geometry has 0.2502 km2 (+99.8%)
    """
    yield from _crs(subject)
    yield from _ids(subject)
    yield from _missing(subject)
    yield from _area(subject, thresholds)
    yield from _centre(subject)
    yield from _heights(subject)
    yield from _angles(subject)
    yield from _shares(subject, thresholds)
    yield from _hypsometry(subject)


def about(
    subject: Subject,
    index: int | np.integer[Any],
    kind: str,
    severity: Severity,
    what: str,
    extent: float | None = None,
) -> Finding:
    """A finding about one glacier as a whole: its point is one inside of it, its area is at stake."""
    area = float(subject.areas_km2[index]) if extent is None else extent
    return Finding(kind, severity, (str(subject.ids[index]),), what, *subject.point(index), area)


def _crs(subject: Subject) -> Iterator[Finding]:
    if subject.frame.crs is None:
        taken = "metres of a plane" if subject.crs is None else "degrees (EPSG:4326)"
        what = f"the file tells no CRS; its coordinates were taken for {taken}"
        yield Finding("no CRS", Severity.ERROR, (), what, *subject.middle(), float(subject.areas_km2.sum()))
    elif subject.crs is not None and not (subject.crs.is_geographic or subject.crs.is_projected):
        what = f"the CRS {subject.crs.name} is neither geographic nor projected"
        yield Finding("no CRS", Severity.ERROR, (), what, *subject.middle(), float(subject.areas_km2.sum()))


def _ids(subject: Subject) -> Iterator[Finding]:
    column = subject.id_column
    if column is None:
        yield Finding("id missing", Severity.NOTE, (), "the file has no column with ids", *subject.middle())
        return
    ids = subject.frame[column]
    lost = ids.isna().to_numpy() | (ids.astype("str").str.strip() == "").to_numpy()
    for index in np.flatnonzero(lost):
        yield about(subject, index, "id missing", Severity.ERROR, f"{column} is empty")
    rows = pd.Series(np.arange(len(ids))[~lost]).groupby(subject.ids[~lost])
    for value, of in rows:
        if len(of) > 1:
            what = f"{column} '{value}' is given to {len(of)} glaciers"
            at, area = subject.point(int(of.iloc[1])), float(subject.areas_km2[of].sum())
            yield Finding("id twice", Severity.ERROR, (str(value),) * len(of), what, *at, area)


def _missing(subject: Subject) -> Iterator[Finding]:
    here = {str(column).lower() for column in subject.frame.columns}
    is_rgi7 = len(here & set(RGI7)) >= _IS_RGI7
    wanted = (*OWN, *RGI7) if subject.is_own else RGI7 if is_rgi7 else ()
    lacking = [name for name in wanted if name not in here]
    if lacking:
        what = f"the table lacks the column{'s' if len(lacking) > 1 else ''} {' '.join(lacking)}"
        yield Finding("attribute missing", Severity.ERROR, (), what, *subject.middle())
    wanted = (*_COMPUTED, "src_date") if subject.is_own else (*_COMPUTED, *_OF_RGI7) if is_rgi7 else ()
    for name in wanted:
        column = subject.column(name)
        if column is None:
            continue
        null = subject.frame[column].isna().to_numpy() | (subject.frame[column].astype("str") == "").to_numpy()
        severity = Severity.WARNING if name == "src_date" else Severity.ERROR
        if null.all() and len(null) > 1:  # the same line for each of 5,000 glaciers hides all others
            what = f"{name} is empty in all {len(null)} glaciers"
            yield Finding("attribute missing", severity, (), what, *subject.middle())
            continue
        for index in np.flatnonzero(null & (column != subject.id_column)):
            yield about(subject, index, "attribute missing", severity, f"{name} is empty")


def _area(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    # Of RGI 5 and 6 "Area" is in km2; of anybody else it may be in any unit.
    names = ("area_km2", "db_area") if subject.column("RGIId") is None else ("area_km2", "Area")
    column, said = subject.column(*names), subject.numbers(*names)
    if column is None or said is None:
        return
    found = subject.areas_km2
    rounding = 0.5 * 10.0 ** -_decimals(said)
    wrong = ~(np.abs(said - found) <= np.maximum(thresholds.area_share * found, 1.0001 * rounding))
    for index in np.flatnonzero(wrong & ~np.isnan(said) & subject.usable):
        off = said[index] / found[index] - 1.0 if found[index] else np.inf
        what = f"{column} says {said[index]:.6g} km2, the geometry has {found[index]:.4g} km2 ({off:+.1%})"
        severity = Severity.ERROR if column == "area_km2" else Severity.WARNING
        yield about(subject, index, "area", severity, what, abs(float(said[index] - found[index])))
    for index in np.flatnonzero(subject.usable & (found <= 0)):
        yield about(subject, index, "area", Severity.ERROR, "its geometry has no area")


def _decimals(values: NDArray[np.float64]) -> int:
    """How many decimals a column is written with: the most of any value, 9 at most."""
    known = values[np.isfinite(values)]
    for decimals in range(9):
        if np.allclose(known, np.round(known, decimals), rtol=0, atol=1e-9):
            return decimals
    return 9


def _centre(subject: Subject) -> Iterator[Finding]:
    lon, lat = subject.numbers("cenlon"), subject.numbers("cenlat")
    if lon is None or lat is None or subject.crs is None:
        return
    x, y = pyproj.Transformer.from_crs(4326, subject.crs, always_xy=True).transform(lon, lat)
    known = np.isfinite(lon) & np.isfinite(lat) & subject.usable & np.isfinite(x) & np.isfinite(y)
    points = np.full(len(lon), None, object)
    points[known] = shapely.points(x[known], y[known])
    outside = known & ~shapely.intersects(subject.shapes, points)
    # RGI 5 and 6 give the centroid, which may lie outside of a bent glacier; and thousandths of a degree.
    is_centroid = subject.column("RGIId") is not None and subject.column("rgi_id") is None
    places = max(_decimals(lon[known]), _decimals(lat[known])) if known.any() else 0
    for index in np.flatnonzero(outside):
        apart = shapely.distance(*_in_metres(subject, index, points[index]))
        near = apart < 150_000.0 * 10.0**-places  # what rounding to so many decimals of a degree moves a point
        inside_hull = is_centroid and shapely.intersects(subject.shapes[index].envelope, points[index])
        if near or inside_hull:
            continue
        what = f"cenlon, cenlat ({lon[index]:.5f}, {lat[index]:.5f}) lie {apart:.0f} m outside of the glacier"
        yield about(subject, index, "centre outside", Severity.ERROR, what)
    for index in np.flatnonzero(np.isfinite(lon) & np.isfinite(lat) & ~known & subject.usable):
        yield about(subject, index, "centre outside", Severity.ERROR, "cenlon, cenlat are no place of its CRS")
    zones = subject.numbers("utm_zone")
    if zones is not None:
        expected = np.floor((lon + 180.0) / 6.0) % 60 + 1
        off = np.abs(zones - expected)
        for index in np.flatnonzero(np.minimum(off, 60 - off) > 1):  # one next to it: polar zones, a scene's zone
            what = f"utm_zone is {zones[index]:.0f}, but {lon[index]:.3f} east lies in zone {expected[index]:.0f}"
            yield about(subject, index, "UTM zone", Severity.WARNING, what)


def _in_metres(subject: Subject, index: int | np.integer[Any], point: shapely.Point) -> tuple[Any, Any]:
    return subject.metric[index], subject.to_metres(gpd.GeoSeries([point], crs=subject.crs))[0]


def _heights(subject: Subject) -> Iterator[Finding]:
    nan = np.full(len(subject.frame), np.nan)
    said = {name: subject.numbers(f"{name}_m", name) for name in ("zmin", "zmed", "zmean", "zmax")}
    z = {
        name: nan if values is None else np.where(values < -900, np.nan, values)  # RGI 5 and 6: -999 is not known
        for name, values in said.items()
    }
    known = [(low, high) for low in z for high in z if (low, high) in _ORDERED]
    for low, high in known:
        for index in np.flatnonzero(z[low] > z[high] + 0.5):  # whole metres in RGI 6
            what = f"{low} {z[low][index]:.0f} m is above {high} {z[high][index]:.0f} m"
            yield about(subject, index, "heights", Severity.ERROR, what)
    for name, values in z.items():
        for index in np.flatnonzero((values > 8900) | (values < -450)):
            what = f"{name} {values[index]:.0f} m is no height on land"
            yield about(subject, index, "heights", Severity.ERROR, what)


_ORDERED: Final = {("zmin", "zmed"), ("zmin", "zmean"), ("zmed", "zmax"), ("zmean", "zmax"), ("zmin", "zmax")}


def _angles(subject: Subject) -> Iterator[Finding]:
    slope, aspect = subject.numbers("slope_deg", "slope"), subject.numbers("aspect_deg", "aspect")
    for name, values, top in (("slope", slope, 90.0), ("aspect", aspect, 360.0)):
        if values is None:
            continue
        none = values <= -9  # RGI 5 and 6: -9 is not known
        for index in np.flatnonzero(~none & ((values < 0) | (values > top))):
            what = f"a mean {name} of {values[index]:.1f} degrees cannot be"
            yield about(subject, index, name, Severity.ERROR, what)
    sector = subject.numbers("aspect_sec")
    if aspect is None or sector is None:
        return
    expected = np.where(np.isfinite(aspect), np.floor((np.nan_to_num(aspect) + 22.5) / 45.0) % 8 + 1, _NO_SECTOR)
    # On the line between two sectors either is right: aspects are written rounded.
    on_line = np.abs((np.nan_to_num(aspect) + 22.5) % 45.0) < 0.01
    for index in np.flatnonzero((sector != expected) & np.isfinite(sector) & ~on_line):
        said = "none" if not np.isfinite(aspect[index]) else f"{aspect[index]:.1f}"
        what = f"aspect_sec is {sector[index]:.0f}, but aspect_deg is {said}, which is {expected[index]:.0f}"
        yield about(subject, index, "aspect", Severity.ERROR, what)


def _shares(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    for name in ("debris_frac", "unknown_frac", "dem_frac", "mean_probability"):
        values = subject.numbers(name)
        for index in [] if values is None else np.flatnonzero((values < 0) | (values > 1)):
            assert values is not None
            what = f"{name} is {values[index]:.4g}, a share lies between 0 and 1"
            yield about(subject, index, "share", Severity.ERROR, what)
    area, debris = subject.numbers("area_km2"), subject.numbers("debris_km2")
    clean, share = subject.numbers("clean_km2"), subject.numbers("debris_frac")
    if area is None or debris is None or clean is None or share is None:
        return
    for index in np.flatnonzero(np.abs(clean + debris - area) > thresholds.area_share * area + 1e-6):
        what = f"clean_km2 and debris_km2 sum to {clean[index] + debris[index]:.4g}, area_km2 is {area[index]:.4g}"
        yield about(subject, index, "debris", Severity.ERROR, what, abs(clean[index] + debris[index] - area[index]))
    for index in np.flatnonzero(np.abs(share - debris / np.where(area > 0, area, np.nan)) > thresholds.area_share):
        what = f"debris_frac is {share[index]:.3f}, debris_km2 over area_km2 is {debris[index] / area[index]:.3f}"
        yield about(subject, index, "debris", Severity.ERROR, what)


def _hypsometry(subject: Subject) -> Iterator[Finding]:
    table = subject.layers.get("hypsometry")
    if table is None or not {"glacier_id", "per_mille"} <= set(table.columns):
        return
    places = {value: n for n, value in enumerate(subject.ids)}
    for value, total in table.groupby("glacier_id")["per_mille"].sum().items():
        if value not in places:
            what = f"the hypsometry tells of glacier '{value}', which is not in the file"
            yield Finding("hypsometry", Severity.ERROR, (str(value),), what, *subject.middle())
        elif total != 1000:
            what = f"its hypsometry sums to {total} per mille, not 1000"
            yield about(subject, places[value], "hypsometry", Severity.ERROR, what)
