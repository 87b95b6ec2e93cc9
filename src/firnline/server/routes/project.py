"""The project: what is served here."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

import firnline
from firnline.server.routes.dependencies import ProjectDep, SettingsDep

router = APIRouter(tags=["project"])


class PageSettings(BaseModel):
    """Settings that the page follows."""

    online_basemaps: bool


class ProjectAnswer(BaseModel):
    """The project."""

    name: str
    version: str
    demo: bool
    settings: PageSettings


@router.get("/project")
def project(project: ProjectDep, settings: SettingsDep) -> ProjectAnswer:
    """What is served here."""
    page = PageSettings(online_basemaps=settings.online_basemaps)
    return ProjectAnswer(name=project.name, version=firnline.__version__, demo=project.demo, settings=page)
