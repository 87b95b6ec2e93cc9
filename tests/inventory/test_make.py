"""From a map to an inventory: what is written passes its own check, and nothing in it is guessed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from firnline.features import FeatureSource
from firnline.inventory.delivery.deliver import deliver
from firnline.inventory.inventory import read_inventory
from firnline.inventory.make import InventorySettings, make_inventory
from firnline.inventory.map_folder import open_map
from firnline.mapping import map_scene
from firnline.scene import open_scene
from firnline.synthetic import SyntheticRange, make_range

Cli = Callable[..., tuple[int, str, str]]

SOME_SUMMER = (dt.date(2018, 8, 1), dt.date(2018, 9, 30))
"""The set does not say the days of its images; a user who knows them says them."""


@pytest.fixture(scope="module")
def mountains(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRange:
    return make_range(tmp_path_factory.mktemp("range"), width=384, height=320, seed=3)


@pytest.fixture(scope="module")
def mapped(mountains: SyntheticRange, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("map") / "out"
    map_scene(FeatureSource(open_scene(mountains.scene)), "ratio", out)
    return out


@pytest.fixture(scope="module")
def path(mapped: Path) -> Path:
    """The inventory of the range."""
    made = mapped.parent / "inventory.gpkg"
    make_inventory(open_map(mapped), made)
    return made


@pytest.fixture(scope="module")
def tile(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inventory of Sentinel-2 tile 113, mapped by the rules, with the elevation that the tile itself holds."""
    folder = tmp_path_factory.mktemp("tile")
    sidecar = Path(__file__).parents[2] / "examples" / "sidecars" / "sentinel2-himalaya.yaml"
    scene = open_scene(shared_data / "sentinel2-himalaya" / "113_image.tif", sidecar=sidecar)
    map_scene(FeatureSource(scene), "ratio", folder / "map")
    make_inventory(open_map(folder / "map"), folder / "inventory.gpkg", InventorySettings(dates=SOME_SUMMER))
    return folder / "inventory.gpkg"


def test_an_inventory_of_a_synthetic_range_passes_its_check(path: Path, firnline: Cli) -> None:
    made = read_inventory(path)
    assert len(made.glaciers) > 3
    assert made.glaciers["glacier_id"].is_unique
    assert made.glaciers["zmed_m"].notna().all(), "heights come from the scene's own elevation"
    assert set(made.hypsometry.groupby("glacier_id")["per_mille"].sum()) == {1000}
    assert shapely.coverage_is_valid(made.parts.geometry.to_numpy())
    assert made.parts["area_km2"].sum() == pytest.approx(made.glaciers["area_km2"].sum(), rel=1e-6)
    code, out, err = firnline("inventory", "check", path)
    assert code == 0, out + err


def test_nothing_is_guessed(path: Path) -> None:
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


def test_a_reference_gives_its_divides(path: Path, mapped: Path, tmp_path: Path, firnline: Cli) -> None:
    again = tmp_path / "second.gpkg"
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
        (["MAP", "--attributes", "nowhere.csv"], "does not exist"),
        (["MAP", "--dates", "summer"], "are no dates"),
        (["MAP", "--dates", "2018-09-01/2018-08-01"], "ends before it begins"),
        (["MAP", "--dates", "2018-09-01/.."], "open at an end"),
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
def test_an_inventory_of_a_real_tile_passes_its_check(tile: Path, firnline: Cli) -> None:
    code, out, err = firnline("inventory", "check", tile)
    assert code == 0, out + err
    glaciers = read_inventory(tile).glaciers
    assert glaciers["zmin_m"].between(3000, 6500).all()


@pytest.mark.real
@pytest.mark.parametrize("which", ["path", "tile"])
def test_it_reads_as_a_table_of_rgi_7(
    which: str, request: pytest.FixtureRequest, tmp_path: Path, firnline: Cli
) -> None:
    made, data = request.getfixturevalue(which), request.getfixturevalue("shared_data")
    code, out, err = firnline("inventory", "export", made, "--to", "rgi7", "-o", tmp_path / "ours")
    assert code == 0, out + err
    ours, theirs = (
        gpd.read_file(tmp_path / "ours" / "ours.shp"),
        gpd.read_file(data / "vectors-dems" / "rgi7g_hef_complex.shp"),
    )
    assert list(ours.columns) == list(theirs.columns)
    assert ours.crs == theirs.crs
    both = pd.concat([theirs, ours], ignore_index=True)
    for name in ("area_km2", "zmed_m", "slope_deg", "aspect_sec", "utm_zone", "term_type"):
        assert both[name].notna().all(), name
        assert both[name].dtype == theirs[name].dtype, name


@pytest.mark.real
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("which", ["path", "tile"])
def test_oggm_accepts_it(which: str, request: pytest.FixtureRequest, oggm: Any, tmp_path: Path) -> None:
    made = read_inventory(request.getfixturevalue(which))
    deliver(made, tmp_path / "delivered", "oggm", region="15-03")
    oggm.cfg.PATHS["working_dir"] = str(tmp_path / "work")
    oggm.cfg.PARAMS["use_multiprocessing"] = oggm.cfg.PARAMS["use_intersects"] = False
    table = gpd.read_file(tmp_path / "delivered" / "glaciers.gpkg")
    directories = oggm.workflow.init_glacier_directories(table)
    assert [each.rgi_id for each in directories] == made.glaciers["glacier_id"].tolist()
    areas = [each.rgi_area_km2 for each in directories]
    assert areas == pytest.approx(made.glaciers["area_km2"].tolist())
