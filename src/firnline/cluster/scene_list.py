"""Lists of scenes: which scenes to map, under which names, told wrong before any work begins."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from firnline.bands import Sensor
from firnline.errors import ConfigError
from firnline.features import FeatureSource
from firnline.scene import gdal_name_of, open_scene
from firnline.sidecar import read_yaml

COLUMNS: Final = ("scene", "id", "dem", "sidecar")
"""What a list may say of a scene; all but the first may be left out."""
SUMMARY: Final = "summary.json"


@dataclass(frozen=True)
class ListedScene:
    """A scene of a list.

    Parameters
    ----------
    id
        Its name, and that of its folder of results.
    scene
        An absolute path, or a name that GDAL knows.
    at
        Where it stands in the list, as "line 3".
    """

    id: str
    scene: str
    at: str
    dem: Path | None = None
    sidecar: Path | None = None
    bands: tuple[str, ...] | None = None
    sensor: Sensor | None = None

    def open(self) -> FeatureSource:
        """Open it; raises as `open_scene` and `FeatureSource` do."""
        scene = open_scene(self.scene, bands=self.bands, sidecar=self.sidecar, sensor=self.sensor)
        return FeatureSource(scene, self.dem)


def read_scene_list(
    path: Path,
    *,
    dem: Path | None = None,
    bands: Sequence[str] | None = None,
    sensor: Sensor | None = None,
) -> tuple[ListedScene, ...]:
    """Read a list of scenes: text (a path a line), CSV (columns `COLUMNS`) or YAML (paths, or keys `COLUMNS`).

    Paths are relative to the list. In text and CSV empty lines and those that begin with ``#`` say nothing. A scene
    without an id has that of its file's name without the suffix.

    Parameters
    ----------
    path
        The list: ``.csv``, ``.yaml`` or ``.yml``, anything else is text.
    dem
        The DEM of scenes for which the list names none.
    bands, sensor
        As `open_scene` takes them, for all scenes.

    Raises
    ------
    ConfigError
        When the list cannot be read or is empty, a file that it names is missing, or two scenes have one id.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("a.tif", "b.tif"):
    ...     (folder / name).touch()
    >>> _ = (folder / "list.csv").write_text("scene,id\\na.tif,everest\\nb.tif,\\n")
    >>> [(each.id, Path(each.scene).name, each.at) for each in read_scene_list(folder / "list.csv")]
    [('everest', 'a.tif', 'line 2'), ('b', 'b.tif', 'line 3')]
    """
    rows = _yaml_rows(path) if path.suffix in (".yaml", ".yml") else _text_rows(path)
    listed = []
    for at, row in rows:
        name = _named(path, at, row, "scene")
        if name is None:
            raise ConfigError("names no scene", where=f"{path}, {at}", do="give a path in 'scene'")
        scene_id = row.get("id") or Path(name).stem
        _require_plain(scene_id, f"{path}, {at}")
        own_dem, sidecar = (_named(path, at, row, key) for key in ("dem", "sidecar"))
        listed.append(
            ListedScene(
                scene_id,
                name,
                at,
                _absolute(dem) if own_dem is None else Path(own_dem),
                None if sidecar is None else Path(sidecar),
                None if bands is None else tuple(bands),
                sensor,
            )
        )
    if not listed:
        raise ConfigError("names no scenes", where=path, do="write one path a line")
    _require_distinct(path, listed)
    return tuple(listed)


def _text_rows(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot be read as a list of scenes: {error.strerror}", where=path) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text in UTF-8: {error.reason}", where=path) from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if path.suffix.lower() != ".csv":
        yield from ((f"line {number}", {"scene": line}) for number, line in lines)
        return
    header: list[str] = []
    for number, line in lines:
        cells = [cell.strip() for cell in next(csv.reader(io.StringIO(line)))]
        if not header:
            header = cells
            _require_known(header, f"{path}, line {number}")
        elif len(cells) > len(header):
            raise ConfigError(
                f"has {len(cells)} values, and the columns are {len(header)}", where=f"{path}, line {number}"
            )
        else:
            yield f"line {number}", dict(zip(header, cells, strict=False))


def _yaml_rows(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    content = read_yaml(path, "a list of scenes")
    if not isinstance(content, list):
        raise ConfigError("is not a list of scenes", where=path, do="write '- scene: FILE' for each")
    for number, entry in enumerate(content, start=1):
        at = f"entry {number}"
        row: dict[Any, Any] = entry if isinstance(entry, dict) else {"scene": entry}
        _require_known([str(key) for key in row], f"{path}, {at}")
        yield at, {str(key): str(value) for key, value in row.items() if value is not None}


def _require_known(names: Sequence[str], where: str) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "scene" not in names:
        what = f"'{unknown[0]}' is not known" if unknown else "there is no 'scene'"
        raise ConfigError(what, where=where, do=f"it may be {', '.join(COLUMNS)}")


def _named(path: Path, at: str, row: Mapping[str, str], key: str) -> str | None:
    """The file that a row names, absolute; it must be there, unless it is a name that only GDAL understands."""
    name = row.get(key)
    if not name:
        return None
    beside = path.absolute().parent / name
    if beside.is_file():
        return str(beside)
    if key == "scene" and gdal_name_of(name):
        return name
    what = "is a folder" if beside.is_dir() else "does not exist"
    raise ConfigError(f"{name} {what}", where=f"{path}, {at}", do="paths are relative to the list")


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _require_plain(scene_id: str, where: str) -> None:
    if scene_id.startswith(".") or "/" in scene_id or "\\" in scene_id or scene_id.casefold() == SUMMARY:
        raise ConfigError(
            f"the id '{scene_id}' is no name for a folder of results", where=where, do="choose another id"
        )


def _require_distinct(path: Path, listed: Sequence[ListedScene]) -> None:
    first: dict[str, ListedScene] = {}
    for each in listed:
        other = first.setdefault(each.id.casefold(), each)  # some disks do not tell A from a
        if other is not each:
            raise ConfigError(
                f"two scenes have the id '{each.id}' ({other.at} and {each.at})",
                where=path,
                do="give one another id, in the column 'id' of a CSV list",
            )
