"""OGGM's own reader takes a delivery: a glacier directory for every row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from tests.inventory.inventories import CRS, DIVIDE_M, IDS, glaciers, inventory, same_shape

from firnline.errors import ConfigError
from firnline.inventory.delivery.deliver import deliver
from firnline.inventory.delivery.oggm import oggm_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deliver(inventory(), tmp_path / "delivered", "oggm", region="15-03")
    return tmp_path / "delivered"


@pytest.mark.filterwarnings("ignore")
def test_oggm_makes_a_directory_for_every_row(oggm: Any, folder: Path, tmp_path: Path) -> None:
    oggm.cfg.PATHS["working_dir"] = str(tmp_path / "work")
    oggm.cfg.PARAMS["use_multiprocessing"] = False
    oggm.cfg.PARAMS["use_intersects"] = False
    made = oggm.workflow.init_glacier_directories(gpd.read_file(folder / "glaciers.gpkg"))
    assert [each.rgi_id for each in made] == list(IDS)
    for each, truth in zip(made, glaciers().itertuples(), strict=True):
        assert (each.cenlon, each.cenlat) == (truth.cenlon, truth.cenlat)
        assert each.rgi_area_km2 == pytest.approx(truth.area_km2)
        assert (each.rgi_date, each.rgi_region, each.rgi_subregion) == (2000, "15", "15-03")
        (outline,) = each.read_shapefile("outlines").to_crs(CRS).geometry
        assert same_shape(outline, truth.geometry, 0.01)
    assert [each.terminus_type for each in made] == ["Land-terminating", "Not assigned", "Not assigned"]
    assert made[0].name == "Ghulkin À Côté"


@pytest.mark.filterwarnings("ignore")
def test_oggm_takes_the_divides(oggm: Any, folder: Path) -> None:
    oggm.cfg.set_intersects_db(str(folder / "intersects.gpkg"))
    (line,) = oggm.cfg.PARAMS["intersects_gdf"].itertuples()
    assert (line.rgi_g_id_1, line.rgi_g_id_2) == IDS[:2]
    assert line.length_m == pytest.approx(DIVIDE_M, rel=5e-4)


def test_own_ids_are_the_key_and_rgi_ids_a_link(folder: Path) -> None:
    table = gpd.read_file(folder / "glaciers.gpkg")
    needed = ["rgi_id", "o1region", "o2region", "src_date", "cenlon", "cenlat", "utm_zone", "term_type", "area_km2"]
    assert table[needed].notna().all(axis=None)
    assert table["rgi_id"].tolist() == list(IDS)
    assert table["link_id"].fillna("").tolist() == ["RGI2000-v7.0-G-15-00001", "", ""]
    assert {"glac_name", "dem_source", "glims_id"} <= set(table.columns)
    assert table.crs.to_epsg() == 4326
    assert json.loads((folder / "provenance.json").read_text())["form"] == "oggm"


def test_what_oggm_cannot_do_without_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"o1region and o2region, which 2 of 3 glaciers lack; say it: --region"):
        deliver(inventory(), tmp_path / "a", "oggm")
    undated = inventory(glaciers=glaciers(src_date=[None] * 3, src_date_from=[None] * 3))
    with pytest.raises(ConfigError, match="OGGM needs src_date"):
        oggm_table(undated, "15-03")
    assert list(tmp_path.iterdir()) == []
