"""Where the files of an analysis-ready scene go, and what they must not take the place of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firnline.errors import OutputError
from firnline.flags import flags_path


@dataclass(frozen=True)
class Places:
    """The files of a scene."""

    scene: Path
    flags: Path
    item: Path
    manifest: Path


def require_places(scene: Path, inputs: Iterable[Path] = ()) -> Places:
    """Where the files of a scene go; an older scene there is replaced, and nothing else.

    Parameters
    ----------
    scene
        A GeoTIFF.
    inputs
        Files that the scene is made of.

    Raises
    ------
    OutputError
        When it is not named as a GeoTIFF, or a file would take the place of an input or of another one's.
    """
    if scene.suffix.lower() not in (".tif", ".tiff"):
        raise OutputError("is not named as a GeoTIFF", where=scene, do="end its name in .tif")
    item, manifest = scene.with_name(f"{scene.stem}.json"), scene.with_name(f"{scene.stem}.manifest.json")
    places = Places(scene, flags_path(scene), item, manifest)
    taken = {path.resolve() for path in inputs}
    for path in (scene, places.flags, item, manifest):
        if path.resolve() in taken:
            raise OutputError("is what the scene is made of", where=path, do="choose another --output")
    for path, key in ((item, "stac_version"), (manifest, "made_by")):
        if path.is_file() and not _has(path, key):
            what = "is there already, and no earlier version of what would be written"
            raise OutputError(what, where=path, do="move it away, or choose another --output")
    return places


def _has(path: Path, key: str) -> bool:
    """Whether it is JSON of ours; a cut-off file of none."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and key in content
