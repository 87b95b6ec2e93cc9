"""An inventory: glaciers with their attributes, the parts they are made of, holes, lakes and heights, in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from firnline.errors import LabelError
from firnline.files import replaced
from firnline.inventory.columns import HOLES, HYPSOMETRY, LAKES, OWN, PARTS, RGI7, empty
from firnline.inventory.delivery.writers import require_whole

PROVENANCE_KEY: Final = "FIRNLINE_PROVENANCE"
"""The metadata item of a layer that holds where it came from, as JSON (of an inventory: of `glaciers`)."""

LAYERS: Final[Mapping[str, Mapping[str, str]]] = {
    "glaciers": {**OWN, **RGI7},
    "parts": PARTS,
    "holes": HOLES,
    "lakes": LAKES,
}


@dataclass(frozen=True)
class Inventory:
    """Glaciers and what belongs to them; all layers share one projected CRS.

    Parameters
    ----------
    glaciers
        One polygon a glacier, columns `columns.OWN` and `columns.RGI7`.
    parts
        Its clean and debris-covered parts (a valid coverage), columns `columns.PARTS`.
    holes
        What is enclosed by a glacier and is no ice: rock apart from unknown; columns `columns.HOLES`.
    lakes
        Water on the ice or touching it; columns `columns.LAKES`.
    hypsometry
        Area by height; columns `columns.HYPSOMETRY`, no geometry.
    provenance
        Where it comes from.

    Examples
    --------
    >>> import tempfile
    >>> inventory = Inventory(empty({**OWN, **RGI7}, "EPSG:32645"), provenance={"scene": "made up"})
    >>> path = write_inventory(inventory, Path(tempfile.mkdtemp()) / "inventory.gpkg")
    >>> read_inventory(path).provenance
    {'scene': 'made up'}
    """

    glaciers: gpd.GeoDataFrame
    parts: gpd.GeoDataFrame = None  # type: ignore[assignment] # an empty one, in the glaciers' CRS
    holes: gpd.GeoDataFrame = None  # type: ignore[assignment]
    lakes: gpd.GeoDataFrame = None  # type: ignore[assignment]
    hypsometry: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({n: [] for n in HYPSOMETRY}).astype(HYPSOMETRY)
    )
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, columns in (("parts", PARTS), ("holes", HOLES), ("lakes", LAKES)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, empty(columns, self.glaciers.crs))


def write_inventory(inventory: Inventory, path: str | Path) -> Path:
    """Write an inventory as a GeoPackage of the layers glaciers, parts, holes, lakes and the table hypsometry.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    path = Path(path)
    described = json.dumps(dict(inventory.provenance), default=str, ensure_ascii=False)
    with replaced(path) as temporary:
        for name in LAYERS:
            layer = getattr(inventory, name)
            metadata = {PROVENANCE_KEY: described} if name == "glaciers" else None
            pyogrio.write_dataframe(
                layer, temporary, layer=name, driver="GPKG", geometry_type="Polygon", promote_to_multi=False,
                append=name != "glaciers", layer_metadata=metadata, layer_options={"GEOMETRY_NAME": "geom"},
                dataset_options={"VERSION": "1.3"} if name == "glaciers" else None,
            )  # fmt: skip
        pyogrio.write_dataframe(inventory.hypsometry, temporary, layer="hypsometry", driver="GPKG", append=True)
        for name in LAYERS:
            require_whole(temporary, getattr(inventory, name), name)
    return path


def read_inventory(path: str | Path) -> Inventory:
    """Read an inventory that `write_inventory` wrote.

    Raises
    ------
    LabelError
        When the file cannot be read, or is none: `firnline inventory make` writes one.
    """
    path = Path(path)
    do = "give a GeoPackage written by `firnline inventory make`"
    try:
        found = {str(name) for name, _ in pyogrio.list_layers(path)}
        if "glaciers" not in found:
            raise LabelError("holds no layer 'glaciers'", where=path, do=do)
        layers = {name: pyogrio.read_dataframe(path, layer=name) for name in LAYERS if name in found}
        table = pyogrio.read_dataframe(path, layer="hypsometry") if "hypsometry" in found else None
        said = pyogrio.read_info(path, layer="glaciers")["layer_metadata"] or {}
    except (DataSourceError, DataLayerError) as error:
        what = f"cannot be read as an inventory ({error})" if path.exists() else "does not exist"
        raise LabelError(what, where=path, do=do) from None
    for name, layer in layers.items():
        missing = sorted(set(LAYERS[name]) - set(layer.columns))
        if missing:
            raise LabelError(f"its layer '{name}' lacks the columns {' '.join(missing)}", where=path, do=do)
        layers[name] = layer.astype(LAYERS[name])
    rest: dict[str, Any] = {} if table is None else {"hypsometry": table[list(HYPSOMETRY)].astype(HYPSOMETRY)}
    return Inventory(**layers, **rest, provenance=json.loads(said.get(PROVENANCE_KEY, "{}")))
