"""From a map to an inventory: what is written passes its own check, and nothing in it is guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from firnline.features import FeatureSource
from firnline.inventory.inventory import read_inventory
from firnline.mapping import map_scene
from firnline.scene import open_scene
from firnline.synthetic import SyntheticRange, make_range

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def mountains(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRange:
    return make_range(tmp_path_factory.mktemp("range"), width=384, height=320, seed=3)


@pytest.fixture(scope="module")
def mapped(mountains: SyntheticRange, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("map") / "out"
    map_scene(FeatureSource(open_scene(mountains.scene)), "ratio", out)
    return out


def test_an_inventory_of_a_synthetic_range_passes_its_check(mapped: Path, tmp_path: Path, firnline: Cli) -> None:
    path = tmp_path / "inventory.gpkg"
    code, out, err = firnline("inventory", "make", mapped, "-o", path)
    assert (code, err) == (0, ""), out + err
    made = read_inventory(path)
    assert len(made.glaciers) > 3
    assert made.glaciers["glacier_id"].is_unique
    assert made.glaciers["zmed_m"].notna().all(), "heights come from the scene's own elevation"
    assert set(made.hypsometry.groupby("glacier_id")["per_mille"].sum()) == {1000}
    assert shapely.coverage_is_valid(made.parts.geometry.to_numpy())
    assert made.parts["area_km2"].sum() == pytest.approx(made.glaciers["area_km2"].sum(), rel=1e-6)
    code, out, err = firnline("inventory", "check", path)
    assert code == 0, out + err


def test_nothing_is_guessed(mapped: Path, tmp_path: Path, firnline: Cli) -> None:
    path = tmp_path / "inventory.gpkg"
    firnline("inventory", "make", mapped, "-o", path)
    glaciers = read_inventory(path).glaciers
    for name in ("rgi_id", "glims_id", "glac_name", "o1region", "o2region", "primeclass", "lmax_m", "termlon"):
        assert glaciers[name].isna().all(), name
    for name in ("conn_lvl", "surge_type", "term_type"):
        assert (glaciers[name] == 9).all(), name


def test_provenance_goes_with_it(mapped: Path, tmp_path: Path, firnline: Cli) -> None:
    path = tmp_path / "inventory.gpkg"
    firnline("inventory", "make", mapped, "-o", path, "--minimum-area", 0.02)
    said = read_inventory(path).provenance
    assert said["settings"]["minimum_area_km2"] == 0.02
    assert said["map"]["model_argument"] == "ratio"
    assert read_inventory(path).glaciers["area_km2"].min() >= 0.0199


def test_a_reference_gives_its_divides(
    mountains: SyntheticRange, mapped: Path, tmp_path: Path, firnline: Cli
) -> None:
    path, again = tmp_path / "first.gpkg", tmp_path / "second.gpkg"
    firnline("inventory", "make", mapped, "-o", path)
    code, out, err = firnline("inventory", "make", mapped, "-o", again, "--reference", path)
    assert (code, err) == (0, ""), out + err
    first, second = read_inventory(path).glaciers, read_inventory(again).glaciers
    assert set(second["reference_id"].dropna()) == set(first["glacier_id"])
    assert second["rgi_id"].isna().all(), "the ids of another inventory of firnline are no RGI ids"
    merged = second.merge(first, left_on="reference_id", right_on="glacier_id", suffixes=("", "_first"))
    assert merged["area_km2"].to_numpy() == pytest.approx(merged["area_km2_first"].to_numpy(), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "holds no classes.tif"),
        (["MAP", "--dem", "nowhere.tif"], "does not exist"),
        (["MAP", "--reference", "nowhere.gpkg"], "nowhere.gpkg"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, mapped: Path, tmp_path: Path, firnline: Cli) -> None:
    path = tmp_path / "inventory.gpkg"
    given = [str(mapped) if part == "MAP" else part for part in arguments]
    code, _, err = firnline("inventory", "make", *given, "-o", path)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_record_of_an_older_version_is_told(mapped: Path, tmp_path: Path, firnline: Cli) -> None:
    folder = tmp_path / "map"
    folder.mkdir()
    for name in ("classes.tif", "provenance.json"):
        (folder / name).write_bytes((mapped / name).read_bytes())
    record = json.loads((folder / "provenance.json").read_text())
    del record["scene"]["file"]
    (folder / "provenance.json").write_text(json.dumps(record))
    code, _, err = firnline("inventory", "make", folder, "-o", tmp_path / "inventory.gpkg")
    assert code == 2
    assert "older version" in err


@pytest.mark.real
def test_an_inventory_of_a_real_tile_passes_its_check(shared_data: Path, tmp_path: Path, firnline: Cli) -> None:
    """Sentinel-2 tile 113, mapped by the rules, with the elevation that the tile itself holds."""
    scene = shared_data / "sentinel2-himalaya" / "113_image.tif"
    sidecar = Path(__file__).parents[2] / "examples" / "sidecars" / "sentinel2-himalaya.yaml"
    code, out, err = firnline("map", scene, "--model", "ratio", "--sidecar", sidecar, "-o", tmp_path / "map")
    assert code == 0, out + err
    path = tmp_path / "inventory.gpkg"
    code, out, err = firnline("inventory", "make", tmp_path / "map", "-o", path)
    assert (code, err) == (0, ""), out + err
    code, out, err = firnline("inventory", "check", path)
    assert code == 0, out + err
    glaciers = gpd.read_file(path, layer="glaciers")
    assert glaciers["zmin_m"].between(3000, 6500).all()
