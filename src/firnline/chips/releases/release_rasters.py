"""The rasters of a release: patches and masks of chips, or the class rasters of whole scenes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np

from firnline import __version__
from firnline.chips.cuts import grouped
from firnline.chips.reader import OpenScene, OpenScenes
from firnline.chips.releases.data_card import SourceFacts
from firnline.chips.releases.release_patch import PatchLayout, layout_of, write_patch
from firnline.chips.table import Chip, ChipTable
from firnline.classraster import read_classes, write_classes
from firnline.files import sha256_of
from firnline.flags import find_flags, flags_path
from firnline.sidecar import SUFFIX as SIDECAR_SUFFIX

SCENE_SUMS: Final = "SCENES.sha256"

_FILES_ELSEWHERE: Final = ("image", "mask")
"""Columns with paths of files (of the paper's archive) that no release takes along."""

Progress = Callable[[int, int], None]


def unique_names(paths: Iterable[Path], suffix: str | None = None) -> dict[Path, str]:
    """A file name for each path, all different: two of one stem are told apart by their folders, else by numbers.

    Examples
    --------
    >>> list(unique_names([Path("a/x.tif"), Path("b/x.tif"), Path("b/y.tif")]).values())
    ['a_x.tif', 'b_x.tif', 'y.tif']
    """
    paths = list(dict.fromkeys(paths))
    # By their stems: what lies beside a scene (its flags, its sidecar) is named by that.
    stems = [path.stem.casefold() for path in paths]
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        base = path.stem if stems.count(path.stem.casefold()) == 1 else f"{path.parent.name}_{path.stem}"
        stem, number = base, 2
        while stem.casefold() in taken:
            stem, number = f"{base}_{number}", number + 1
        taken.add(stem.casefold())
        names[path] = stem + (path.suffix if suffix is None else suffix)
    return names


class ReleaseRasters:
    """Writes the rasters of a release, scene by scene, and gathers what the card tells of them."""

    def __init__(self, place: Path, table: ChipTable, chips: Sequence[Chip], progress: Progress) -> None:
        self.sources: list[SourceFacts] = []
        self._place, self._table, self._chips, self._progress = place, table, chips, progress
        self._rows = {row["id"]: row for row in table.frame.to_dict("records")}
        self._scene_names = unique_names(chip.scene for chip in chips)

    def with_patches(self, bands: Sequence[str] | None) -> gpd.GeoDataFrame:
        """Write patches and masks; the table's rows, with paths into the release."""
        for name in ("patches", "masks"):
            (self._place / name).mkdir()
        done = 0
        with OpenScenes(limit=1) as scenes:
            for cut, group in grouped(self._chips):
                scene = scenes.opened(cut)
                scene.require_in_place(group)
                layout = layout_of(scene, [chip.window for chip in group], bands)
                self._note(scene, group, layout)
                for chip in group:
                    self._write_chip(scene, chip, layout)
                    done += 1
                    self._progress(done, len(self._chips))
        frame = self._with_sources()
        return frame.assign(
            scene=[f"patches/{name}.tif" for name in frame["id"]],
            truth=[f"masks/{name}.tif" for name in frame["id"]],
            row=(frame["row"] * 0).astype("int32"),
            column=(frame["column"] * 0).astype("int32"),
            dem=None,
            sidecar=None,
        )

    def _write_chip(self, scene: OpenScene, chip: Chip, layout: PatchLayout) -> None:
        tags = self._tags(scene, chip)
        write_patch(self._place / "patches" / f"{chip.id}.tif", scene, chip.window, layout, tags)
        grid = scene.grid.of_window(chip.window)
        mask = self._place / "masks" / f"{chip.id}.tif"
        write_classes(mask, scene.truth(chip.window), grid, chip.scheme, tags)

    def _tags(self, scene: OpenScene, chip: Chip) -> dict[str, str]:
        row = self._rows[chip.id]
        date, sensor = chip.date or scene.source.scene.date, scene.source.scene.sensor
        return {
            "CHIP": chip.id,
            "SOURCE_ID": str(row["source_id"]),
            "SOURCE_WINDOW": f"row {chip.window.row}, column {chip.window.column}, of {chip.scene.name}",
            **({"DATE": date.isoformat()} if date is not None else {}),
            **({"SENSOR": str(sensor)} if sensor is not None else {}),
            **({"SYNTHETIC": "TRUE"} if scene.source.scene.is_synthetic else {}),
            "FIRNLINE_VERSION": __version__,
        }

    def _with_sources(self) -> gpd.GeoDataFrame:
        """The rows, with what is lost when a window becomes a file: where in which scene it lay."""
        frame = self._table.frame.reset_index(drop=True).drop(columns=list(_FILES_ELSEWHERE), errors="ignore")
        return frame.assign(
            source_scene=[self._scene_names[chip.scene] for chip in self._chips],
            source_row=frame["row"].astype("int32"),
            source_column=frame["column"].astype("int32"),
        )

    def _note(self, scene: OpenScene, group: Sequence[Chip], layout: PatchLayout | None) -> None:
        row = self._rows[group[0].id]
        source = scene.source.scene
        self.sources.append(
            SourceFacts(
                name=self._scene_names[group[0].scene],
                source_id=str(row["source_id"]),
                sensor="" if source.sensor is None else str(source.sensor),
                date=group[0].date or source.date,
                crs=str(row["crs"]),
                resolution=abs(source.grid.transform.a),
                chips=len(group),
                dem="" if group[0].dem is None else group[0].dem.name,
                has_flags=scene.flags is not None,
                is_synthetic=source.is_synthetic,
                layout=layout,
                bands=tuple((band.name, band.unit, str(band.level)) for band in source.bands),
            )
        )

    def table_alone(self) -> gpd.GeoDataFrame:
        """Write class rasters, flags and sidecars of whole scenes; the rows, with paths to where scenes shall be."""
        for name in ("masks", "scenes"):
            (self._place / name).mkdir()
        dems = unique_names(chip.dem for chip in self._chips if chip.dem is not None)
        groups = grouped(self._chips)
        masks: dict[str, str] = {}
        with OpenScenes(limit=1) as scenes:
            for done, (cut, group) in enumerate(groups, start=1):
                scene = scenes.opened(cut)
                scene.require_in_place(group)
                self._note(scene, group, None)
                name = f"{Path(self._scene_names[cut.scene]).stem}.tif"
                name = name if f"masks/{name}" not in masks.values() else f"{done}_{name}"
                truth = read_classes(cut.truth, cut.scheme)
                write_classes(self._place / "masks" / name, truth.classes, truth.grid, truth.scheme)
                masks |= {chip.id: f"masks/{name}" for chip in group}
                self._copy_companions(scene)
                self._progress(done, len(groups))
        self._write_scene_sums(dems)
        frame = self._with_sources()
        places = np.array([None if chip.dem is None else f"dems/{dems[chip.dem]}" for chip in self._chips], object)
        return frame.assign(
            scene=[f"scenes/{self._scene_names[chip.scene]}" for chip in self._chips],
            truth=[masks[chip.id] for chip in self._chips],
            dem=places,
            sidecar=None,
        )

    def _copy_companions(self, scene: OpenScene) -> None:
        """What lies beside a scene is not to be had where the scene is: its flags and its sidecar."""
        place = self._place / "scenes" / self._scene_names[scene.cut.scene]
        flags = find_flags(scene.cut.scene)
        if flags is not None:
            shutil.copyfile(flags, flags_path(place))
        if scene.source.scene.sidecar is not None:
            shutil.copyfile(scene.source.scene.sidecar, place.with_name(place.stem + SIDECAR_SUFFIX))

    def _write_scene_sums(self, dems: Mapping[Path, str]) -> None:
        named = [(path, f"scenes/{name}") for path, name in self._scene_names.items()]
        named += [(path, f"dems/{name}") for path, name in dems.items()]
        lines = [f"{sha256_of(path)}  {name}\n" for path, name in sorted(named, key=lambda pair: pair[1])]
        (self._place / SCENE_SUMS).write_text("".join(lines), encoding="utf-8")
        ids = [f"- `{source.name}`: {source.source_id}\n" for source in self.sources]
        note = "Put these scenes here, under these names; `sha256sum -c SCENES.sha256` one folder up checks them.\n\n"
        (self._place / "scenes" / "README.md").write_text(note + "".join(ids), encoding="utf-8")
