"""The project: what is served here."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

import firnline
from firnline.server.basemaps import Basemap
from firnline.server.routes.dependencies import ProjectDep, SettingsDep

router = APIRouter(tags=["project"])


class PageSettings(BaseModel):
    """Settings that the page follows."""

    basemaps: list[Basemap]
    """Maps from the internet that may lie beneath a scene; none unless the folder's settings say so."""


class ProjectAnswer(BaseModel):
    """The project."""

    name: str
    version: str
    demo: bool
    settings: PageSettings


@router.get("/project")
def project(project: ProjectDep, settings: SettingsDep) -> ProjectAnswer:
    """What is served here."""
    page = PageSettings(basemaps=list(settings.offered))
    return ProjectAnswer(name=project.name, version=firnline.__version__, demo=project.demo, settings=page)
