"""The table of chips: which windows of which scenes, what is in them, and on which side of a split they are."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

import geopandas
import pandas
import pyarrow
import pyarrow.parquet

from firnline.classes import LabelScheme
from firnline.errors import ConfigError, LabelError, OutputError
from firnline.files import replaced, sha256_of
from firnline.grid import Window

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
SPLITS: Final = (TRAIN, VALIDATION, TEST)

COLUMNS: Final = {
    "id": "str: SCENE_rROW_cCOLUMN, unique",
    "scene": "str: the raster, relative to the table's folder, with /",
    "truth": "str: its class raster on the same grid, likewise",
    "dem": "str or null: the DEM that terrain is derived from, likewise",
    "sidecar": "str or null: the scene's sidecar where it does not lie beside it",
    "sensor": "str or null",
    "date": "date or null",
    "source_id": "str: the product's id as its maker gives it, else the scene's file name",
    "row": "int32: first row in the scene; a chip may reach beyond a scene smaller than it",
    "column": "int32",
    "height": "int32, pixels",
    "width": "int32, pixels",
    "scheme": "str: label scheme of the truth",
    "valid": "float64, 0 to 1: share of the window that is known in the truth and in every measured band",
    "glacier": "float64: share of the valid pixels that are glacier of any kind; null where the scheme cannot tell",
    "clean": "float64: ... clean ice; null where the scheme cannot tell",
    "debris": "float64: ... debris-covered ice; null where the scheme cannot tell",
    "glaciers": "list of str: ids of the glaciers in the window; SCENE#NUMBER, which no other scene uses, without",
    "split": "str or null: train, validation or test; null is in none",
    "fold": "int32 or null: k-fold splits",
    "crs": "str: the scene's CRS, as EPSG:32645 where it has a code",
    "pixel": "float64: side of a pixel, m",
    "left": "float64: edges in that CRS of what the window holds of the scene, from the scene's transform",
    "bottom": "float64",
    "right": "float64",
    "top": "float64",
    "geometry": "polygon: the same outline, EPSG:4326",
}
"""Every column of a table of chips. Others may follow them."""

_KINDS: Final = {
    **dict.fromkeys(("row", "column", "height", "width"), "int32"),
    **dict.fromkeys(("valid", "glacier", "clean", "debris", "pixel", "left", "bottom", "right", "top"), "float64"),
    "fold": "Int32",
}

LOCAL: Final = "#"
"""In the names of glaciers that have no id, SCENE#NUMBER: they hold within their scene alone."""

_KEY: Final = b"firnline"


@dataclass(frozen=True)
class About:
    """What a table says of itself; kept in the file's metadata under the key ``firnline``."""

    made_by: str = ""
    created: str = ""
    size: int = 0
    """Side of the chips, pixels."""
    config: dict[str, Any] = field(default_factory=dict)
    split: str = ""
    """In words: "blocks of 20 km, buffer 1000 m, seed 0"."""
    leaks: tuple[str, ...] = ()
    """What the audit found to be shared between the sides of the split, a line each; a table that was split
    without leaks has none."""
    notes: tuple[str, ...] = ()
    """What was done to scenes and truth on the way."""
    licence: str = ""
    truths: tuple[str, ...] = ()
    """SHA-256 of the class rasters that the shares were counted in; kept when a table is split anew."""


def frame_of(rows: Sequence[Mapping[str, Any]]) -> geopandas.GeoDataFrame:
    """Rows, each with a value for every one of `COLUMNS`, as a frame in their order and types.

    Examples
    --------
    >>> frame_of([]).columns.tolist() == list(COLUMNS), str(frame_of([])["row"].dtype)
    (True, 'int32')
    """
    columns = {name: [row[name] for row in rows] for name in COLUMNS if name != "geometry"}
    series = {name: pandas.Series(values, dtype=_KINDS.get(name, object)) for name, values in columns.items()}
    return geopandas.GeoDataFrame(series, geometry=[row["geometry"] for row in rows], crs="EPSG:4326")


@dataclass(frozen=True)
class Chip:
    """One row of the table, as a reader needs it; paths are absolute."""

    id: str
    scene: Path
    truth: Path
    dem: Path | None
    sidecar: Path | None
    window: Window
    scheme: LabelScheme
    split: str | None
    fold: int | None
    date: dt.date | None
    crs: str
    corner: tuple[float, float]
    """Left and top of the window in that CRS."""


@dataclass(frozen=True)
class ChipTable:
    """A table of chips: a GeoDataFrame with `COLUMNS`, and what it says of itself. `path` is where it lies."""

    path: Path
    frame: geopandas.GeoDataFrame
    about: About = About()

    def __len__(self) -> int:
        return len(self.frame)

    def resolve(self, name: str) -> Path:
        """The file that a path in the table means."""
        return Path(os.path.normpath(self.path.parent / name))

    def relative(self, path: Path) -> str:
        """A file as the table names it, relative to its folder."""
        return Path(os.path.relpath(path.absolute(), self.path.parent.absolute())).as_posix()

    def chips(self, split: str | None = None) -> Iterator[Chip]:
        """The rows, in order; those of one side where `split` is given."""
        frame = self.frame if split is None else self.frame[self.frame["split"] == split]
        for row in frame.to_dict("records"):
            yield self._chip(row)

    def _chip(self, row: dict[Any, Any]) -> Chip:
        def path_or_none(key: str) -> Path | None:
            return self.resolve(row[key]) if isinstance(row[key], str) else None

        def int_or_none(value: Any) -> int | None:
            return None if value is None or value != value or str(value) == "<NA>" else int(value)

        if row["scheme"] not in set(LabelScheme):
            raise ConfigError(
                f"the chip {row['id']} has the label scheme '{row['scheme']}', which is none",
                where=self.path,
                do=f"write {', '.join(LabelScheme)}",
            )
        date = row["date"]
        return Chip(
            id=row["id"],
            scene=self.resolve(row["scene"]),
            truth=self.resolve(row["truth"]),
            dem=path_or_none("dem"),
            sidecar=path_or_none("sidecar"),
            window=Window(int(row["row"]), int(row["column"]), int(row["height"]), int(row["width"])),
            scheme=LabelScheme(row["scheme"]),
            split=row["split"] if isinstance(row["split"], str) else None,
            fold=int_or_none(row["fold"]),
            date=date if isinstance(date, dt.date) and date == date else None,
            crs=row["crs"],
            corner=(float(row["left"]), float(row["top"])),
        )

    def with_frame(self, frame: geopandas.GeoDataFrame, **about: Any) -> ChipTable:
        """The same table with other rows or columns, and `about` changed."""
        return replace(self, frame=frame, about=replace(self.about, **about))

    def moved(self, path: Path) -> ChipTable:
        """The same table to lie at another path, with the files that it names relative to its new folder."""
        new = replace(self, path=path)
        changed = {}
        for name in ("scene", "truth", "dem", "sidecar"):
            known = {given: new.relative(self.resolve(given)) for given in self.frame[name].dropna().unique()}
            changed[name] = self.frame[name].map(known).where(self.frame[name].notna(), None)
        return new.with_frame(self.frame.assign(**changed))


def write_table(table: ChipTable) -> ChipTable:
    """Write a table as GeoParquet to its path, whole or not at all; return it as written.

    A table that is new takes down which class rasters it was made of.
    """
    require_table_name(table.path)
    if not table.about.truths:
        table = table.with_frame(table.frame, truths=tuple(sorted({sha256_of(truth) for truth in _truths(table)})))
    with replaced(table.path) as temporary:
        table.frame.to_parquet(temporary, index=False)
        arrow = pyarrow.parquet.read_table(temporary)
        metadata = {**(arrow.schema.metadata or {}), _KEY: json.dumps(asdict(table.about)).encode()}
        pyarrow.parquet.write_table(arrow.replace_schema_metadata(metadata), temporary, compression="zstd")
    return table


def require_same_truth(table: ChipTable) -> None:
    """Raise LabelError when a class raster is not the one that the table's shares, glaciers and split are of.

    It may have been made anew, of other outlines, under the same name. Files that are not there are not asked.
    """
    known = set(table.about.truths)
    for truth in _truths(table) if known else ():
        if sha256_of(truth) not in known:
            raise LabelError(
                f"is not the class raster that {table.path} was made of", where=truth, do="make the table again"
            )


def _truths(table: ChipTable) -> list[Path]:
    return [path for path in (table.resolve(name) for name in table.frame["truth"].unique()) if path.is_file()]


def read_table(path: Path) -> ChipTable:
    """Read a table of chips.

    Raises
    ------
    ConfigError
        When the file is not one.
    """
    try:
        metadata = pyarrow.parquet.read_schema(path).metadata or {}
        frame = geopandas.read_parquet(path)
    except (OSError, ValueError, pyarrow.ArrowInvalid) as error:
        what = "does not exist" if not path.exists() else f"is not GeoParquet ({' '.join(str(error).split())})"
        raise ConfigError(what, where=path, do="make one with firnline chips make") from None
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing or _KEY not in metadata:
        lacks = f": no column {' '.join(missing)}" if missing else ": it says nothing of itself"
        raise ConfigError(f"is not a table of chips{lacks}", where=path, do="make one with firnline chips make")
    return ChipTable(path, frame, _about(metadata[_KEY], path))


def _about(text: bytes, path: Path) -> About:
    known = {each.name for each in fields(About)}
    try:
        # What a later version adds is not known here, and not needed.
        about = {key: value for key, value in json.loads(text).items() if key in known}
        return About(**{**about, **{key: tuple(about[key]) for key in ("leaks", "notes", "truths")}})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            "is not a table of chips: what it says of itself cannot be read", where=path, do="make it again"
        ) from None


def require_table_name(path: Path) -> None:
    """Raise OutputError when a path is not one of a table: whatever lies there, a scene for one, would be lost."""
    if path.is_dir():
        raise OutputError("is a folder", where=path, do="name a file (TABLE.parquet)")
    if path.suffix.lower() not in (".parquet", ".geoparquet"):
        raise OutputError("is not the name of a table", where=path, do="end it in .parquet")
