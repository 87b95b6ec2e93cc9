"""Lists of scenes: what is wrong in one is told in one line, with its place, before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from firnline.cluster.scene_list import read_scene_list
from firnline.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a list beside two scenes and a DEM."""
    for name in ("a.tif", "b.tif", "deep/a.tif", "dem.tif", "a.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def make(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return make


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", "# two scenes\n\na.tif\n  deep/../b.tif\n"),
        ("list.csv", "scene\na.tif\nb.tif\n"),
        ("list.csv", "# of today\nid,scene\n,a.tif\n,b.tif\n"),
        ("list.yaml", "- a.tif\n- scene: b.tif\n"),
    ],
)
def test_text_csv_and_yaml_say_the_same(write: Callable[..., Path], tmp_path: Path, name: str, content: str) -> None:
    found = read_scene_list(write(name, content))
    assert [each.id for each in found] == ["a", "b"]
    assert [Path(each.scene).resolve() for each in found] == [tmp_path / "a.tif", tmp_path / "b.tif"]


def test_a_scene_has_its_own_id_dem_and_sidecar(write: Callable[..., Path], tmp_path: Path) -> None:
    first, second = read_scene_list(
        write("list.csv", "scene,id,dem,sidecar\na.tif,khumbu,dem.tif,a.yaml\nb.tif,,,\n"), dem=tmp_path / "a.tif"
    )
    assert (first.id, first.dem, first.sidecar) == ("khumbu", tmp_path / "dem.tif", tmp_path / "a.yaml")
    assert (second.id, second.dem, second.sidecar) == ("b", tmp_path / "a.tif", None)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("list.txt", "a.tif\nb.tif\nc.tif\n", "list.txt, line 3: c.tif does not exist; paths are relative"),
        ("list.txt", "a.tif\ndeep\n", "list.txt, line 2: deep is a folder"),
        ("list.txt", "a.tif\n\ndeep/a.tif\n", "list.txt: two scenes have the id 'a' (line 1 and line 3)"),
        ("list.csv", "scene,id\na.tif,X\nb.tif,x\n", "two scenes have the id 'x' (line 2 and line 3)"),
        ("list.csv", "scene,id\na.tif,../up\n", "line 2: the id '../up' is no name for a folder"),
        ("list.csv", "scene,id\na.tif,.cluster\n", "the id '.cluster' is no name for a folder"),
        ("list.csv", "scene,id\na.tif,summary.json\n", "the id 'summary.json' is no name for a folder"),
        ("list.csv", "scene,name\na.tif,x\n", "line 1: 'name' is not known; it may be scene, id, dem, sidecar"),
        ("list.csv", "id\nx\n", "line 1: there is no 'scene'"),
        ("list.csv", "scene,id\na.tif,x,y\n", "line 2: has 3 values, and the columns are 2"),
        ("list.csv", "scene,dem\na.tif,none.tif\n", "line 2: none.tif does not exist"),
        ("list.csv", "scene,id\n,x\n", "line 2: names no scene"),
        ("list.yaml", "scene: a.tif\n", "list.yaml: is not a list of scenes"),
        ("list.yaml", "- a.tif\n- scene: b.tif\n  sensor: x\n", "entry 2: 'sensor' is not known"),
        ("list.txt", "# none\n", "list.txt: names no scenes"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(write: Callable[..., Path], name: str, content: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_scene_list(write(name, content))
    assert said in str(error.value)


def test_names_that_gdal_knows_are_taken_as_they_are(write: Callable[..., Path]) -> None:
    (found,) = read_scene_list(write("list.csv", "scene,id\n/vsizip/x.zip/scene.tif,zipped\n"))
    assert found.scene == "/vsizip/x.zip/scene.tif"
