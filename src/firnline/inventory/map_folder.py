"""What `firnline map` left in a folder, as the making of an inventory needs it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firnline.bands import Sensor
from firnline.classraster import ClassRaster, read_classes
from firnline.errors import BandError, LabelError
from firnline.features import FeatureSource
from firnline.scene import open_scene

CLASSES, PROBABILITIES, PROVENANCE = "classes.tif", "probabilities.tif", "provenance.json"
UNCERTAINTY = "uncertainty.tif"


@dataclass(frozen=True)
class MapFolder:
    """A finished map.

    Parameters
    ----------
    folder
        Where it lies.
    raster
        Its class raster.
    record
        Its ``provenance.json``.
    """

    folder: Path
    raster: ClassRaster
    record: Mapping[str, Any]

    @property
    def probabilities(self) -> Path | None:
        """The probability map; None of rules, which decide and have none."""
        path = self.folder / PROBABILITIES
        return path if path.is_file() and self.record["model_argument"] != "ratio" else None

    @property
    def date(self) -> dt.date | None:
        """The day of the scene, where it is known."""
        said = self.record["scene"]["date"]
        return None if said is None else dt.date.fromisoformat(said)

    @property
    def scene_name(self) -> str:
        """The file name of the scene."""
        return Path(self.record["scene"]["file"]).name

    @property
    def method(self) -> str:
        """Model and software, in a few words."""
        return f"{self.record['model']['model']}, firnline {self.record['versions']['firnline']}"

    @property
    def quality(self) -> str:
        """The marks that the check of the scene left on the map; empty where there are none."""
        return "; ".join(self.record["marks"])

    def source(self) -> FeatureSource | None:
        """The scene and the DEM that were mapped, read as they were then; None when they are not there any more."""
        said = self.record["scene"]
        paths = [Path(said[key]) for key in ("file", "sidecar", "dem") if said[key] is not None]
        if not all(path.exists() for path in paths):
            return None
        sensor = None if said["sensor"] is None else Sensor(said["sensor"])
        try:
            scene = open_scene(said["file"], sidecar=said["sidecar"], sensor=sensor)
        except BandError:  # its bands were named on the command line
            scene = open_scene(said["file"], bands=said["band_names"], sidecar=said["sidecar"], sensor=sensor)
        if not scene.grid.is_same_as(self.raster.grid):
            return None
        return FeatureSource(scene, None if said["dem"] is None else Path(said["dem"]))


def open_map(folder: str | Path) -> MapFolder:
    """Open the folder of a finished map.

    Raises
    ------
    LabelError
        When it is none, or its record is damaged.
    """
    folder = Path(folder)
    do = "name the folder that `firnline map` wrote to"
    for name in (CLASSES, PROVENANCE):
        if not (folder / name).is_file():
            raise LabelError(f"holds no {name}", where=folder, do=do)
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        missing = {"file", "sidecar", "dem", "band_names", "date", "sensor"} - set(record["scene"])
        if missing or not {"marks", "model_argument", "model", "versions"} <= set(record):
            raise KeyError(*missing)
    except (ValueError, KeyError, TypeError, OSError):
        raise LabelError("is no record of a map, or of an older version", where=folder / PROVENANCE, do=do) from None
    return MapFolder(folder, read_classes(folder / CLASSES), record)
