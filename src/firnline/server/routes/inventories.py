"""Layers of outlines: made, listed, renamed, put away."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

import geopandas as gpd
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from firnline.inventory.read_parts import read_parts
from firnline.server.layer_inventory import origin_of
from firnline.server.problems import NotFound, Problem
from firnline.server.project import FileEntry, Project
from firnline.server.routes.answers import LayerAnswer, layer_answer
from firnline.server.routes.dependencies import Id, ProjectDep, StoreDep
from firnline.server.store.layer import Layer
from firnline.server.store.store import Store
from firnline.server.vector_files import require_plain

router = APIRouter(tags=["inventories"])

Name = Annotated[str, Field(min_length=1, max_length=200)]


class NewLayer(BaseModel):
    """A layer to make: from a file of the project, as a copy of another layer, or empty."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scene: Annotated[str, Field(pattern="^[0-9a-f]{12}$", description="the scene whose CRS it has")]
    file: Annotated[str | None, Field(pattern="^[0-9a-f]{12}$")] = None
    debris: Annotated[
        str | None, Field(pattern="^[0-9a-f]{12}$", description="another file, of debris on the outlines of `file`")
    ] = None
    inventory: Annotated[str | None, Field(pattern="^[0-9a-f]{12}$")] = None
    kind: Literal["inventory", "reference"] = "inventory"


class LayerPatch(BaseModel):
    """What changes of a layer."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class NewLayerAnswer(LayerAnswer):
    """The layer, and what its user should know of how it was read."""

    findings: list[str]


@router.get("/inventories")
def inventories(store: StoreDep) -> list[LayerAnswer]:
    """All layers, the oldest first."""
    return [layer_answer(layer) for layer in store.layers()]


@router.get("/inventories/{layer_id}")
def inventory(store: StoreDep, layer_id: Id) -> LayerAnswer:
    """One layer."""
    return layer_answer(store.layer(layer_id))


@router.post("/inventories", status_code=HTTPStatus.CREATED)
def make(project: ProjectDep, store: StoreDep, new: NewLayer, response: Response) -> NewLayerAnswer:
    """Make a layer in the CRS of a scene."""
    scene = project.scene(new.scene)
    if scene is None:
        raise NotFound("scene")
    if new.file is not None and new.inventory is not None:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "a layer comes from a file or from another layer, not from both"
        )
    if new.debris is not None and new.file in (None, new.debris):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "debris is a file beside another one of the outlines")
    crs = scene.scene.grid.crs.to_wkt()
    origin: dict[str, Any] = {"scene": scene.name}
    findings: tuple[str, ...] = ()
    if new.file is not None:
        file = _file(project, new.file)
        debris = None if new.debris is None else _file(project, new.debris)
        parts = read_parts(file.path, crs, debris=None if debris is None else debris.path)
        findings = parts.attrs["findings"]
        origin |= {"file": file.name, "scheme": parts.attrs["scheme"]}
        if debris is not None:
            origin["debris"] = debris.name
    elif new.inventory is not None:
        parts, source = _copied(store, new.inventory, crs)
        # What it came from stays known when the other layer is put away: above all, what its map did not see.
        origin |= {"inventory": source.id, "revision": source.revision, "began": dict(origin_of(source))}
        if "model" in origin_of(source):
            origin["model"] = origin_of(source)["model"]
    else:
        parts = gpd.GeoDataFrame({"class": []}, geometry=[], crs=crs)
    pixel = scene.scene.grid.resolution
    layer = store.create_layer(new.name, crs, new.kind, parts, pixel_m=pixel, scene_id=new.scene, origin=origin)
    response.headers["Location"] = f"/api/v1/inventories/{layer.id}"
    return NewLayerAnswer(**layer_answer(layer).model_dump(), findings=list(findings))


@router.patch("/inventories/{layer_id}")
def rename(store: StoreDep, layer_id: Id, patch: LayerPatch) -> LayerAnswer:
    """Give a layer another name."""
    return layer_answer(store.rename(layer_id, patch.name))


@router.delete("/inventories/{layer_id}", status_code=HTTPStatus.NO_CONTENT)
def put_away(store: StoreDep, layer_id: Id) -> None:
    """Put a layer away: it is not listed any more, but its history stays in the database."""
    store.delete_layer(layer_id)


def _file(project: Project, file_id: str) -> FileEntry:
    """A vector file that is what its name says."""
    entry = project.files().get(file_id)
    if entry is None:
        raise NotFound("file")
    require_plain(entry.path)
    return entry


def _copied(store: Store, layer_id: str, crs: str) -> tuple[gpd.GeoDataFrame, Layer]:
    """The parts of another layer, which must have the same CRS: brought into another, edges would come apart.

    Also that layer at their revision, up to which its corrections are part of the copy's provenance.
    """
    layer = store.layer(layer_id)
    if layer.crs != crs:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "the layer is in another CRS than the scene: export and import it"
        )
    return store.features_frame(layer_id, layer.revision), layer
