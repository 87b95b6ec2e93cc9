"""A delivery as RGI 7.0 lays it out reads as one table with the real one, and its divides are the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from tests.inventory.inventories import CRS, DIVIDE_M, IDS, glaciers, inventory, same_shape

from firnline.errors import ConfigError, LabelError
from firnline.inventory.columns import OWN, RGI7
from firnline.inventory.delivery.deliver import deliver
from firnline.inventory.delivery.divides import divides
from firnline.inventory.delivery.rgi7 import timestamp
from firnline.inventory.inventory import Inventory

FLAGS = [name for name, kind in OWN.items() if kind == "bool"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deliver(inventory(), tmp_path / "everest", "rgi7")
    return tmp_path / "everest"


def with_nulls(path: Path) -> gpd.GeoDataFrame:
    """A whole number stays one beside what is not known."""
    return pyogrio.read_dataframe(path, use_arrow=True, arrow_to_pandas_kwargs={"types_mapper": pd.ArrowDtype})


def test_the_columns_are_those_of_rgi_7_and_nulls_stay_null(folder: Path) -> None:
    table = pyogrio.read_dataframe(folder / "everest.shp")
    assert list(table.columns) == [*RGI7, "geometry"]
    assert table.crs.to_epsg() == 4326
    assert table["rgi_id"].fillna("").tolist() == ["RGI2000-v7.0-G-15-00001", "", ""]
    assert table["src_date"].tolist() == ["2000-10-30T00:00:00", "2000-10-30T00:00:00", "2000-10-29T00:00:00"]
    assert table["glac_name"][0] == "Ghulkin à côté"
    assert table["area_km2"].to_numpy() == pytest.approx(glaciers()["area_km2"].to_numpy())
    asked = ["rgi_id", "glims_id", "anlys_id", "subm_id", "primeclass", "is_rgi6", "termlon", "lmax_m", "zmin_m"]
    assert table.loc[2, asked].isna().all()
    assert all(map(same_shape, table.to_crs(CRS).geometry, glaciers().geometry))


@pytest.mark.real
def test_the_table_reads_as_one_with_the_real_rgi_7(shared_data: Path, folder: Path) -> None:
    real_path, ours_path = shared_data / "vectors-dems" / "rgi7g_hef_complex.shp", folder / "everest.shp"
    real_info, ours_info = pyogrio.read_info(real_path), pyogrio.read_info(ours_path)
    for fact in ("fields", "dtypes", "ogr_types", "encoding", "crs"):
        assert list(real_info[fact]) == list(ours_info[fact]), fact
    real, ours = with_nulls(real_path), with_nulls(ours_path)
    both = pd.concat([real, ours], ignore_index=True)
    assert list(both.columns) == list(real.columns)
    assert both.dtypes.drop("geometry").to_dict() == real.dtypes.drop("geometry").to_dict()
    assert len(both) == len(real) + 3
    # A table without nulls has the real types when read in the plainest way, too.
    known = glaciers().iloc[:1]
    deliver(inventory(glaciers=known), folder.parent / "known", "rgi7")
    plain = pd.concat([gpd.read_file(real_path), gpd.read_file(folder.parent / "known" / "known.shp")])
    assert plain.dtypes.to_dict() == gpd.read_file(real_path).dtypes.to_dict()


@pytest.mark.real
def test_real_glaciers_go_through_unchanged(shared_data: Path, tmp_path: Path) -> None:
    """Taken as an inventory in UTM, the 23 glaciers of RGI 7.0 round Hintereisferner come out as they went in."""
    path = shared_data / "vectors-dems" / "rgi7g_hef_complex.shp"
    real = gpd.read_file(path)
    flat = real.set_geometry(shapely.force_2d(real.geometry.array)).to_crs(32632)
    own = {
        name: pd.Series(None, index=flat.index, dtype=object) for name in OWN if name not in ("glacier_id", *FLAGS)
    }
    flat = flat.assign(**own, **dict.fromkeys(FLAGS, False), glacier_id=[f"FL{n}" for n in range(len(flat))])
    given = Inventory(flat[[*OWN, *RGI7, "geometry"]].astype({**OWN, **RGI7}), provenance={"scene": "RGI 7.0"})
    deliver(given, tmp_path / "hef", "rgi7")
    back = gpd.read_file(tmp_path / "hef" / "hef.shp")
    pd.testing.assert_frame_equal(pd.DataFrame(back[list(RGI7)]), pd.DataFrame(real[list(RGI7)]), rtol=1e-12)
    off = shapely.hausdorff_distance(back.geometry.array, shapely.force_2d(real.geometry.array))
    assert off.max() < 1e-8
    assert len(gpd.read_file(tmp_path / "hef" / "hef-intersects.shp")) == 54


@pytest.mark.real
def test_divides_are_those_of_the_real_rgi_7(shared_data: Path, folder: Path) -> None:
    real = pyogrio.read_dataframe(shared_data / "vectors-dems" / "rgi7g_hef_intersects.shp")
    whole = pyogrio.read_dataframe(shared_data / "vectors-dems" / "rgi7g_hef_complex.shp")
    found = divides(whole, "rgi_id")
    about = set(real["rgi_g_id_1"]) & set(real["rgi_g_id_2"])
    found = found[found["id_1"].isin(about) | found["id_2"].isin(about)]
    assert len(found) == len(real) == 5
    for row in real.itertuples():
        pair = found[(found["id_1"] == row.rgi_g_id_1) & (found["id_2"] == row.rgi_g_id_2)]
        same = pair[shapely.hausdorff_distance(pair.geometry.array, row.geometry) < 1e-9]
        # RGI measures on the UTM plane, which is 0.04 % too short at most.
        assert same["length_m"].tolist() == pytest.approx([row.length_m], rel=4e-4)
    fields = pyogrio.read_info(folder / "everest-intersects.shp")["fields"].tolist()
    assert fields[:4] == real.columns.drop("geometry").tolist()


def test_the_divide_is_a_line_with_a_length_and_own_ids(folder: Path) -> None:
    (line,) = pyogrio.read_dataframe(folder / "everest-intersects.shp").itertuples()
    assert (line.glac_id_1, line.glac_id_2) == IDS[:2]
    assert (line.rgi_id, line.rgi_g_id_1, line.rgi_g_id_2) == (None, "RGI2000-v7.0-G-15-00001", None)
    assert line.length_m == pytest.approx(DIVIDE_M, rel=5e-4)


def test_hypsometry_is_per_mille_by_the_middle_of_bands(folder: Path) -> None:
    table = pd.read_csv(folder / "everest-hypsometry.csv")
    assert list(table.columns) == ["rgi_id", "area_km2", "5025", "5075", "5125", "5175"]
    assert table.iloc[:2, 2:].sum(axis=1).tolist() == [1000, 1000]
    assert table.iloc[0, 2:].tolist() == [400, 600, 0, 0]
    assert table.iloc[2, 2:].isna().all()


def test_own_ids_and_columns_lie_beside_in_the_same_order(folder: Path) -> None:
    own, attributes = (pd.read_csv(folder / f"everest-{name}.csv") for name in ("firnline", "attributes"))
    assert own["glacier_id"].tolist() == list(IDS)
    assert own["src_date_to"].tolist()[2] == "2000-11-02"
    assert list(attributes.columns) == list(RGI7)
    assert attributes["area_km2"].tolist() == pytest.approx(glaciers()["area_km2"].tolist())
    assert json.loads((folder / "provenance.json").read_text())["inventory"]["scene"] == "made up"
    assert "it is no part of the RGI" in (folder / "README.txt").read_text()


def test_a_region_fills_only_what_is_not_known(tmp_path: Path) -> None:
    deliver(inventory(), tmp_path / "a", "rgi7", region="14-02")
    table = pyogrio.read_dataframe(tmp_path / "a" / "a.shp")
    assert table["o1region"].tolist() == ["15", "14", "14"]
    assert table["o2region"].tolist() == ["15-03", "14-02", "14-02"]
    with pytest.raises(ConfigError, match="'15' is no second-order region"):
        deliver(inventory(), tmp_path / "b", "rgi7", region="15")


@pytest.mark.parametrize("date", ["2000", "October 2000", "2000-10-30/never"])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    with pytest.raises(LabelError, match="is no date"):
        timestamp(date)


def test_glaciers_that_meet_in_a_point_have_no_divide() -> None:
    corner = gpd.GeoDataFrame(
        {"glacier_id": ["a", "b"]}, geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2)], crs=CRS
    )
    assert len(divides(corner)) == 0
    assert len(divides(corner.iloc[:0])) == 0
