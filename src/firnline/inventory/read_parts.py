"""Any file of outlines as a layer to be corrected: parts of one class that meet along shared edges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from firnline.classes import CLEAN_ICE, DEBRIS, LabelScheme
from firnline.errors import LabelError
from firnline.inventory.faces import Shapes
from firnline.inventory.resolve import CRUMB_M2, NONE, Resolved, resolve
from firnline.labels.outlines import Outlines, Role, read_outlines
from firnline.labels.vectors import is_parquet, mended, reading, split_layer

_NAMED: Final = 3
_PARTS: Final = "parts"


def read_parts(
    path: str | Path,
    crs: Any,
    *,
    debris: str | Path | None = None,
    layer: str | None = None,
    class_column: str | None = None,
) -> gpd.GeoDataFrame:
    """Read a vector file as a layer of parts.

    - An inventory of firnline: its layer parts, with their ids.
    - A map of firnline (glaciers.gpkg): its outlines by class.
    - Outlines of whole glaciers (RGI, GLIMS): class 1, as nobody told debris apart; ``glacier_id`` is their own id.
    - Debris in the same file (GLIMS debris_cov) lies on the glaciers: it takes their ground and, where it has no id,
      their ids.
    - Debris in another file (Scherler et al. 2018, Herreid and Pellicciotti 2020) is cut on the outlines that it lies
      on: that ground is class 2, of the glacier that it was of. What lies on no outline is left out.

    Invalid polygons are mended. Where polygons overlap, the one that comes first in the file keeps the ground. Gaps
    below 5 cm that outlines enclose, which rounding leaves, are closed; others are the user's.

    Parameters
    ----------
    path
        Any file that GDAL reads, or GeoParquet; ``FILE:LAYER`` names a layer, as `layer` does.
    crs
        The projected CRS of the layer, in metres.
    debris
        A file of debris polygons.
    class_column
        The column that tells the class, where it is none of `firnline.labels.outlines.CLASS_COLUMNS`.

    Returns
    -------
    Columns class (1 clean ice, 2 debris-covered), glacier_id (text or null), geometry: polygons on a grid of
    millimetres of which `shapely.coverage_is_valid` holds, in the file's order. ``attrs["findings"]``: what a user
    should know, a sentence each; ``attrs["scheme"]``: ``glacier`` where class 1 stands for whole glaciers, else
    ``class``.

    Raises
    ------
    LabelError
        When a file cannot be read, has no polygons or no CRS, or none of it lies in the CRS's world.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rgi.gpkg"
    >>> boxes = [shapely.box(500000, 0, 500600, 600), shapely.box(500500, 0, 501000, 600)]
    >>> gpd.GeoDataFrame({"RGIId": ["a", "b"]}, geometry=boxes, crs=32645).to_file(path)
    >>> parts = read_parts(path, "EPSG:32645")
    >>> parts["glacier_id"].tolist(), parts.area.tolist()
    (['a', 'b'], [360000.0, 240000.0])
    >>> parts.attrs["findings"][1]
    '1 overlap of 0.06 km2 in all: the outline that comes first keeps the ground (a over b)'
    """
    target = pyproj.CRS.from_user_input(crs)
    if not target.is_projected:
        raise LabelError(f"parts cannot be measured in {target.name}", do="give a CRS projected in metres")
    path, layer = split_layer(Path(path), layer)
    read = read_outlines(path, layer=layer or _own_layer(path), class_column=class_column, lenient=True)
    table = _resolved(read, target)
    if debris is not None:
        table = _with_debris(table, read_outlines(debris, role=Role.DEBRIS, lenient=True), target)
    return table


def _resolved(read: Outlines, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """The outlines of one file as a layer."""
    drawn = _drawn(read, crs)
    roles = drawn["role"].to_numpy(object)
    on_top = np.asarray((roles == Role.DEBRIS) & (roles == Role.GLACIER).any(), np.bool_)
    drawn = drawn.iloc[np.argsort(~on_top, kind="stable")].reset_index(drop=True)
    on_top = np.sort(on_top)[::-1]
    code, ids = pd.factorize(drawn["id"])
    unnamed = on_top & (code == NONE)
    found = resolve(np.asarray(drawn.geometry.array, object), on_top, np.where(code == NONE, len(ids), code))
    glacier = np.where(unnamed[found.owner] & (found.beneath != NONE), found.beneath, code[found.owner])
    classes = np.where(drawn["role"] == Role.DEBRIS, DEBRIS, CLEAN_ICE)[found.owner]
    table = _table(classes, np.array([*ids, None], object)[glacier], found.shapes, crs)
    whole = bool((drawn["role"] == Role.GLACIER).any()) and not (drawn["role"] == Role.DEBRIS).any()
    table.attrs["scheme"] = str(LabelScheme.GLACIER if whole else LabelScheme.CLASS)
    table.attrs["findings"] = (*_of_file(read, drawn), *_of_overlaps(found, drawn["name"].tolist()))
    return table


def _with_debris(parts: gpd.GeoDataFrame, read: Outlines, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """A layer on which the debris of another file lies."""
    drawn = _drawn(read, crs)
    stones, ground = (np.asarray(each.geometry.array, object) for each in (drawn, parts))
    meets = np.unique(shapely.STRtree(ground).query(stones, predicate="intersects")[0])
    count = len(meets)
    code, ids = pd.factorize(parts["glacier_id"])
    codes = np.concatenate([np.zeros(count, np.int64), np.where(code == NONE, len(ids), code)])
    found = resolve(np.concatenate([stones[meets], ground]), np.arange(len(codes)) < count, codes)
    is_debris = found.owner < count
    kept = ~is_debris | (found.beneath != NONE)
    classes = np.concatenate([np.full(count, DEBRIS), parts["class"].to_numpy(np.int64)])[found.owner]
    glacier = np.where(is_debris, found.beneath, codes[found.owner])
    names = np.array([*ids, None], object)
    table = _table(classes[kept], names[glacier[kept]], found.shapes[kept], crs)
    beside = shapely.area(stones)
    beside[meets] = np.bincount(found.owner[~kept], shapely.area(found.shapes[~kept]), count)
    lies = np.zeros(len(stones), np.bool_)
    lies[meets[found.owner[kept & is_debris]]] = True
    table.attrs["scheme"] = str(LabelScheme.CLASS) if (kept & is_debris).any() else parts.attrs["scheme"]
    said = (*_of_file(read, drawn), *_of_overlaps(found, drawn["name"].to_numpy(object)[meets].tolist()))
    table.attrs["findings"] = (*parts.attrs["findings"], *said, *_of_debris(_file(read), beside, lies))
    return table


def _table(classes: NDArray[np.integer], glaciers: NDArray[np.object_], shapes: Shapes, crs: Any) -> gpd.GeoDataFrame:
    columns = {"class": classes, "glacier_id": pd.Series(glaciers, dtype="string")}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def _own_layer(path: Path) -> str | None:
    """The layer parts where the file is an inventory of firnline."""
    if is_parquet(path):
        return None
    with reading(path, "give a vector file (GeoPackage, shapefile, GeoJSON, ...)"):
        names = {str(name) for name, _ in pyogrio.list_layers(path)}
    return _PARTS if {_PARTS, "glaciers"} <= names else None


def _drawn(outlines: Outlines, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """role, id, geometry and name (its id, or the number of the feature) of what lies in the world of a CRS."""
    frame = outlines.frame[["role", "id", "geometry"]].to_crs(crs)
    frame["name"] = [each or f"feature {index}" for index, each in zip(frame.index, frame["id"], strict=True)]
    shapes = np.asarray(frame.geometry.array, object)
    here = np.isfinite(shapely.bounds(shapes)).all(axis=1) & ~shapely.is_empty(shapes)
    if not here.any():
        do = "check that its coordinates are those of the CRS it says"
        raise LabelError(f"cannot be brought into {crs.name}", where=outlines.where, do=do)
    frame, shapes = frame[here], shapes[here]
    broken = ~shapely.is_valid(shapes)  # a reprojection may fold edges over
    shapes[broken] = mended(shapes[broken])
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=crs))


def _file(read: Outlines) -> str:
    """What findings call a file: where it lies is no business of whoever reads them in a browser."""
    return " and ".join(path.name for path in read.paths)


def _of_file(read: Outlines, drawn: gpd.GeoDataFrame) -> list[str]:
    said = []
    whole = int((drawn["role"] == Role.GLACIER).sum())
    if whole:
        said.append(
            f"{whole} outline{'s are' if whole > 1 else ' is'} of whole glaciers: class 1 stands for all of their "
            "ice that nobody told to be debris-covered"
        )
    if read.repaired:
        said.append(f"{_file(read)}: {len(read.repaired)} invalid outlines were mended ({_listed(read.repaired)})")
    if read.skipped:
        said.append(f"{_file(read)}: {read.skipped} features outline no ice and were left out")
    lost = len(read.frame) - len(drawn)
    if lost:
        said.append(f"{lost} outlines lie outside of the world of the layer's CRS and were left out")
    return said


def _of_debris(where: str, beside_m2: NDArray[np.float64], lies: NDArray[np.bool_]) -> list[str]:
    """What is said of debris on no outline: how much of each polygon that is, and whether some of it lies on one."""
    if not lies.any():
        return [f"{where}: none of its debris lies on an outline; all of it was left out"]
    whole = beside_m2.sum()
    if whole <= CRUMB_M2:
        return []
    wholly = int((~lies & (beside_m2 > CRUMB_M2)).sum())
    which = f" ({wholly} of its {len(lies)} outlines wholly)" if wholly else ""
    return [f"{where}: {whole / 1e6:.3g} km2 of its debris lie on no outline and were left out{which}"]


def _of_overlaps(found: Resolved, names: Sequence[str]) -> list[str]:
    said = []
    if found.overlaps:
        count = len(found.overlaps)
        area = sum(m2 for *_, m2 in found.overlaps) / 1e6
        pairs = _listed([f"{names[one]} over {names[two]}" for one, two, _ in found.overlaps])
        said.append(
            f"{count} overlap{'s' if count > 1 else ''} of {area:.3g} km2 in all: the outline that comes first keeps "
            f"the ground ({pairs})"
        )
    if found.crumbs:
        said.append(f"{found.crumbs} pieces smaller than {CRUMB_M2:g} m2 were left out")
    return said


def _listed(names: Any) -> str:
    texts = [str(name) for name in names]
    return ", ".join(texts[:_NAMED]) + (f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else "")
