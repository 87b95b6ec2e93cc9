"""Corrected parts to an inventory: it passes its check, goes into every form, and keeps what people gave."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage
from tests.inventory import inventories

from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.features import FeatureSource
from firnline.grid import Grid
from firnline.inventory.area_error import area_errors
from firnline.inventory.attributes import Known
from firnline.inventory.columns import HOLES, PARTS
from firnline.inventory.delivery.deliver import Form, deliver
from firnline.inventory.delivery.submission import read_submission
from firnline.inventory.from_parts import inventory_of_parts
from firnline.inventory.glaciers import find_glaciers
from firnline.inventory.inventory import Inventory, read_inventory, write_inventory
from firnline.inventory.make import InventorySettings, make_inventory
from firnline.inventory.map_folder import open_map
from firnline.inventory.open_edges import Seen, unknown_ground
from firnline.inventory.resolve import resolve
from firnline.mapping import map_scene
from firnline.scene import open_scene
from firnline.synthetic import make_range

Cli = Callable[..., tuple[int, str, str]]
UTM = "EPSG:32645"
EXAMPLE = Path(__file__).parents[2] / "examples" / "delivery" / "submission.yaml"
THE_DAY = dt.date(2000, 10, 30)
BOX = shapely.box


def layer(*rows: tuple[int, str | None, shapely.Polygon]) -> gpd.GeoDataFrame:
    """Parts: class, glacier id, polygon."""
    table = {"class": [row[0] for row in rows], "glacier_id": [row[1] for row in rows]}
    return gpd.GeoDataFrame(table, geometry=[row[2] for row in rows], crs=UTM)


def as_layer(inventory: Inventory) -> gpd.GeoDataFrame:
    """The parts of an inventory as the store has them."""
    parts = inventory.parts
    table = {"class": parts["class_value"], "glacier_id": parts["glacier_id"]}
    return noded(gpd.GeoDataFrame(table, geometry=parts.geometry, crs=parts.crs))


def noded(parts: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same with every vertex shared, as layers are kept."""
    found = resolve(parts.geometry.to_numpy())
    table = parts[["class", "glacier_id"]].iloc[found.owner].reset_index(drop=True)
    return gpd.GeoDataFrame(table, geometry=found.shapes, crs=parts.crs)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The map of a synthetic range, and its inventory."""
    folder = tmp_path_factory.mktemp("range")
    mountains = make_range(folder, width=256, height=224, seed=3)
    map_scene(FeatureSource(open_scene(mountains.scene)), "ratio", folder / "map")
    make_inventory(open_map(folder / "map"), folder / "it.gpkg", InventorySettings(dates=(THE_DAY, THE_DAY)))
    return folder / "map", folder / "it.gpkg"


def edited(inventory: Inventory) -> gpd.GeoDataFrame:
    """As a person leaves it: one glacier cut by a line, a part made debris, one drawn anew, one deleted."""
    parts = as_layer(inventory)
    largest = int(parts.area.idxmax())
    whole = parts.geometry[largest]
    west, south, east, north = whole.bounds
    half = BOX(west, south, (west + east) / 2 + 0.123, north)
    cut = [whole.intersection(half, grid_size=1e-3), whole.difference(half, grid_size=1e-3)]
    pieces = [piece for each in cut for piece in shapely.get_parts(each)]
    deleted = parts["glacier_id"] == parts["glacier_id"].iloc[-1]
    rest = parts[~deleted & (parts.index != largest)]
    west, _, _, north = parts.total_bounds
    drawn = BOX(west - 900, north + 300, west - 100, north + 800)
    rows = [(1 + n % 2, str(parts["glacier_id"][largest]), piece) for n, piece in enumerate(pieces)]
    new = layer(*rows, (1, None, drawn))
    both = gpd.GeoDataFrame(pd.concat([rest, new], ignore_index=True), crs=parts.crs)
    return noded(both)  # the neighbours get the vertices of the cut


@pytest.fixture(scope="module")
def corrected(mapped: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    start = read_inventory(mapped[1])
    mine = open_map(mapped[0])
    classes, grid, _ = mine.raster
    seen = Seen(grid.footprint(), unknown_ground(classes, grid), grid.resolution)
    dem = mine.source()
    assert dem is not None
    known = Known(dates=(THE_DAY, THE_DAY), method="corrected by hand", scene="scene.tif")
    made = inventory_of_parts(edited(start), known, seen=seen, start=start)
    return write_inventory(made, tmp_path_factory.mktemp("corrected") / "corrected.gpkg")


def test_an_edited_inventory_passes_its_check(corrected: Path, firnline: Cli) -> None:
    made = read_inventory(corrected)
    assert shapely.coverage_is_valid(made.parts.geometry.to_numpy())
    assert made.parts["area_km2"].sum() == pytest.approx(made.glaciers["area_km2"].sum(), rel=1e-9)
    assert (made.glaciers.geom_type == "Polygon").all()
    code, out, err = firnline("inventory", "check", corrected)
    assert code == 0, out + err


@pytest.mark.parametrize("form", list(Form))
def test_an_edited_inventory_is_delivered_in_every_form(corrected: Path, tmp_path: Path, form: Form) -> None:
    region = "15-03" if form in (Form.RGI7, Form.GLIMS, Form.OGGM) else None
    submission = read_submission(EXAMPLE) if form == Form.GLIMS else None
    out = tmp_path / ("out.gpkg" if form == Form.GEOPACKAGE else "out")
    made = read_inventory(corrected)
    paths = deliver(made, out, form, submission=submission, region=region)
    tables = [path for path in paths if path.stem in ("glaciers", "out") and path.suffix in (".shp", ".gpkg", ".fgb")]
    for path in tables:
        layer_of = {"layer": "glaciers"} if path.suffix == ".gpkg" else {}
        assert len(gpd.read_file(path, **layer_of)) == len(made.glaciers)
    assert paths


def test_a_map_that_nobody_edited_gives_the_same_inventory(mapped: tuple[Path, Path]) -> None:
    start = read_inventory(mapped[1])
    classes, grid, _ = open_map(mapped[0]).raster
    seen = Seen(grid.footprint(), unknown_ground(classes, grid), grid.resolution)
    made = inventory_of_parts(as_layer(start), Known(), seen=seen, start=start)
    before, after = (each.glaciers.set_index("glacier_id").sort_index() for each in (start, made))
    assert after.index.tolist() == before.index.tolist()
    for name in ("area_km2", "clean_km2", "debris_km2", "debris_frac", "unknown_frac", "area_error_km2"):
        assert after[name].to_numpy() == pytest.approx(before[name].to_numpy(), rel=1e-6, abs=1e-9), name
    for name in ("touches_unknown", "touches_edge", "is_lower_bound", "src_date", "method", "divided_by"):
        assert after[name].tolist() == before[name].tolist(), name
    there = [made.holes.geometry.geom_equals(hole).any() for hole in start.holes.geometry]
    assert there
    assert all(there)
    # Pixels count what touches the outside in a corner as outside; an inner ring is a hole wherever it touches.
    more = made.holes[[not start.holes.geometry.geom_equals(hole).any() for hole in made.holes.geometry]]
    shells = before.geometry.loc[more["glacier_id"]].exterior
    assert shapely.touches(more.geometry.to_numpy(), shells.to_numpy()).all()


def test_pixels_with_clouds_have_the_errors_flags_and_holes_that_the_raster_has() -> None:
    random = np.random.default_rng(1)
    ice, debris, cloud = (ndimage.gaussian_filter(random.normal(size=(90, 110)), 4) for _ in range(3))
    classes = np.where(ice > -0.01, np.where(debris > 0.03, 2, 1), 0).astype(np.uint8)
    classes[cloud > 0.09] = 255
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), classes.shape)
    found = find_glaciers(classes, grid, LabelScheme.CLASS, minimum_area_km2=0)
    assert found.glaciers["touches_unknown"].any()
    assert not found.glaciers["is_lower_bound"].all()
    errors = area_errors(found.labels, len(found.glaciers), classes, grid, LabelScheme.CLASS)
    parts = found.parts.rename(columns={"class": "name", "class_value": "class"})
    seen = Seen(grid.footprint(), unknown_ground(classes, grid), 30.0)
    made = inventory_of_parts(parts, Known(), seen=seen)
    order = found.glaciers["glacier_id"]
    glaciers = made.glaciers.set_index("glacier_id").loc[order]
    assert glaciers["area_error_km2"].to_numpy() == pytest.approx(errors, abs=1e-6)
    for name in ("touches_unknown", "touches_edge", "is_lower_bound"):
        assert glaciers[name].tolist() == found.glaciers[name].tolist(), name
    assert glaciers["unknown_frac"].to_numpy() == pytest.approx(found.glaciers["unknown_frac"].to_numpy())
    by = ["glacier_id", "kind"]
    sums = [each.holes.groupby(by)["area_km2"].sum() for each in (found, made)]
    assert {kind for _, kind in sums[0].index} == {"rock", "unknown"}
    assert sums[1].to_dict() == pytest.approx(sums[0].to_dict())


def test_a_slanting_outline_errs_by_its_true_length() -> None:
    """By hand: half a pixel of 7 m along the clean sides, one along debris; nothing along divide and interface."""
    clean = shapely.Polygon([(0, 0), (3000, 4000), (3000, 0)])
    debris = shapely.Polygon([(3000, 0), (3000, 4000), (6000, 0)])
    other = shapely.Polygon([(6000, 0), (3000, 4000), (6000, 4000)])
    rows = [(1, "a", clean), (2, "a", debris), (1, "b", other)]
    parts = layer(*((c, i, shapely.affinity.translate(p, 500000.5, 3100000.5)) for c, i, p in rows))
    made = inventory_of_parts(parts, Known(), seen=Seen(pixel_m=7.0))
    errors = made.glaciers.set_index("glacier_id")["area_error_km2"]
    assert errors["a"] == pytest.approx(((5000 + 3000) * 3.5 + 3000 * 7.0) / 1e6)
    assert errors["b"] == pytest.approx((3000 + 4000) * 3.5 / 1e6)


def test_glaciers_are_what_hangs_together() -> None:
    """Ids by hand: a came apart, so its larger piece keeps the id; parts without an id that touch are one glacier."""
    x, y = 500000, 3100000
    parts = layer(
        (1, "a", BOX(x, y, x + 3000, y + 1000)),
        (1, "a", BOX(x + 5000, y, x + 6000, y + 1000)),
        (1, None, BOX(x, y + 5000, x + 1000, y + 6000)),
        (2, "", BOX(x + 1000, y + 5000, x + 1500, y + 6000)),
        (1, None, BOX(x + 1500, y + 6000, x + 2000, y + 7000)),  # meets the last in a corner only
    )
    made = inventory_of_parts(parts, Known())
    assert made.glaciers.area.div(1e6).tolist() == pytest.approx([3.0, 1.5, 1.0, 0.5])
    ids = made.glaciers["glacier_id"].tolist()
    assert ids[0] == "a"
    assert all(each.startswith("FL087") for each in ids[1:])
    assert len(set(ids)) == 4
    assert made.glaciers["debris_frac"].tolist() == pytest.approx([0, 1 / 3, 0, 0], abs=1e-6)
    assert made.provenance["findings"] == ["a has come apart: its largest piece keeps the id"]


def test_a_hole_is_rock_but_where_it_is_known_to_be_unknown() -> None:
    x, y = 500000, 3100000
    ring = BOX(x, y, x + 3000, y + 3000).difference(BOX(x + 1000, y + 1000, x + 2000, y + 2000))
    inner = BOX(x + 1200, y + 1200, x + 1800, y + 1800)
    parts = layer((1, "outer", ring), (1, "inner", inner))
    rock = inventory_of_parts(parts, Known()).holes
    assert rock["kind"].tolist() == ["rock"]
    assert rock.area.tolist() == pytest.approx([1000**2 - 600**2]), "the glacier within is no rock"
    assert rock["glacier_id"].tolist() == ["outer"]
    cloud = gpd.GeoSeries([BOX(x + 500, y + 1000, x + 1100, y + 2000)], crs=UTM)  # half of it is ice by now
    made = inventory_of_parts(parts, Known(), seen=Seen(unknown=cloud))
    areas = made.holes.assign(m2=made.holes.area).set_index("kind")["m2"]
    assert areas.to_dict() == pytest.approx({"unknown": 100 * 1000, "rock": 1000**2 - 600**2 - 100 * 1000})
    outer = made.glaciers.set_index("glacier_id").loc["outer"]
    assert outer["is_lower_bound"]
    assert outer["unknown_frac"] == pytest.approx(0.1 / (8 + 0.1))
    assert not made.glaciers.set_index("glacier_id").loc["inner", "is_lower_bound"]


def test_the_unknown_of_the_start_stays_unknown() -> None:
    start = inventories.inventory()
    made = inventory_of_parts(as_layer(start), Known(), start=start)
    assert sorted(made.holes["kind"]) == ["rock", "rock", "unknown"]  # the lake on the ice is a hole of no ice, too
    assert made.holes[made.holes["kind"] == "unknown"].geometry.iloc[0].equals(inventories.UNKNOWN)
    flags = made.glaciers.set_index("glacier_id")[["touches_unknown", "touches_edge", "is_lower_bound"]]
    before = start.glaciers.set_index("glacier_id").loc[flags.index, flags.columns]
    assert flags.to_numpy().tolist() == before.to_numpy().tolist()


def test_what_people_gave_stays_and_what_belongs_to_an_outline_goes_with_it() -> None:
    start = inventories.inventory()
    parts = as_layer(start)
    west = parts["glacier_id"] == inventories.IDS[0]
    eaten = BOX(477900, 3099900, 478500, 3100500)  # a corner of the first glacier is no ice
    parts.loc[west, "geometry"] = parts.geometry[west].difference(eaten)
    later = dt.date(2020, 8, 1)
    made = inventory_of_parts(parts, Known(dates=(later, later), scene="new.tif"), start=start)
    glaciers = made.glaciers.set_index("glacier_id")
    changed, kept = glaciers.loc[inventories.IDS[0]], glaciers.loc[inventories.IDS[1]]
    assert changed["glac_name"] == "Ghulkin à côté"
    assert (changed["rgi_id"], changed["o1region"], changed["primeclass"]) == ("RGI2000-v7.0-G-15-00001", "15", 5)
    assert changed["term_type"] == 0
    assert pd.isna(changed["lmax_m"])
    assert pd.isna(changed["anlys_id"])
    assert (changed["src_date"], changed["scene"]) == ("2020-08-01", "new.tif")
    assert changed["area_km2"] == pytest.approx((inventories.WEST.area - 0.25e6) / 1e6, rel=2e-3)
    assert kept["src_date"] == "2000-10-30", "an outline that nobody changed is still of its day"
    assert pd.isna(kept["glac_name"])


def test_lakes_stay_where_the_ice_leaves_them() -> None:
    start = inventories.inventory()
    parts = as_layer(start)
    assert len(inventory_of_parts(parts, Known(), start=start).lakes) == 2
    filled = parts.copy()
    east = filled.index[filled["glacier_id"] == inventories.IDS[1]][0]
    filled.loc[east, "geometry"] = shapely.Polygon(filled.geometry[east].exterior)
    made = inventory_of_parts(filled, Known(), start=start)
    assert made.lakes["contact"].tolist() == ["touching"]
    assert "1 lake" in made.provenance["findings"][0]


def test_whole_glaciers_tell_nothing_of_debris() -> None:
    parts = layer((1, "a", BOX(500000, 3100000, 501000, 3101000)))
    made = inventory_of_parts(parts, Known(), scheme=LabelScheme.GLACIER)
    assert made.parts["class"].tolist() == ["glacier"]
    assert made.glaciers[["clean_km2", "debris_km2", "debris_frac"]].isna().all(axis=None)
    assert made.glaciers["area_error_km2"].isna().all(), "nobody said how large the pixels were"


@pytest.mark.parametrize("told", [LabelScheme.CLEAN, LabelScheme.DEBRIS])
def test_what_a_map_cannot_tell_is_unknown_where_nobody_drew_it(told: LabelScheme) -> None:
    """By hand: glacier a as the map has it, b with the other class drawn beside it."""
    seen, other = (1, 2) if told == LabelScheme.CLEAN else (2, 1)
    x, y = 500000, 3100000
    rows = [(seen, "a", BOX(x, y, x + 1000, y + 1000)), (seen, "b", BOX(x + 3000, y, x + 4000, y + 1000))]
    drawn = (other, "b", BOX(x + 4000, y, x + 4500, y + 1000))
    glaciers = inventory_of_parts(layer(*rows, drawn), Known(), told=told).glaciers.set_index("glacier_id")
    known, unknown = ("clean_km2", "debris_km2")[:: 1 if told == LabelScheme.CLEAN else -1]
    assert glaciers.loc["a", known] == pytest.approx(1.0, rel=2e-3)
    assert glaciers.loc["a", [unknown, "debris_frac"]].isna().all()
    assert glaciers.loc["b", [known, unknown]].tolist() == pytest.approx([1.0, 0.5], rel=2e-3)
    assert glaciers.loc["b", "debris_frac"] == pytest.approx(1 / 3 if told == LabelScheme.CLEAN else 2 / 3)
    if told == LabelScheme.CLEAN:
        nothing = inventory_of_parts(layer(rows[0]), Known(), scheme=told).glaciers
        assert nothing["debris_km2"].isna().all()


def test_parts_in_the_scheme_of_debris_are_debris() -> None:
    made = inventory_of_parts(layer((1, "a", BOX(500000, 0, 501000, 1000))), Known(), scheme=LabelScheme.DEBRIS)
    assert made.parts["class"].tolist() == ["supraglacial debris"]
    assert made.glaciers["debris_km2"].tolist() == pytest.approx(made.glaciers["area_km2"].tolist())
    assert made.glaciers[["clean_km2", "debris_frac"]].isna().all(axis=None)


def test_nothing_is_an_inventory_too(tmp_path: Path) -> None:
    made = inventory_of_parts(layer(), Known(), seen=Seen(BOX(0, 0, 9, 9), pixel_m=10.0))
    back = read_inventory(write_inventory(made, tmp_path / "none.gpkg"))
    assert len(back.glaciers) == len(back.parts) == len(back.holes) == 0
    assert set(PARTS) <= set(back.parts.columns)
    assert set(HOLES) <= set(back.holes.columns)


@pytest.mark.parametrize(
    ("rows", "changes", "said"),
    [
        ([(1, "a", BOX(0, 0, 20, 10)), (1, "b", BOX(10, 0, 30, 10))], {}, "overlap"),
        ([(3, "a", BOX(0, 0, 20, 10))], {}, "class 3"),
        ([(1, "a", BOX(0, 0, 20, 10))], {"crs": "EPSG:4326"}, "projected"),
    ],
)
def test_what_is_no_layer_is_told_in_one_line(rows: list[Any], changes: dict[str, str], said: str) -> None:
    parts = layer(*rows)
    if "crs" in changes:
        parts = parts.set_crs(changes["crs"], allow_override=True)
    with pytest.raises(LabelError, match=said):
        inventory_of_parts(parts, Known())


def test_the_start_is_left_as_it_is(mapped: tuple[Path, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copy(mapped[1], tmp_path))
    start = read_inventory(copy)
    before = start.glaciers.copy(), start.parts.copy()
    inventory_of_parts(as_layer(start), Known(), start=start)
    pd.testing.assert_frame_equal(start.glaciers, before[0])
    pd.testing.assert_frame_equal(start.parts, before[1])
