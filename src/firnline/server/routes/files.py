"""Vector files of the project that layers can be made of."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from firnline.errors import LabelError
from firnline.server.project import FileEntry
from firnline.server.routes.dependencies import ProjectDep
from firnline.server.vector_files import layers_of

router = APIRouter(tags=["inventories"])


class FileLayerAnswer(BaseModel):
    """A layer of a file."""

    name: str
    features: int
    crs: str | None


class FileAnswer(BaseModel):
    """A vector file; ``problem`` says why it cannot be read, where it cannot."""

    id: str
    name: str
    layers: list[FileLayerAnswer]
    features: int
    crs: str | None
    problem: str | None


@router.get("/files")
def files(project: ProjectDep) -> list[FileAnswer]:
    """The vector files below the folder, by name; features and CRS are those of the first layer."""
    return [_answer(entry) for entry in project.files().values()]


def _answer(entry: FileEntry) -> FileAnswer:
    try:
        layers = layers_of(entry.path)
        problem = None if layers else "holds no geometry"
    except LabelError as error:
        layers, problem = [], error.what
    first = layers[0] if layers else None
    return FileAnswer(
        id=entry.id,
        name=entry.name,
        layers=[FileLayerAnswer(name=each.name, features=each.features, crs=each.crs) for each in layers],
        features=0 if first is None else first.features,
        crs=None if first is None else first.crs,
        problem=problem,
    )
