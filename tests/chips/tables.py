"""Made-up tables of chips, for tests: windows laid out by hand, with no scene behind them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import shapely
from pyproj import Transformer

from firnline.chips.table import COLUMNS, ChipTable

PIXEL = 30.0


def row(
    scene: str = "a.tif",
    at: tuple[int, int] = (0, 0),
    *,
    size: int = 512,
    corner: tuple[float, float] = (300_000.0, 3_300_000.0),
    crs: str = "EPSG:32645",
    pixel: float = PIXEL,
    **others: Any,
) -> dict[str, Any]:
    """One chip at (row, column) of a scene whose upper left corner is at `corner`."""
    left, top = corner[0] + at[1] * pixel, corner[1] - at[0] * pixel
    values: dict[str, Any] = {
        "id": f"{Path(scene).stem}_r{at[0]}_c{at[1]}",
        "scene": scene,
        "truth": scene.replace(".tif", "_class.tif"),
        "dem": None,
        "sidecar": None,
        "sensor": "landsat7",
        "date": dt.date(2005, 9, 1),
        "source_id": Path(scene).stem,
        "row": at[0],
        "column": at[1],
        "height": size,
        "width": size,
        "scheme": "class",
        "valid": 1.0,
        "glacier": 0.3,
        "clean": 0.2,
        "debris": 0.1,
        "glaciers": [],
        "split": None,
        "fold": None,
        "crs": crs,
        "pixel": pixel,
        "left": left,
        "bottom": top - size * pixel,
        "right": left + size * pixel,
        "top": top,
    }
    return {**values, **others}


def table(rows: Iterable[dict[str, Any]], path: Path = Path("chips.parquet")) -> ChipTable:
    """A table of such rows, with the outlines in degrees that the contract asks for."""
    frame = pandas.DataFrame(list(rows))
    boxes = shapely.box(*(frame[side].to_numpy(float) for side in ("left", "bottom", "right", "top")))
    outlines = np.empty(len(frame), dtype=object)
    for crs in frame["crs"].unique():
        here = (frame["crs"] == crs).to_numpy()
        to_degrees = Transformer.from_crs(crs, 4326, always_xy=True)
        outlines[here] = shapely.transform(boxes[here], to_degrees.transform, interleaved=False)
    for name, kind in {"split": "str", "fold": "Int32", "glacier": "float64", "clean": "float64"}.items():
        frame[name] = pandas.array(frame[name].to_numpy(dtype=object), dtype=kind)
    frame["debris"] = frame["debris"].astype("float64")
    assert set(frame.columns) | {"geometry"} >= set(COLUMNS)
    return ChipTable(path, geopandas.GeoDataFrame(frame, geometry=outlines, crs=4326))


def grid(
    rows: int,
    columns: int,
    *,
    stride: int = 512,
    scene: str = "a.tif",
    glaciers: Sequence[Sequence[str]] | None = None,
    **others: Any,
) -> list[dict[str, Any]]:
    """Chips in rows and columns, `stride` pixels apart."""
    places = [(r * stride, c * stride) for r in range(rows) for c in range(columns)]
    named = glaciers or [[] for _ in places]
    return [row(scene, at, glaciers=list(ids), **others) for at, ids in zip(places, named, strict=True)]
