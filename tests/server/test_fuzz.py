"""Whatever is sent, the server answers in its own words: no failure of its own, no answer that is neither."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from shapely import box

from firnline.server.app import create_app
from firnline.server.project import Project

LOCAL = {"Host": "127.0.0.1"}
UNTRIED = {("GET", "/api/v1/events"), ("POST", "/api/v1/jobs")}
"""A stream of events never ends, and a job is a process: neither is for hundreds of tries."""


@pytest.fixture
def app(range_folder: Path, tmp_path: Path) -> Any:
    folder = tmp_path / "project"
    shutil.copytree(range_folder, folder)
    return create_app(Project(folder))


def real_ids(app: Any) -> dict[str, str]:
    """Ids that there are, so that requests get past the first door."""
    (scene,) = app.state.project.scenes().values()
    crs = scene.scene.grid.crs
    parts = gpd.GeoDataFrame({"class": [1]}, geometry=[box(5e5, 3.1e6, 5.01e5, 3.101e6)], crs=crs)
    layer = app.state.store.create_layer("fuzzed", crs.to_wkt(), "inventory", parts, pixel_m=30, scene_id=scene.id)
    feature = app.state.store.features(layer.id)[0]
    return {"layer_id": layer.id, "scene_id": scene.id, "feature_id": feature.id}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_makes_the_server_fail(app: Any, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=LOCAL)
    tried: list[int] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) in UNTRIED:
            continue
        ids = real_ids(app)
        known = {name: ids[name] for name in ids if "{" + name + "}" in operation.path}
        whole = known if operation.path.count("{") == len(known) else {}

        @settings(max_examples=8, derandomize=True, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(mode, **({"path_parameters": whole} if whole else {})))
        def attempt(case: Any) -> None:
            answer = case.call(headers=LOCAL)
            tried.append(answer.status_code)
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)
            if answer.status_code >= 400 and case.method != "HEAD":
                assert answer.headers["content-type"][0].startswith("application/problem+json"), (
                    case.as_curl_command()
                )

        try:
            attempt()
        except Exception as error:
            if "Unsatisfiable" in type(error).__name__:  # nothing of a route without input can be wrong
                continue
            raise
    assert len(tried) > 100
    assert any(status < 300 for status in tried) or mode is GenerationMode.NEGATIVE
