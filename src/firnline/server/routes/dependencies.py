"""What routes ask for: the project and what was opened for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from firnline.server.jobs.event_log import EventLog
from firnline.server.jobs.runner import Runner
from firnline.server.problems import NotFound
from firnline.server.project import Project, SceneEntry
from firnline.server.settings import ServerSettings
from firnline.server.store.store import Store

Id = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="an opaque id")]


def _project(request: Request) -> Project:
    project: Project = request.app.state.project
    return project


ProjectDep = Annotated[Project, Depends(_project)]


def _settings(request: Request) -> ServerSettings:
    settings: ServerSettings = request.app.state.settings
    return settings


SettingsDep = Annotated[ServerSettings, Depends(_settings)]


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


StoreDep = Annotated[Store, Depends(_store)]


def _jobs(request: Request) -> Runner:
    jobs: Runner = request.app.state.jobs
    return jobs


JobsDep = Annotated[Runner, Depends(_jobs)]


def _events(request: Request) -> EventLog:
    events: EventLog = request.app.state.events
    return events


EventsDep = Annotated[EventLog, Depends(_events)]


def _scene(project: ProjectDep, scene_id: Id) -> SceneEntry:
    entry = project.scene(scene_id)
    if entry is None:
        raise NotFound("scene")
    return entry


SceneDep = Annotated[SceneEntry, Depends(_scene)]
"""The scene that the path parameter ``scene_id`` names; 404 where there is none."""
