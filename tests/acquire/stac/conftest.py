"""The made-up catalogue, and a guard against any network but loopback."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rasterio.crs import CRS

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import Catalogue, Family
from firnline.acquire.catalogue.ranking import Pass, rank
from firnline.acquire.catalogue.search import Found, Query, area_of, search
from firnline.acquire.network import Patience
from firnline.bands import Sensor

from .server import loopback_server
from .world import AOI, UTM, FakeApi, World, build, write_area

QUICK = Patience(attempts=3, first_wait=0.01, longest_wait=0.02, timeout=2.0)


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may connect to loopback alone; GDAL's requests elsewhere would go to a proxy that is not there."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        assert address[0] in ("127.0.0.1", "localhost", "::1"), f"a test reached for {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture(scope="session")
def built() -> Iterator[World]:
    with loopback_server() as server:
        yield build(server)


@pytest.fixture
def world(built: World) -> World:
    """The catalogue as it was built, whatever a test before did to it."""
    import copy

    server = built.server
    if not hasattr(built, "kept"):
        built.kept = dict(server.files), copy.deepcopy(built.items)  # type: ignore[attr-defined]
    files, items = built.kept  # type: ignore[attr-defined]
    server.files, built.items = dict(files), copy.deepcopy(items)
    server.routes, server.scripts, server.requests, server.bytes_sent = {}, {}, [], 0
    return built


@pytest.fixture
def fake(world: World) -> FakeApi:
    api = FakeApi(world)
    api.mount()
    return api


@pytest.fixture
def catalogue(fake: FakeApi) -> Catalogue:
    names = {Family.LANDSAT: "landsat-c2-l2", Family.SENTINEL2: "sentinel-2-l2a", Family.DEM: "cop-dem-glo-30"}
    return Catalogue("fake", fake.url, names, keeps_sentinel2_offset=True)


@pytest.fixture
def aoi() -> Aoi:
    return Aoi(AOI, CRS.from_wkt(UTM.to_wkt()), "area.gpkg")


@pytest.fixture
def area_file(tmp_path: Path) -> Path:
    return write_area(tmp_path / "area.gpkg")


@pytest.fixture
def find(catalogue: Catalogue, aoi: Aoi) -> Callable[..., tuple[Found, tuple[Pass, ...]]]:
    """Search the Landsat days over the area, and rank them."""

    def run(*sensors: Sensor, **more: Any) -> tuple[Found, tuple[Pass, ...]]:
        query = {"first": dt.date(2001, 1, 1), "last": dt.date(2023, 12, 31), "aoi": aoi, **more}
        found = search(catalogue, Query(sensors or (Sensor.LANDSAT7,), **query), QUICK)
        return found, rank(found.items, area_of(aoi))

    return run
