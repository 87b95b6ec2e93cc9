"""Vector files of the project: what each holds; opened only where they are what their names say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyogrio
import pyproj
from pyogrio.errors import DataLayerError, DataSourceError

from firnline.errors import LabelError

_BEGINS: Final = {
    ".gpkg": (b"SQLite format 3\x00",),
    ".shp": (b"\x00\x00\x27\x0a",),
    ".fgb": (b"fgb",),
    ".parquet": (b"PAR1",),
    ".geojson": (b"{",),
}
"""How a file of each kind begins. GDAL goes by the content: a text that names other files or addresses (OGR's VRT)
would be opened whatever its name."""


@dataclass(frozen=True)
class VectorLayer:
    """A layer of a file: its name, how many features, the EPSG code or name of its CRS."""

    name: str
    features: int
    crs: str | None


def require_plain(path: Path) -> None:
    """Refuse a file that is not what its name says.

    Raises
    ------
    LabelError
        When it is another kind of file, or cannot be read.
    """
    begins = _BEGINS.get(path.suffix.lower(), ())
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise LabelError(f"cannot be read ({error.strerror})", where=path) from None
    if path.suffix.lower() == ".geojson":
        head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith(begins):
        raise LabelError(f"is no {path.suffix} file", where=path, do="write it anew in the program it comes from")


def layers_of(path: Path) -> list[VectorLayer]:
    """The layers of a file that hold geometry.

    Raises
    ------
    LabelError
        When it cannot be read.
    """
    require_plain(path)
    try:
        if path.suffix.lower() == ".parquet":
            return [_of_parquet(path)]
        found = []
        for name, kind in pyogrio.list_layers(path):
            if kind is not None:
                said = pyogrio.read_info(path, layer=name)
                found.append(VectorLayer(str(name), max(int(said["features"]), 0), _crs(said["crs"])))
        return found
    except (DataSourceError, DataLayerError, OSError, ValueError) as error:
        said = str(error).partition("; ")[0].replace(str(path), path.name)
        raise LabelError(f"cannot be read as a vector file ({said})", where=path) from None


def _of_parquet(path: Path) -> VectorLayer:
    import json

    from pyarrow import ArrowException, parquet

    try:
        file = parquet.ParquetFile(path)
        said = json.loads((file.schema_arrow.metadata or {})[b"geo"])
        crs = said["columns"][said["primary_column"]].get("crs", "OGC:CRS84")
        return VectorLayer(path.stem, file.metadata.num_rows, None if crs is None else _crs(crs))
    except (ArrowException, KeyError, ValueError, TypeError) as error:
        raise LabelError(f"cannot be read as GeoParquet ({error})", where=path) from None


def _crs(said: object) -> str | None:
    if said is None:
        return None
    try:
        crs = pyproj.CRS.from_user_input(said)
    except pyproj.exceptions.CRSError:
        return None
    code = crs.to_epsg()
    return crs.name if code is None else f"EPSG:{code}"
