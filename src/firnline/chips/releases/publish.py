"""A release of a table of chips: patches or the table alone, masks, outlines, a data card, metadata, checksums."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from firnline.chips.cuts import require_files
from firnline.chips.releases.croissant import metadata_text
from firnline.chips.releases.data_card import ReleaseFacts, card_text
from firnline.chips.releases.release_folder import write_checksums
from firnline.chips.releases.release_outlines import copy_outlines
from firnline.chips.releases.release_rasters import Progress, ReleaseRasters, unique_names
from firnline.chips.splitting.audit import leaks_of
from firnline.chips.table import About, Chip, ChipTable, require_same_truth, write_table
from firnline.errors import ConfigError
from firnline.files import new_folder, require_free, sha256_of

TABLE: Final = "chips.parquet"
NO_LICENCE: Final = "unknown"


class Patches(StrEnum):
    """Whether a release holds the pixels: as GeoTIFF, or not at all."""

    TIF = "tif"
    NONE = "none"


@dataclass(frozen=True)
class Terms:
    """What a release says of itself, and who answers for it."""

    title: str = ""
    creators: tuple[str, ...] = ()
    licence: str | None = None
    """As SPDX names it, or in words; ``unknown`` is said loudly. Without one, what the table says."""
    url: str = ""
    version: str = "1.0.0"
    description: str = ""


@dataclass(frozen=True)
class Published:
    """What was written."""

    folder: Path
    chips: int
    files: int
    bytes: int
    licence: str
    leaks: tuple[str, ...]


def publish(
    table: ChipTable,
    folder: Path,
    terms: Terms,
    *,
    patches: Patches = Patches.TIF,
    bands: Sequence[str] | None = None,
    outlines: Sequence[Path] = (),
    progress: Progress = lambda done, total: None,
) -> Published:
    """Write a release of a table of chips to a new folder, whole or not at all.

    With patches: ``patches/ID.tif`` (the scene's own numbers with their scale and offset, wherever that tells all;
    see `PatchLayout`), ``patches/ID.flags.tif`` where the scene has flags, ``masks/ID.tif``. Without: the class
    raster of each scene in ``masks``, its flags and sidecar in ``scenes``, where who has the scene puts it, and
    ``SCENES.sha256`` to check that it is the same. In both: ``chips.parquet``, ``outlines``, ``README.md`` (the data
    card), ``metadata.json`` (Croissant 1.0), ``SHA256SUMS``.

    Chips are read and written one at a time. Each patch is read back and compared with its scene.

    Parameters
    ----------
    table
        The chips.
    folder
        Where the release shall be; nothing may be there, or an empty folder.
    terms
        Title, creators, licence.
    patches
        Whether to write pixels.
    bands
        Features to put into patches; without them all stored bands, and elevation and slope where derivable.
    outlines
        Vector files to go along, each as a GeoPackage.
    progress
        Told how many chips (or scenes, without patches) of how many are done.

    Returns
    -------
    What was written.

    Raises
    ------
    ConfigError
        When there are no chips, ids cannot be file names, or no licence is stated.
    SceneError, BandError, GridError, LabelError
        When a scene is not where the table says, or cannot be used.
    OutputError
        When the folder is there already, or cannot be written.
    """
    chips = list(table.chips())
    _require_publishable(table, chips)
    licence = _licence(table, terms)
    if bands is not None and patches == Patches.NONE:
        raise ConfigError("choose the bands of patches", where="--bands", do="leave them out, or write patches")
    require_free(folder)
    require_files(chips, table.path)
    require_same_truth(table)
    for path in outlines:
        if not path.exists():
            raise ConfigError("does not exist", where=path, do="give a vector file of outlines")
    with new_folder(folder) as place:
        writer = ReleaseRasters(place, table, chips, progress)
        frame = writer.with_patches(bands) if patches == Patches.TIF else writer.table_alone()
        released = ChipTable(place / TABLE, frame, _about(table, licence, bands))
        write_table(released)
        vectors = _write_outlines(outlines, place / "outlines")
        facts = ReleaseFacts(
            title=terms.title or f"{table.path.stem}: glacier segmentation chips",
            creators=terms.creators,
            licence=licence,
            source_licence=table.about.licence,
            url=terms.url,
            version=terms.version,
            description=terms.description,
            date=dt.datetime.now(dt.UTC).date(),
            has_patches=patches == Patches.TIF,
            sources=tuple(writer.sources),
            outlines=vectors,
        )
        (place / "README.md").write_text(card_text(released, facts), encoding="utf-8")
        (place / "metadata.json").write_text(
            metadata_text(released, facts, sha256_of(place / TABLE)), encoding="utf-8"
        )
        write_checksums(place)
        files = [path for path in place.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
    return Published(folder, len(chips), len(files), size, licence, released.about.leaks)


def _require_publishable(table: ChipTable, chips: Sequence[Chip]) -> None:
    if not chips:
        raise ConfigError("holds no chips", where=table.path, do="make one with chips, with milder filters")
    bad = [
        chip.id for chip in chips if not re.fullmatch(r"[^\x00-\x1f/\\:*?\"<>|]{1,200}", chip.id) or chip.id[0] == "."
    ]
    if bad:
        raise ConfigError(f"the chip id '{bad[0]}' cannot be a file name", where=table.path, do="rename the chip")
    names = [chip.id.casefold() for chip in chips]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"two chips are called '{twice}'", where=table.path, do="make the table again")


def _licence(table: ChipTable, terms: Terms) -> str:
    licence = (terms.licence or table.about.licence).strip()
    if not licence:
        raise ConfigError(
            "no licence is stated, and nobody may use what has none",
            where=table.path,
            do="give --licence CC-BY-4.0 (or what the sources allow), or --licence unknown to have the card warn",
        )
    return NO_LICENCE if licence.casefold() in (NO_LICENCE, "none", "not stated") else licence


_ABSOLUTE: Final = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:\\|/)(?:[^\s/\\:;,'\"]+[/\\])+")


def without_places(value: Any) -> Any:
    """The same settings or words, with absolute paths cut to file names: they tell of a machine, not of the data.

    Examples
    --------
    >>> without_places({"scenes": ["/home/ann/scenes/a.tif", "b/c.tif"], "url": "https://x.org/d/e"})
    {'scenes': ['a.tif', 'b/c.tif'], 'url': 'https://x.org/d/e'}
    """
    if isinstance(value, str):
        return _ABSOLUTE.sub("", value)
    if isinstance(value, Mapping):
        return {key: without_places(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(without_places(each) for each in value)
    return value


def _about(table: ChipTable, licence: str, bands: Sequence[str] | None) -> About:
    about = table.about
    kept = () if bands is None else (f"of the bands only {' '.join(bands)}; shares are of pixels known in all bands",)
    return replace(
        about,
        config=without_places(about.config),
        split=without_places(about.split),
        leaks=without_places(leaks_of(table)),
        notes=(*without_places(about.notes), *kept),
        licence=licence,
        truths=(),  # the masks of the release are files of their own
    )


def _write_outlines(outlines: Sequence[Path], folder: Path) -> tuple[tuple[str, int], ...]:
    if not outlines:
        return ()
    folder.mkdir()
    names = unique_names(outlines, ".gpkg")
    return tuple((f"outlines/{name}", copy_outlines(path, folder / name)) for path, name in names.items())
