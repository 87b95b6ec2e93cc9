"""What a folder may set, and that nothing leaves this machine unless it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from firnline.errors import ConfigError
from firnline.server.app import create_app
from firnline.server.project import Project
from firnline.server.settings import FILE, read_settings

OURS = {"name": "ours", "url": "http://127.0.0.1:9001/{z}/{x}/{y}.png?key=a", "attribution": "us", "max_zoom": 12}


def written(state: Path, **settings: Any) -> Path:
    state.mkdir(exist_ok=True)
    (state / FILE).write_text(yaml.safe_dump(settings))
    return state


def policy_of(project: Project) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
    """What the page may load by directive, and the basemaps that it is told of."""
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as client:
        policy = client.get("/").headers["content-security-policy"]
        found = client.get("/api/v1/project").json()["settings"]["basemaps"]
    return {name: allowed for name, *allowed in (each.split() for each in policy.split(";"))}, found


def test_without_settings_nothing_leaves_this_machine(project: Project) -> None:
    policy, basemaps = policy_of(project)
    assert basemaps == []
    assert not any("//" in each for allowed in policy.values() for each in allowed)


def test_basemaps_that_are_named_but_not_switched_on_are_not_offered(project: Project) -> None:
    written(project.state, basemaps=[OURS])
    policy, basemaps = policy_of(project)
    assert basemaps == []
    assert not any("//" in each for allowed in policy.values() for each in allowed)


def test_switched_on_the_policy_allows_pictures_of_those_hosts_and_no_other(project: Project) -> None:
    written(project.state, online_basemaps=True, basemaps=[OURS])
    policy, basemaps = policy_of(project)
    assert basemaps == [OURS | {"terms": None}]
    foreign = {name: [each for each in allowed if "//" in each] for name, allowed in policy.items()}
    assert {name: each for name, each in foreign.items() if each} == {"img-src": ["http://127.0.0.1:9001"]}


def test_switched_on_alone_it_offers_maps_that_are_free_to_look_at(project: Project) -> None:
    written(project.state, online_basemaps=True)
    policy, basemaps = policy_of(project)
    assert [each["name"] for each in basemaps] == ["OpenTopoMap", "OpenStreetMap"]
    assert all("OpenStreetMap contributors" in each["attribution"] for each in basemaps)
    foreign = [each for each in policy["img-src"] if "//" in each]
    assert foreign == ["https://tile.openstreetmap.org", "https://tile.opentopomap.org"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "https://a.example/{z}/{x}.png"}, "{y}"),
        ({"url": "https://a.example/{z}/{x}/{y}/{y}.png"}, "once"),
        ({"url": "https://{s}.example/{z}/{x}/{y}.png"}, "host"),
        ({"url": "https://a.example/{s}/{z}/{x}/{y}.png"}, "name one host"),
        ({"url": "https://{z}.example/{x}/{y}.png"}, "host"),
        ({"url": "ftp://a.example/{z}/{x}/{y}.png"}, "https://"),
        ({"url": "//a.example/{z}/{x}/{y}.png"}, "https://"),
        ({"url": "javascript:alert(1)//{z}/{x}/{y}"}, "https://"),
        ({"url": "https://ana:secret@a.example/{z}/{x}/{y}.png"}, "password"),
        ({"url": "https://a.example;script-src *;/{z}/{x}/{y}.png"}, "host"),
        ({"url": "https://a.example script-src/{z}/{x}/{y}.png"}, "host"),
        ({"url": "https://*/{z}/{x}/{y}.png"}, "host"),
        ({"url": "https://a.example:99999/{z}/{x}/{y}.png"}, "url"),
        ({"url": "https://a.example/{z}/{x}/{y}.png#here"}, "fragment"),
        ({"url": "https://a.example/{z}/{x}/ {y}.png"}, "spaces"),
        ({"terms": "javascript:alert(1)"}, "terms"),
        ({"attribution": ""}, "attribution"),
        ({"max_zoom": 99}, "max_zoom"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_basemap_that_is_none_is_refused_in_a_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    state = written(tmp_path, online_basemaps=True, basemaps=[OURS | change])
    with pytest.raises(ConfigError) as refused:
        read_settings(state)
    line = str(refused.value)
    assert "basemaps.0" in line
    assert said in line
    assert "\n" not in line
    assert "secret" not in line


def test_two_basemaps_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one name"):
        read_settings(written(tmp_path, basemaps=[OURS, OURS]))


def test_an_unknown_setting_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"online_maps.*known are online_basemaps"):
        read_settings(written(tmp_path, online_maps=True))
