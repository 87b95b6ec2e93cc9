"""The application: routers, what was opened for the project, safety, and the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

import firnline
from firnline.server import problems
from firnline.server.guard import LOOPBACK, Guard
from firnline.server.jobs.event_log import EventLog
from firnline.server.jobs.runner import Runner
from firnline.server.project import Project
from firnline.server.routes import (
    compare,
    events,
    exports,
    features,
    files,
    images,
    inventories,
    jobs,
    models,
    operations,
    scenes,
    segments,
    terrain,
    tiles,
    vector_tiles,
)
from firnline.server.routes import project as project_routes
from firnline.server.settings import ServerSettings, read_settings
from firnline.server.store.database import FILE as DATABASE
from firnline.server.store.database import Database
from firnline.server.store.store import Store

STATIC: Final = Path(__file__).parent / "static"
"""The front end, built by Vite from ``web/``."""

_ROUTERS: Final[tuple[APIRouter, ...]] = (
    project_routes.router,
    scenes.router,
    images.router,
    terrain.router,
    tiles.router,
    inventories.router,
    features.router,
    files.router,
    exports.router,
    compare.router,
    operations.router,
    segments.router,
    vector_tiles.router,
    models.router,
    jobs.router,
    events.router,
)


def create_app(
    project: Project,
    settings: ServerSettings | None = None,
    *,
    hosts: tuple[str, ...] = LOOPBACK,
    ready: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Make the application for a project.

    Parameters
    ----------
    project
        The folder that it serves.
    settings
        Its settings; read from the folder without them.
    hosts
        Host names that it answers to.
    ready
        Called when everything is open and the server is about to answer.

    Raises
    ------
    ConfigError
        When the settings of the folder are wrong.
    OutputError
        When the folder cannot be written to.
    """

    settings = settings or read_settings(project.state)
    database = Database(project.state / DATABASE)
    log = EventLog(database)
    store = Store(database, log.layer_changed)
    runner = Runner(project.state, database, settings.workers)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        runner.start()
        ready()
        yield
        await run_in_threadpool(runner.stop)
        store.close()

    app = FastAPI(
        title="firnline",
        version=firnline.__version__,
        summary="Scenes, models, predictions, inventories and corrections of one folder",
        docs_url=None,  # FastAPI's page loads its script from the internet
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    app.state.project = project
    app.state.settings = settings
    app.state.store = store
    app.state.events = log
    app.state.jobs = runner
    problems.add_handlers(app)
    api = APIRouter(prefix="/api/v1")
    for router in _ROUTERS:
        api.include_router(router)
    app.include_router(api)
    app.add_api_route("/", _page, include_in_schema=False)
    app.add_api_route("/api", _api_page, include_in_schema=False)
    if STATIC.is_dir():
        app.mount("/", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, hosts=hosts, pictures=[each.origin for each in settings.offered])
    return app


async def _page() -> Response:
    return _built("index.html")


async def _api_page() -> Response:
    return _built("api.html")


def _built(name: str) -> Response:
    page = STATIC / name
    if page.is_file():
        return FileResponse(page, headers={"Cache-Control": "no-cache"})
    said = "The front end is not built here: run `make web` in the repository. The API answers under /api/v1."
    return PlainTextResponse(said, status_code=503)
