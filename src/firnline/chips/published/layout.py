"""Finding the files of the published archive: any part of it, in the folders that it was published in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from firnline.chips.published.patches import Patch, parse_patch
from firnline.chips.published.scenes import SCENES, scene_named
from firnline.chips.table import TEST, TRAIN, VALIDATION
from firnline.errors import ConfigError

SLICES: Final = "slices"
SIDES: Final = {"train": TRAIN, "dev": VALIDATION, "test": TEST}
"""Folders of ``splits/``, and the side of the split that each of them is."""

_FOLDERS: Final = ("raster_data", "masks", SLICES, "splits", "vector_data")
_ASIDE: Final = ("slices.geojson", "stats_train.json")


@dataclass
class Pair:
    """The files of a patch; either may be missing."""

    image: Path | None = None
    mask: Path | None = None


Pairs = dict[Patch, Pair]


@dataclass
class Archive:
    """What there is of the archive."""

    root: Path
    scenes: dict[int, Path] = field(default_factory=dict)
    masks: dict[int, Path] = field(default_factory=dict)
    patches: dict[str, Pairs] = field(default_factory=dict)
    """Pairs by folder: ``slices``, ``splits/train``, ``splits/dev``, ``splits/test``."""
    footprints: Path | None = None
    clean: Path | None = None
    debris: Path | None = None
    border: Path | None = None
    statistics: Path | None = None
    strangers: tuple[str, ...] = ()
    """Files in its folders that belong to no scene and no patch."""

    @property
    def has_outlines(self) -> bool:
        """Whether both shapefiles of outlines are there."""
        return self.clean is not None and self.debris is not None

    def split_of(self, patch: Patch) -> list[str]:
        """The sides on which a patch was published; more than one is a fault of the archive."""
        return [side for folder, side in SIDES.items() if patch in self.patches.get(f"splits/{folder}", {})]

    def pair(self, patch: Patch) -> Pair:
        """Its files, those in ``slices`` before those in ``splits``, whose images are not what they were."""
        pairs = [pairs[patch] for _, pairs in sorted(self.patches.items()) if patch in pairs]
        image = next((pair.image for pair in pairs if pair.image is not None), None)
        return Pair(image, next((pair.mask for pair in pairs if pair.mask is not None), None))

    @property
    def named_patches(self) -> set[Patch]:
        """Every patch of which there is a file."""
        return {patch for pairs in self.patches.values() for patch in pairs}


def find_archive(root: Path) -> Archive:
    """Find the parts of the archive in a folder: itself, or ``glacier_data`` or another folder in it.

    Raises
    ------
    ConfigError
        When the folder does not exist, or nothing of the archive is in it.
    """
    if not root.is_dir():
        raise ConfigError("is not a folder", where=root, do="give the folder that holds glacier_data")
    below = sorted(path for path in root.iterdir() if path.is_dir())
    candidates = [root, root / "glacier_data", *below, *(path / "glacier_data" for path in below)]
    for folder in candidates:
        archive = _archive_in(folder)
        if archive.scenes or archive.masks or archive.named_patches or archive.footprints:
            return archive
    raise ConfigError(
        "holds nothing of the published data set",
        where=root,
        do=f"give the folder with {', '.join(_FOLDERS)} in it, or --download URL",
    )


def _archive_in(root: Path) -> Archive:
    archive = Archive(root)
    strangers: list[str] = []
    for path in _files(root / "raster_data", ".tif", ".tiff"):
        scene = scene_named(path.name)
        if scene is None or scene.number in archive.scenes:
            strangers.append(path.relative_to(root).as_posix())
        else:
            archive.scenes[scene.number] = path
    for path in _files(root / "masks", ".npy"):
        digits = path.stem.removeprefix("mask_")
        if digits.isdecimal() and int(digits) < len(SCENES):
            archive.masks[int(digits)] = path
        else:
            strangers.append(path.relative_to(root).as_posix())
    for name in (SLICES, *(f"splits/{side}" for side in SIDES)):
        archive.patches[name] = _pairs(root, name, strangers)
    archive.footprints, archive.statistics = (
        next((path for path in (root / SLICES / name, root / name) if path.is_file()), None) for name in _ASIDE
    )
    for role in ("clean", "debris", "border"):
        path = root / "vector_data" / ("hkh.shp" if role == "border" else f"{role}.shp")
        setattr(archive, role, path if path.is_file() else None)
    archive.strangers = tuple(strangers)
    return archive


def _pairs(root: Path, name: str, strangers: list[str]) -> Pairs:
    pairs: Pairs = {}
    for path in _files(root / name, ".npy", below=name != SLICES):
        found = parse_patch(path.name)
        if found is None or found[0].scene >= len(SCENES):
            strangers.append(path.relative_to(root).as_posix())
            continue
        pair = pairs.setdefault(found[0], Pair())
        if found[1] == "img":
            pair.image = path
        else:
            pair.mask = path
    return pairs


def _files(folder: Path, *suffixes: str, below: bool = False) -> Iterator[Path]:
    """Files in a folder by suffix, in order; none where there is no such folder."""
    paths = folder.rglob("*") if below else folder.glob("*")
    return (path for path in sorted(paths) if path.suffix.lower() in suffixes and path.is_file())
