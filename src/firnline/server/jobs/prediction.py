"""A prediction: a scene, or an area of it, mapped by a model; its outlines become a layer of proposals."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Final

import geopandas as gpd
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from firnline.classes import UNKNOWN, LabelScheme
from firnline.clip import cut_scene, outside, window_of
from firnline.errors import ModelError, OutputError, SceneError
from firnline.features import FeatureSource
from firnline.files import replaced
from firnline.inference.journal import Journal, clear, open_journal
from firnline.inference.open_model import RULES
from firnline.inference.runtime import Runtime, open_runtime
from firnline.inventory.glaciers import find_glaciers
from firnline.inventory.map_folder import open_map
from firnline.mapping import WORK, MapResult, MapSettings, Prepared, map_prepared, prepare
from firnline.models.bundle import Bundle
from firnline.server.jobs.band_picture import write_band_picture
from firnline.server.jobs.folder import RASTERS, JobFolder
from firnline.server.jobs.job import Job
from firnline.server.jobs.job_store import JobStore
from firnline.server.project import Project, SceneEntry
from firnline.server.store.layer import Layer
from firnline.server.store.store import Store

_CHECKED, _MAPPED, _DRAWN = 0.05, 0.85, 0.95
"""Progress after the check of the scene, the last row band, and the results."""

_AS_CLASS: Final = {LabelScheme.CLASS: {1: 1, 2: 2}, LabelScheme.CLEAN: {1: 1}, LabelScheme.DEBRIS: {1: 2}}
"""Classes of a layer (1 clean ice, 2 debris-covered ice) by label scheme and value."""

_UNTOLD: Final = "done; the model does not tell clean from debris-covered ice: all of it is drawn as clean"


class Prediction:
    """One prediction in its worker process; made again after a stop, it goes on where it was.

    Parameters
    ----------
    project, job, folder
        What is mapped, and where the results go.
    jobs, layers
        Where it tells how far it is, and where its layer goes.
    """

    def __init__(self, project: Project, job: Job, folder: JobFolder, jobs: JobStore, layers: Store) -> None:
        self.project, self.job, self.folder, self.jobs, self.layers = project, job, folder, jobs, layers
        self.area: BaseGeometry | None = None if job.area is None else shape(dict(job.area))
        self._runtimes: dict[tuple[object, ...], Runtime] = {}

    def run(self) -> None:
        """Map, make the layer, and end the job.

        Raises
        ------
        FirnlineError
            When it cannot be done.
        """
        if not self.folder.mapped.is_file():
            self._say(0.0, "checks the scene")
            ready = self._prepared()
            self._drop_other_work(ready)
            self._say(_CHECKED, "maps")
            map_prepared(ready, lambda done, count: self._mapped(ready, done, count), self._note)
        shutil.rmtree(self.folder.part, ignore_errors=True)
        self._say(_DRAWN, "draws outlines")
        layer = self._layer_of_before() or self._make_layer()
        said = json.loads(self.folder.mapped.read_text(encoding="utf-8"))
        message = _UNTOLD if layer.origin["scheme"] == LabelScheme.GLACIER else "done"
        if not self.jobs.finish(self.job.id, {"inventory": layer.id, **said}, message):
            self.layers.delete_layer(layer.id)  # it was cancelled meanwhile

    def _say(self, progress: float, message: str) -> None:
        self.jobs.progress(self.job.id, progress, message)

    def _prepared(self) -> Prepared:
        """Scene and model made ready; of an area, the part of the scene with all windows that touch it."""
        entry, model = self._scene(), self._model()
        settings = MapSettings(
            minimum_area_km2=self.job.settings["minimum_area_km2"], uncertainty=self.job.settings["uncertainty"],
            force=self.job.settings["force"], area=self.area,
            report=False,
        )  # fmt: skip
        whole = prepare(entry.source, model, self.folder.map, settings, runtimes=self._runtime)
        if self.area is None:
            return whole
        window = whole.lattice.around(window_of(self.area, entry.scene.grid))
        part = self.folder.part / entry.path.name
        if window == entry.scene.grid.window:
            return whole
        self._say(_CHECKED / 2, "cuts the area out of the scene")
        cut = FeatureSource(cut_scene(entry.scene, window, part, again=False), entry.dem)
        return prepare(cut, model, self.folder.map, settings, found=whole.found, runtimes=self._runtime)

    def _drop_other_work(self, ready: Prepared) -> None:
        """Begin anew where the scene, the model or firnline changed since the work was stopped."""
        work = ready.out_dir / WORK
        if not work.is_dir():
            return
        try:
            open_journal(work, ready.depends_on)
        except OutputError:
            clear(work)
            shutil.rmtree(self.folder.picture(0).parent, ignore_errors=True)

    def _scene(self) -> SceneEntry:
        entry = None if self.job.scene_id is None else self.project.scene(self.job.scene_id)
        if entry is None:
            raise SceneError("the scene is not there any more", do="put it back, and predict again")
        return entry

    def _model(self) -> str:
        if self.job.model_id == RULES:
            return RULES
        found = None if self.job.model_id is None else self.project.models().get(self.job.model_id)
        if found is None:
            raise ModelError("the model is not there any more", do="put it back, and predict again")
        return str(found.path)

    def _runtime(self, bundle: Bundle, *how: object) -> Runtime:
        """A network is made ready once, for the whole scene's check and for the part."""
        key = (str(bundle.folder), *how)
        if key not in self._runtimes:
            self._runtimes[key] = open_runtime(bundle, *how)  # type: ignore[arg-type] # as open_model calls it
        return self._runtimes[key]

    def _mapped(self, ready: Prepared, done: int, count: int) -> None:
        """Show a row band that is mapped, once."""
        picture = self.folder.picture(done - 1)
        if not picture.is_file():
            self._draw(ready, done - 1)
        self._say(_CHECKED + (_MAPPED - _CHECKED) * done / count, f"{done} of {count} row bands")

    def _draw(self, ready: Prepared, band: int) -> None:
        grid, (first, stop) = ready.source.scene.grid, ready.lattice.rows_of(band)
        here = grid.of_window(replace(grid.window, row=first, height=stop - first))
        classes = Journal(ready.out_dir / WORK).read(band)[0]
        if self.area is not None:
            classes[outside(self.area, here)] = UNKNOWN
        write_band_picture(self.folder.picture(band), classes, ready.opened.mapper.scheme)
        image = f"/api/v1/jobs/{self.job.id}/bands/{band}.png"
        self.jobs.band(self.job.id, {"job": self.job.id, "band": band, "image": image, "bounds": list(here.bounds)})

    def _note(self, result: MapResult) -> None:
        """Note that the map is whole, before the row bands are dropped."""
        rasters = [name for name in RASTERS if (result.out_dir / RASTERS[name]).is_file()]
        if self.job.model_id == RULES:
            rasters.remove("probabilities")  # rules decide 0 or 1
        said = {"rasters": rasters, "marks": list(result.marks), "unknown_share": result.unknown_share}
        with replaced(self.folder.mapped) as path:
            path.write_text(json.dumps(said), encoding="utf-8")

    def _layer_of_before(self) -> Layer | None:
        """The layer that this job made before it was stopped between that and telling so."""
        return next((layer for layer in self.layers.layers() if layer.origin.get("job") == self.job.id), None)

    def _make_layer(self) -> Layer:
        mapped = open_map(self.folder.map)
        grid, scheme = mapped.raster.grid, mapped.raster.scheme
        found = find_glaciers(
            mapped.raster.classes, grid, scheme, minimum_area_km2=self.job.settings["minimum_area_km2"],
            probabilities=mapped.probabilities,
        )  # fmt: skip
        origin = {
            "job": self.job.id, "model": str(mapped.record["model"]["model"]), "scene": mapped.scene_name,
            "scheme": str(scheme), "quality": mapped.quality, "made": mapped.record["made"],
        }  # fmt: skip
        return self.layers.create_layer(
            self.job.name, grid.crs.to_wkt(), "proposal", _classed(found.parts, scheme), pixel_m=grid.resolution,
            scene_id=self.job.scene_id, origin=origin,
        )  # fmt: skip


def _classed(parts: gpd.GeoDataFrame, scheme: LabelScheme) -> gpd.GeoDataFrame:
    """Parts with the classes of layers; where a model does not tell clean from debris, all are clean (`_UNTOLD`)."""
    numbers = _AS_CLASS.get(scheme, {1: 1})
    return parts.assign(**{"class": parts["class_value"].map(numbers).astype("int64")})
