"""The folder that is served: its scenes, models, maps and vector files, each by an opaque id."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import rasterio
from rasterio.errors import RasterioError

from firnline.bands import BANDS, Kind
from firnline.errors import FirnlineError, SceneError
from firnline.features import FeatureSource
from firnline.inventory.map_folder import CLASSES, PROVENANCE
from firnline.scene import Scene, open_scene
from firnline.terrain import check_dem

STATE: Final = ".firnline"
"""The folder below the project's in which the tool keeps what is its own."""
DRIVER: Final = "GTiff"
"""What the server opens as a raster. Others (VRT above all) may name other files, or addresses on a network."""
VECTORS: Final = (".gpkg", ".geojson", ".shp", ".fgb", ".parquet")
_RASTERS: Final = (".tif", ".tiff")
_DEPTH: Final = 6


@dataclass(frozen=True)
class SceneEntry:
    """A scene of the project.

    Parameters
    ----------
    id
        What clients call it.
    path, name
        The file, and its path below the project's folder.
    scene
        What it is.
    dem
        Heights for it that lie beside it, where it holds none itself.
    """

    id: str
    path: Path
    name: str
    scene: Scene
    dem: Path | None

    @property
    def source(self) -> FeatureSource:
        """The scene with the heights beside it."""
        return FeatureSource(self.scene, self.dem)

    @property
    def state(self) -> str:
        """A word that changes when the file does: for ETags and names of copies."""
        said = self.path.stat()
        return blake2b(f"{said.st_size} {said.st_mtime_ns}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class FileEntry:
    """A file or folder of the project that is no scene: a vector file, a map, a model bundle."""

    id: str
    path: Path
    name: str


class Project:
    """A folder of scenes, models and outlines.

    What lies there is looked up anew at each call, so that a file copied into the folder is found; what was opened
    once is kept until the file changes. Symbolic links to folders are not followed.

    Parameters
    ----------
    folder
        The folder; `SceneError` when it is none.
    demo
        Whether it is the demo's.

    Examples
    --------
    >>> import tempfile
    >>> project = Project(Path(tempfile.mkdtemp()))
    >>> project.scenes(), project.state.name
    ({}, '.firnline')
    """

    def __init__(self, folder: str | Path, *, demo: bool = False) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise SceneError("is no folder", where=folder, do="name a folder of scenes")
        self.demo = demo
        self._opened: dict[tuple[str, int, int], SceneEntry | str] = {}

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def state(self) -> Path:
        """Where the tool keeps what is its own: the database, jobs, display copies."""
        return self.folder / STATE

    def id_of(self, path: Path) -> str:
        """What clients call a path below the folder: 12 hexadecimal digits that say nothing of it."""
        return blake2b(path.relative_to(self.folder).as_posix().encode(), digest_size=6).hexdigest()

    def scenes(self) -> dict[str, SceneEntry]:
        """The scenes by id, in the order of their names: rasters with at least one optical band."""
        found = (self._look_at(path) for path in self._files(_RASTERS))
        return {entry.id: entry for entry in found if isinstance(entry, SceneEntry)}

    def scene(self, scene_id: str) -> SceneEntry | None:
        """The scene of that id, or None."""
        return self.scenes().get(scene_id)

    def left_out(self) -> dict[str, str]:
        """The rasters that are no scenes, by name, and why; heights for scenes are not told of."""
        found = {path: self._look_at(path) for path in self._files(_RASTERS) if not _is_called_dem(path)}
        return {path.relative_to(self.folder).as_posix(): why for path, why in found.items() if isinstance(why, str)}

    def models(self) -> dict[str, FileEntry]:
        """Folders of model bundles by id."""
        from firnline.models.card import find_bundles

        return {entry.id: entry for entry in map(self._entry, find_bundles(self.folder))}

    def maps(self) -> dict[str, FileEntry]:
        """Folders of finished maps by id."""
        folders = (folder for folder, names in self._walk() if _is_map(names))
        return {entry.id: entry for entry in map(self._entry, folders)}

    def files(self) -> dict[str, FileEntry]:
        """Vector files by id."""
        return {entry.id: entry for entry in map(self._entry, self._files(VECTORS))}

    def _entry(self, path: Path) -> FileEntry:
        return FileEntry(self.id_of(path), path, path.relative_to(self.folder).as_posix())

    def _walk(self) -> Iterator[tuple[Path, set[str]]]:
        for root, folders, names in os.walk(self.folder):
            here = Path(root)
            deep = len(here.relative_to(self.folder).parts) >= _DEPTH
            folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
            yield here, {name for name in names if not name.startswith(".")}

    def _files(self, suffixes: tuple[str, ...]) -> list[Path]:
        found = []
        for folder, names in self._walk():
            if suffixes == _RASTERS and _is_map(names):  # its rasters are results, no scenes
                continue
            found += [folder / name for name in names if Path(name).suffix.lower() in suffixes]
        return sorted(found)

    def _look_at(self, path: Path) -> SceneEntry | str | None:
        """The scene, or why it is none; None where it went away between listing and looking."""
        try:
            said = path.stat()
        except OSError:
            return None
        key = (str(path), said.st_size, said.st_mtime_ns)
        if key not in self._opened:
            self._opened[key] = self._open(path)
        return self._opened[key]

    def _open(self, path: Path) -> SceneEntry | str:
        if not _is_geotiff(path):
            return "is no GeoTIFF, or one that may name other files"
        try:
            scene = open_scene(path, driver=DRIVER)
            scene.grid.resolution  # noqa: B018 # a scene in degrees cannot be mapped
        except FirnlineError as error:
            return error.placeless
        if not any(name in BANDS and BANDS[name].kind is Kind.OPTICAL for name in scene.band_names):
            return f"has no optical band, but {', '.join(scene.band_names)}; name bands in a sidecar (docs/scenes.md)"
        dem = None if "elevation" in scene.band_names else self._dem_of(scene)
        return SceneEntry(self.id_of(path), path, path.relative_to(self.folder).as_posix(), scene, dem)

    def _dem_of(self, scene: Scene) -> Path | None:
        """A raster of heights beside the scene: ``dem`` in its name, one band, and it reaches the scene."""
        for path in sorted(scene.path.parent.iterdir()):
            if path.suffix.lower() in _RASTERS and _is_called_dem(path) and _is_geotiff(path):
                try:
                    check_dem(path, scene.grid, scene.driver)
                except FirnlineError:
                    continue
                return path
        return None


def _is_map(names: set[str]) -> bool:
    return {CLASSES, PROVENANCE} <= names


def _is_called_dem(path: Path) -> bool:
    return "dem" in path.stem.lower()


def _is_geotiff(path: Path) -> bool:
    """Whether GDAL opens the file as a GeoTIFF, and as nothing that may name other files."""
    try:
        with path.open("rb") as file:
            if b"<VRTDataset" in file.read(4096):  # GDAL asks its VRT driver first, which looks for this
                return False
        with rasterio.open(path, driver=DRIVER):
            return True
    except (RasterioError, OSError):
        return False
