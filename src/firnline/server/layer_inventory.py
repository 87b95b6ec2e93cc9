"""A layer as an inventory: what it began with, what its scene shows, and who corrected it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import pyproj

from firnline import __version__
from firnline.classes import DEBRIS, LabelScheme
from firnline.errors import FirnlineError
from firnline.inventory.attributes import Known
from firnline.inventory.edit_record import Correction, edit_record
from firnline.inventory.from_parts import inventory_of_parts
from firnline.inventory.heights import Heights, open_heights
from firnline.inventory.inventory import Inventory
from firnline.inventory.map_folder import MapFolder, open_map
from firnline.inventory.open_edges import Seen, unknown_ground
from firnline.inventory.start import read_start, started_from
from firnline.server.jobs.folder import JobFolder
from firnline.server.problems import NotFound
from firnline.server.project import Project, SceneEntry
from firnline.server.store.layer import Layer, Snapshot
from firnline.server.store.store import Store
from firnline.server.vector_files import require_plain

_OUTLINES: Final = "glaciers"
"""What `firnline map` calls its outlines; its class raster lies beside them."""
_CHAIN: Final = 20
"""A layer that is a copy of a copy ... this often is not followed farther."""


@dataclass(frozen=True)
class Revision:
    """A layer at a revision, and the snapshot that names it."""

    layer: Layer
    number: int
    snapshot: str | None = None


def revision_of(store: Store, layer_id: str, said: str | None) -> Revision:
    """The revision that a snapshot's id or name, or a number, says; the present one without any.

    Raises
    ------
    NotFound
        When there is none such.
    """
    layer = store.layer(layer_id)
    if said is None:
        return Revision(layer, layer.revision)
    for wanted in (_by_id, _by_name):
        for snapshot in store.snapshots(layer_id):
            if wanted(snapshot) == said:
                return Revision(layer, snapshot.revision, snapshot.name)
    if not (said.isdecimal() and said.isascii() and int(said) <= layer.revision):
        raise NotFound("snapshot or revision of this inventory")
    return Revision(layer, int(said))


def _by_id(snapshot: Snapshot) -> str:
    return snapshot.id


def _by_name(snapshot: Snapshot) -> str:
    return snapshot.name


def inventory_of_layer(project: Project, store: Store, wanted: Revision) -> Inventory:
    """Make an inventory of a layer at a revision.

    Heights and date are those of the layer's scene. What the layer was made of (a file of the project, a prediction,
    another layer) gives what cannot be measured; where it is gone, the findings say so.

    Raises
    ------
    LabelError
        When the outlines are no valid coverage.
    """
    layer = wanted.layer
    lineage = _lineage(store, wanted)
    began, origin = lineage[-1].layer, origin_of(layer)
    scene = None if layer.scene_id is None else project.scene(layer.scene_id)
    mapped = _map_of(project, origin)
    findings: list[str] = []
    if "inventory" in began.origin:
        findings.append("the layer that it was copied from was put away: corrections made there are not told")
    start = _start(project, origin, store.features_frame(began.id, 0), findings)
    parts = store.features_frame(layer.id, wanted.number)
    scheme = scheme_of(layer, parts)
    with _heights(scene) as heights:
        known = _known(scene, origin, layer, heights)
        made = inventory_of_parts(
            parts, known, seen=_seen(scene, mapped, layer), start=start, scheme=scheme,
            told=_told(origin, mapped, start), record=_record(project, lineage, store),
        )  # fmt: skip
    return _with_findings(made, findings)


def origin_of(layer: Layer) -> Mapping[str, Any]:
    """What a layer, or that which it is a copy of, was made of, with ``scene_id``: a copy keeps it."""
    found: Mapping[str, Any] = layer.origin.get("began") or {**layer.origin, "scene_id": layer.scene_id}
    return found


def _lineage(store: Store, wanted: Revision) -> list[Revision]:
    """The layer, the revision of the layer that it was copied from, and so on."""
    found = [wanted]
    while len(found) <= _CHAIN and "inventory" in found[-1].layer.origin:
        origin = found[-1].layer.origin
        try:
            before = store.layer(str(origin["inventory"]))
        except NotFound:  # it was put away
            break
        found.append(Revision(before, int(origin.get("revision", 0))))
    return found


def _map_of(project: Project, origin: Mapping[str, Any]) -> MapFolder | None:
    """The map that the layer was made of, by a job or by the file beside it; None where there is none any more."""
    folder: Path | None = None
    if "job" in origin:
        folder = JobFolder.of(project.state, str(origin["job"])).map
    elif Path(str(origin.get("file", ""))).stem == _OUTLINES:
        folder = (project.folder / str(origin["file"])).parent
    try:
        return None if folder is None else open_map(folder)
    except FirnlineError:
        return None


def _start(project: Project, origin: Mapping[str, Any], first: gpd.GeoDataFrame, findings: list[str]) -> Inventory:
    """The inventory that the layer began as, in what cannot be measured."""
    if "file" in origin:
        name = str(origin["file"])
        path = {entry.name: entry.path for entry in project.files().values()}.get(name)
        try:
            if path is not None:
                require_plain(path)
                return read_start(path, first)
            why = "is not there any more"
        except FirnlineError as error:
            why = error.what
        findings.append(f"{name} {why}: names, dates and unknown ground that it gave are left out")
        return started_from(first)
    scene = None if origin["scene_id"] is None else project.scene(str(origin["scene_id"]))
    date = None if scene is None or scene.scene.date is None else scene.scene.date.isoformat()
    columns = {
        **dict.fromkeys(("src_date", "src_date_from", "src_date_to"), date),
        "scene": None if scene is None else Path(scene.name).name,
        "method": _method(origin),
        "quality": origin.get("quality") or None,
    }
    ids = first["glacier_id"].dropna().unique()
    return started_from(first, pd.DataFrame(columns, index=pd.Index(ids, name="glacier_id")))


def _method(origin: Mapping[str, Any], by_hand: str | None = None) -> str:
    """Model, hand and software, as far as they took part."""
    steps = (origin.get("model"), by_hand, f"firnline {__version__}")
    return ", ".join(str(step) for step in steps if step is not None)


def scheme_of(layer: Layer, parts: gpd.GeoDataFrame) -> LabelScheme:
    """What the classes of parts tell apart: where there is no debris, what the layer's file or model did."""
    said = origin_of(layer).get("scheme")
    if (parts["class"] == DEBRIS).any():
        return LabelScheme.CLASS
    return LabelScheme(said) if said in (LabelScheme.GLACIER, LabelScheme.CLEAN) else LabelScheme.CLASS


def _told(origin: Mapping[str, Any], mapped: MapFolder | None, start: Inventory) -> LabelScheme | None:
    """CLEAN or DEBRIS where the model, map or inventory that the layer comes of knew nothing else; None else."""
    one_class = (LabelScheme.CLEAN, LabelScheme.DEBRIS)
    if origin.get("scheme") in one_class:
        return LabelScheme(origin["scheme"])
    if mapped is not None:
        return mapped.raster.scheme if mapped.raster.scheme in one_class else None
    knows = [bool(start.glaciers[name].notna().any()) for name in ("clean_km2", "debris_km2")]
    return {(True, False): LabelScheme.CLEAN, (False, True): LabelScheme.DEBRIS}.get((knows[0], knows[1]))


def _seen(scene: SceneEntry | None, mapped: MapFolder | None, layer: Layer) -> Seen:
    """What was seen of the ground: of a map what it knows, else the scene's footprint."""
    crs = pyproj.CRS.from_wkt(layer.crs)
    if mapped is not None:
        classes, grid, _ = mapped.raster
        here = pyproj.CRS.from_user_input(grid.crs)
        if here == crs:
            is_class = mapped.raster.scheme == LabelScheme.CLASS
            probabilities = mapped.probabilities if is_class else None
            return Seen(grid.footprint(), unknown_ground(classes, grid), layer.pixel_m, probabilities)
    footprint = None if scene is None else scene.scene.grid.footprint()
    return Seen(
        footprint, gpd.GeoSeries([], crs=crs) if mapped is None and _is_own(origin_of(layer)) else None, layer.pixel_m
    )


def _is_own(origin: Mapping[str, Any]) -> bool:
    """Whether it was drawn here: nothing before says what is unknown."""
    return not {"file", "job", "inventory"} & set(origin)


@contextmanager
def _heights(scene: SceneEntry | None) -> Iterator[Heights | None]:
    if scene is None:
        yield None
        return
    with open_heights(scene.scene.grid, None, scene.source) as heights:
        yield heights


def _known(scene: SceneEntry | None, origin: Mapping[str, Any], layer: Layer, heights: Heights | None) -> Known:
    date = None if scene is None else scene.scene.date
    is_of_scene = origin["scene_id"] == layer.scene_id
    return Known(
        dates=None if date is None else (date, date),
        dem=None if heights is None else heights.dem,
        dem_source=None if heights is None else heights.source,
        method=_method(origin, "drawn by hand" if _is_own(origin) else "corrected by hand"),
        scene=None if scene is None else Path(scene.name).name,
        quality=origin.get("quality") or None if is_of_scene else None,
    )


def _record(project: Project, lineage: list[Revision], store: Store) -> dict[str, object]:
    """Who corrected what, also before the layer was copied from another."""
    names = {entry.id: entry.name for entry in project.scenes().values()}
    done = [
        Correction(
            each.at, each.operation, each.who,
            None if each.scene_id is None else names.get(each.scene_id, each.scene_id), each.why, len(each.features),
        )
        for revision in lineage
        for each in store.changes(revision.layer.id)
        if each.revision <= revision.number
    ]  # fmt: skip
    wanted, origin = lineage[0], origin_of(lineage[0].layer)
    return edit_record(
        done, layer=wanted.layer.name, revision=wanted.number, snapshot=wanted.snapshot, origin=origin,
        model=None if origin.get("model") is None else str(origin["model"]),
    )  # fmt: skip


def _with_findings(made: Inventory, findings: list[str]) -> Inventory:
    said = dict(made.provenance)
    said["findings"] = [*findings, *said["findings"]]
    return Inventory(made.glaciers, made.parts, made.holes, made.lakes, hypsometry=made.hypsometry, provenance=said)
