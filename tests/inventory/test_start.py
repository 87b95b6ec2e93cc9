"""What a layer started from: its first outlines, and what the file says of each glacier; nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from tests.inventory import inventories

from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.inventory.attributes import Known
from firnline.inventory.from_parts import inventory_of_parts
from firnline.inventory.inventory import write_inventory
from firnline.inventory.links import GIVEN
from firnline.inventory.read_parts import read_parts
from firnline.inventory.start import read_start, told

UTM = "EPSG:32645"
LATER = dt.date(2020, 8, 1)


def test_an_inventory_of_firnline_gives_all_that_it_has(tmp_path: Path) -> None:
    """Unedited, every given column and every date comes out as it went in."""
    before = inventories.inventory()
    path = write_inventory(before, tmp_path / "it.gpkg")
    first = read_parts(path, UTM)
    made = inventory_of_parts(first, Known(dates=(LATER, LATER), scene="new"), start=read_start(path, first))
    one, two = (each.glaciers.set_index("glacier_id").sort_index() for each in (before, made))
    for name in ("rgi_id", *GIVEN, "src_date", "src_date_from", "src_date_to", "scene", "method"):
        pd.testing.assert_series_equal(two[name], one[name], check_index=False)
    assert made.provenance["started_from"] == before.provenance


def test_in_another_zone_outlines_are_still_unchanged(tmp_path: Path) -> None:
    path = write_inventory(inventories.inventory(), tmp_path / "it.gpkg")
    first = read_parts(path, "EPSG:32644")
    made = inventory_of_parts(first, Known(dates=(LATER, LATER)), start=read_start(path, first))
    assert made.glaciers.set_index("glacier_id")["src_date"][inventories.IDS[0]] == "2000-10-30"


def test_rgi_7_and_glims_are_told_by_their_own_names() -> None:
    seven = pd.DataFrame(
        {"rgi_id": ["RGI2000-v7.0-G-15-1"], "o1region": ["15"], "o2region": ["15-03"], "glac_name": ["Khumbu"],
         "src_date": ["2002-01-05T00:00:00"], "term_type": [3], "lmax_m": [900], "area_km2": [3.0]}
    )  # fmt: skip
    found = told(seven).loc["RGI2000-v7.0-G-15-1"]
    assert found["rgi_id"] == "RGI2000-v7.0-G-15-1"
    assert found[["o1region", "o2region", "glac_name", "src_date"]].tolist() == [
        "15",
        "15-03",
        "Khumbu",
        "2002-01-05",
    ]
    assert (found["term_type"], found["lmax_m"]) == (3, 900)
    assert "area_km2" not in found.index, "areas are measured"
    glims = told(pd.DataFrame({"glac_id": ["G086E28N"] * 2, "glac_name": ["Khumbu"] * 2, "src_date": [None, None]}))
    assert glims.index.tolist() == ["G086E28N"]
    assert glims["src_date"].isna().all()


def test_codes_that_mean_something_else_are_not_taken() -> None:
    """RGI 6.0 (technical note, table 4): TermType 3 is dry calving, in RGI 7.0 a shelf; Lmax -9 is not known."""
    six = pd.DataFrame(
        {"RGIId": ["a", "b"], "TermType": [3, 1], "Lmax": [-9, 1200], "Form": [0, 1], "Surging": [9, 2]}
    )
    found = told(six)
    assert found["term_type"].fillna(-1).tolist() == [-1, 1]
    assert found["lmax_m"].fillna(-1).tolist() == [-1, 1200]
    assert found["surge_type"].tolist() == [9, 2]
    assert "primeclass" not in found.columns
    assert told(pd.DataFrame({"number": [1]})).empty


def test_a_file_without_dates_gives_none_to_what_nobody_changed(tmp_path: Path) -> None:
    """The day of the scene that is looked at is not the day of an outline drawn before."""
    shapes = [shapely.box(500000 + x, 3100000, 500900 + x, 3100900) for x in (0, 2000)]
    gpd.GeoDataFrame({"RGIId": ["a", "b"]}, geometry=shapes, crs=UTM).to_file(tmp_path / "a.gpkg")
    first = read_parts(tmp_path / "a.gpkg", UTM)
    start = read_start(tmp_path / "a.gpkg", first)
    edited = first.copy()
    edited.loc[0, "geometry"] = shapely.box(500000, 3100000, 500900, 3100800)
    made = inventory_of_parts(edited, Known(dates=(LATER, LATER)), start=start, scheme=LabelScheme.GLACIER)
    dates = made.glaciers.set_index("glacier_id")["src_date"]
    assert dates["a"] == "2020-08-01"
    assert pd.isna(dates["b"])


def test_a_vertex_on_an_edge_that_the_grid_moved_is_no_change(tmp_path: Path) -> None:
    """A neighbour drawn later puts a node on a slanting edge, up to half a millimetre beside it."""
    x, y = 500000, 3100000
    slanting = shapely.Polygon([(x, y), (x + 1000, y + 333), (x + 1000, y + 1000), (x, y + 1000)])
    gpd.GeoDataFrame({"RGIId": ["a"], "BgnDate": ["20001030"]}, geometry=[slanting], crs=UTM).to_file(
        tmp_path / "a.gpkg"
    )
    first = read_parts(tmp_path / "a.gpkg", UTM)
    node = (round(x + 400.0, 3), round(y + 133.2, 3) + 0.0004)
    with_node = shapely.Polygon([(x, y), node, *list(slanting.exterior.coords)[1:]])
    made = inventory_of_parts(
        first.set_geometry([with_node], crs=UTM),
        Known(dates=(LATER, LATER)),
        start=read_start(tmp_path / "a.gpkg", first),
    )
    assert made.glaciers["src_date"].tolist() == ["2000-10-30"]


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="does not exist"):
        read_start(tmp_path / "a.gpkg", gpd.GeoDataFrame({"class": [], "glacier_id": []}, geometry=[], crs=UTM))


@pytest.mark.real
def test_rgi_of_everest_keeps_names_regions_and_dates(shared_data: Path) -> None:
    path = shared_data / "landsat7-everest" / "rgi60_outlines.gpkg"
    raw = pyogrio.read_dataframe(path, read_geometry=False).set_index("RGIId")
    first = read_parts(path, UTM)
    known = Known(dates=(LATER, LATER))
    made = inventory_of_parts(first, known, start=read_start(path, first), scheme=LabelScheme.GLACIER)
    glaciers = made.glaciers.set_index("glacier_id").loc[raw.index]
    assert glaciers["src_date"].str.replace("-", "").tolist() == raw["BgnDate"].tolist()
    assert glaciers["glac_name"].fillna("").tolist() == raw["Name"].fillna("").tolist()
    assert set(glaciers["o2region"]) == {"15-02"}
    assert glaciers["lmax_m"].tolist() == raw["Lmax"].astype(float).tolist()
    assert glaciers["rgi_id"].tolist() == raw.index.tolist()
