"""A table of chips over scenes that exist, put together by plain counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_geom
from shapely.geometry import box, mapping, shape

from firnline.chips.table import About, ChipTable, read_table, write_table

TableOf = Callable[..., ChipTable]


@pytest.fixture
def table_of(tmp_path: Path) -> TableOf:
    """Writes ``chips.parquet`` with chips of `size` over pairs of a scene and its truth (nodata 255)."""

    def make(
        pairs: Sequence[tuple[Path, Path]],
        *,
        size: int,
        about: About | None = None,
        path: Path | None = None,
        scheme: str = "class",
        dem: Path | None = None,
        splits: Sequence[str | None] = ("train", "validation", "test"),
    ) -> ChipTable:
        path = path or tmp_path / "chips.parquet"
        table = ChipTable(path, gpd.GeoDataFrame(), about or About(made_by="a test", size=size, split="in turn"))
        rows: list[dict[str, Any]] = []
        for number, (scene, truth) in enumerate(pairs):
            with rasterio.open(truth) as file:
                classes, transform, crs = file.read(1), file.transform, file.crs
            for row in range(0, classes.shape[0], size):
                for column in range(0, classes.shape[1], size):
                    part = classes[row : row + size, column : column + size]
                    known = part[part != 255]
                    left, top = transform.c + column * transform.a, transform.f + row * transform.e
                    right, bottom = left + size * transform.a, top + size * transform.e
                    outline = transform_geom(crs, "EPSG:4326", mapping(box(left, bottom, right, top)))
                    is_class = scheme == "class"
                    rows.append(
                        {
                            "id": f"{scene.stem}_r{row}_c{column}",
                            "scene": table.relative(scene),
                            "truth": table.relative(truth),
                            "dem": None if dem is None else table.relative(dem),
                            "sidecar": None,
                            "sensor": "landsat8",
                            "date": None,
                            "source_id": f"PRODUCT_{scene.stem}",
                            **{"row": row, "column": column, "height": size, "width": size},
                            "scheme": scheme,
                            "valid": known.size / size**2,
                            "glacier": float(np.mean(known > 0)) if known.size else None,
                            "clean": float(np.mean(known == 1)) if known.size and is_class else None,
                            "debris": float(np.mean(known == 2)) if known.size and is_class else None,
                            "glaciers": [],
                            "split": splits[number % len(splits)],
                            "fold": None,
                            "crs": crs.to_string(),
                            "pixel": transform.a,
                            **{"left": left, "bottom": bottom, "right": right, "top": top},
                            "geometry": shape(outline),
                        }
                    )
        frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=4326)
        for name in ("glacier", "clean", "debris"):
            frame[name] = frame[name].astype("float64")
        for name in ("row", "column", "height", "width"):
            frame[name] = frame[name].astype("int32")
        write_table(table.with_frame(frame))
        return read_table(path)

    return make
