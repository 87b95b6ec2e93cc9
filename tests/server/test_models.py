"""Models as pages tell of them: what they need, and why one cannot map a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from firnline.bands import Level
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description
from firnline.server.project import Project


def write(
    folder: Path, name: str, bands: dict[str, bool], resolution: float = 30.0, level: str = "digital number"
) -> None:
    """A bundle's description; its weights are not read to tell of it."""
    read = Reading(level=Level(level), unit="1", mean=0.5, deviation=0.3)
    said = Description(
        name=name, architecture=UNetSettings(width=4, depth=2),
        bands=tuple(BandInput(name=band, required=need, readings=(read,)) for band, need in bands.items()),
        scheme="class", sensors=("landsat7",), resolutions_m=(resolution,), window=64,
        metrics={"clean ice": {"iou": 0.8}}, training={"date": "2026-11-28"},
    )  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(said.model_dump_json())


@pytest.fixture
def found(client: TestClient, project: Project) -> dict[str, dict[str, Any]]:
    """Models by name."""
    write(project.folder / "models" / "good", "good", {"red": True, "swir16": True, "nir08": False})
    write(project.folder / "models" / "fine", "fine", {"red": True}, resolution=10)
    write(project.folder / "models" / "rich", "rich", {"red": True, "rededge1": True})
    write(project.folder / "models" / "raw", "raw", {"red": True}, level="surface reflectance")
    (project.folder / "models" / "broken").mkdir()
    (project.folder / "models" / "broken" / "model.json").write_text("{")
    answer = client.get("/api/v1/models")
    assert answer.status_code == 200
    return {each["name"]: each for each in answer.json()}


def test_the_rules_come_first_and_what_is_damaged_is_left_out(found: dict[str, dict[str, Any]]) -> None:
    assert next(iter(found)) == "Band ratio rules"
    assert set(found) == {"Band ratio rules", "good", "fine", "rich", "raw"}
    rules = found["Band ratio rules"]
    assert (rules["id"], rules["kind"], rules["problems"]) == ("ratio", "rules", {})


def test_a_card_says_what_one_asks_before_using_a_model(found: dict[str, dict[str, Any]]) -> None:
    good = found["good"]
    assert (good["kind"], good["classes"]) == ("network", ["clean ice", "debris-covered ice"])
    assert (good["required"], good["optional"], good["resolution"]) == (["red", "swir16"], ["nir08"], [30.0])
    assert good["card"]["metrics"] == {"clean ice": {"iou": 0.8}}
    assert good["card"]["sensors"] == ["landsat7"]
    assert good["card"]["training"] == {"date": "2026-11-28"}


def test_why_a_model_cannot_map_a_scene_is_told_by_scene(
    found: dict[str, dict[str, Any]], client: TestClient, project: Project
) -> None:
    (scene,) = project.scenes()
    assert found["good"]["problems"] == {}
    assert "pixels of 30 m" in found["fine"]["problems"][scene]
    assert "rededge1" in found["rich"]["problems"][scene]
    assert "digital number" in found["raw"]["problems"][scene]
    answer = client.post("/api/v1/jobs", json={"scene": scene, "model": found["rich"]["id"]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == found["rich"]["problems"][scene]
    assert client.get("/api/v1/jobs").json() == []


def test_one_model(found: dict[str, dict[str, Any]], client: TestClient) -> None:
    good = found["good"]
    assert client.get(f"/api/v1/models/{good['id']}").json() == good
    assert client.get("/api/v1/models/ratio").json()["id"] == "ratio"
    assert client.get("/api/v1/models/0123456789ab").status_code == 404
    assert client.get("/api/v1/models/..%2f..").status_code == 404
