"""Any file of outlines becomes a layer that can be edited: a valid coverage, nothing lost, all of it said."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from tests.inventory import inventories

from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.grid import Grid
from firnline.inventory.attributes import Known
from firnline.inventory.export import write_outlines
from firnline.inventory.from_parts import inventory_of_parts
from firnline.inventory.inventory import write_inventory
from firnline.inventory.polygonise import polygonise
from firnline.inventory.read_parts import read_parts

UTM = "EPSG:32645"
X, Y = 500000, 3100000


def box(left: float, bottom: float, right: float, top: float) -> shapely.Polygon:
    return shapely.box(X + left, Y + bottom, X + right, Y + top)


def written(path: Path, shapes: list[shapely.Geometry], crs: str = UTM, **columns: list[object]) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=UTM).to_crs(crs).to_file(path)
    return path


def require_layer(parts: gpd.GeoDataFrame) -> None:
    """What every layer must be."""
    shapes = parts.geometry.to_numpy()
    assert list(parts.columns) == ["class", "glacier_id", "geometry"]
    assert set(parts["class"]) <= {1, 2}
    assert (parts.geom_type == "Polygon").all()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    millimetres = shapely.get_coordinates(shapes) * 1000
    assert np.abs(millimetres - np.rint(millimetres)).max() < 1e-5


def test_an_inventory_of_firnline_comes_with_its_parts_and_ids(tmp_path: Path) -> None:
    made = inventories.inventory()
    parts = read_parts(write_inventory(made, tmp_path / "it.gpkg"), UTM)
    require_layer(parts)
    assert parts["class"].tolist() == [1, 2, 1, 1]
    assert parts["glacier_id"].tolist() == made.parts["glacier_id"].tolist()
    assert parts.area.to_numpy() == pytest.approx(made.parts.area.to_numpy(), rel=1e-7)
    assert parts.attrs["findings"] == ()
    assert parts.attrs["scheme"] == "class"


def test_a_map_comes_as_it_is(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    classes = random.choice([0, 1, 2, 255], size=(40, 30), p=[0.3, 0.4, 0.2, 0.1]).astype(np.uint8)
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), classes.shape)
    outlines = polygonise(classes, grid, LabelScheme.CLASS)
    parts = read_parts(write_outlines(outlines, tmp_path / "glaciers.gpkg"), UTM)
    require_layer(parts)
    assert parts["class"].tolist() == outlines["class_value"].tolist()
    assert parts["glacier_id"].isna().all()
    assert shapely.equals_exact(parts.geometry.to_numpy(), outlines.geometry.to_numpy(), 1e-9).all()


def test_of_an_overlap_the_earlier_keeps_the_ground_and_it_is_said(tmp_path: Path) -> None:
    """Areas by hand."""
    shapes = [box(0, 0, 1000, 1000), box(800, 0, 2000, 1000), box(900, 200, 1100, 400), box(5000, 0, 6000, 1000)]
    path = written(tmp_path / "a.gpkg", shapes, RGIId=["a", "b", "c", "d"])
    parts = read_parts(path, UTM)
    require_layer(parts)
    assert parts["glacier_id"].tolist() == ["a", "b", "d"]
    assert parts.area.tolist() == pytest.approx([1e6, 1e6, 1e6])
    said = " ".join(parts.attrs["findings"])
    assert "3 overlaps of 0.24 km2" in said, "b lost 0.2 to a, and c 0.02 each to a and b"
    assert "a over b" in said


def test_neighbours_share_their_vertices_and_cracks_are_closed(tmp_path: Path) -> None:
    """A corner on a neighbour's edge, and a gap of 2 cm within; one of 2 m is the user's."""
    shapes = [
        box(0, 0, 1000, 1000),
        box(1000, 0, 2000, 500),
        shapely.Polygon(
            [(X + a, Y + b) for a, b in ((1000, 500), (1500, 500.02), (2000, 500), (2000, 1e3), (1e3, 1e3))]
        ),
        box(0, 1002, 1000, 2000),
    ]
    parts = read_parts(written(tmp_path / "a.gpkg", shapes, RGIId=list("abcd")), UTM)
    require_layer(parts)
    assert shapely.union_all(parts.geometry.to_numpy()[:3]).area == pytest.approx(2e6, abs=1e-6)
    assert shapely.get_parts(shapely.union_all(parts.geometry.to_numpy())).size == 2
    corner = shapely.Point(X + 1000, Y + 500)
    assert shapely.dwithin(shapely.multipoints(list(parts.geometry[0].exterior.coords)), corner, 0.03)


def test_a_reprojected_divide_leaves_no_crack(tmp_path: Path) -> None:
    """In degrees a long edge is another line than in metres: the corner in its middle comes to lie beside it."""
    x, y = 420000, 3900000
    shapes = [shapely.box(x, y, x + 9000, y + 9000), shapely.box(x + 9000, y, x + 12000, y + 4000)]
    degrees = gpd.GeoSeries(shapes, crs=UTM).to_crs(4326)
    long_edge = [degrees[0].exterior.coords[n] for n in (0, 1)]  # its right side
    middle = tuple(np.mean(long_edge, axis=0))
    neighbour = shapely.Polygon(
        [
            long_edge[0],
            *list(degrees[1].exterior.coords)[0:0],
            middle,
            (middle[0] + 0.03, middle[1]),
            (long_edge[0][0] + 0.03, long_edge[0][1]),
        ]
    )
    frame = gpd.GeoDataFrame({"RGIId": ["a", "b"]}, geometry=[degrees[0], neighbour], crs=4326)
    frame.to_file(tmp_path / "a.gpkg")
    parts = read_parts(tmp_path / "a.gpkg", UTM)
    require_layer(parts)
    assert len(shapely.get_parts(shapely.union_all(parts.geometry.to_numpy()))) == 1
    assert not shapely.union_all(parts.geometry.to_numpy()).interiors


def test_glims_is_read_as_it_means(tmp_path: Path) -> None:
    shapes = [box(0, 0, 1000, 1000), box(0, 0, 300, 300), box(500, 500, 600, 600), box(700, 0, 800, 100)]
    kinds = ["glac_bound", "debris_cov", "intrnl_rock", "supra_lake"]
    path = written(tmp_path / "glims.shp", shapes, line_type=kinds, glac_id=["G1"] * 4)
    parts = read_parts(path, UTM)
    require_layer(parts)
    parts["m2"] = parts.area
    assert parts.groupby("class")["m2"].sum().to_dict() == pytest.approx({1: 1e6 - 90e3 - 10e3, 2: 90e3})
    assert set(parts["glacier_id"]) == {"G1"}
    assert any("1 features outline no ice" in said for said in parts.attrs["findings"])


def test_what_is_broken_is_mended_and_said(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([(X, Y), (X + 1000, Y + 1000), (X + 1000, Y), (X, Y + 1000)])
    two = shapely.MultiPolygon([box(2000, 0, 2500, 500), box(3000, 0, 3500, 500)])
    path = written(tmp_path / "a.gpkg", [bow_tie, two], RGIId=["bow", "two"])
    parts = read_parts(path, UTM)
    require_layer(parts)
    assert parts.groupby("glacier_id").size().to_dict() == {"bow": 2, "two": 2}
    assert parts.area.tolist() == pytest.approx([250e3] * 4)
    assert any("1 invalid outlines were mended (1)" in said for said in parts.attrs["findings"])


def test_a_glacier_drawn_twice_is_there_once(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", [box(0, 0, 1000, 1000)] * 2, RGIId=["a", "b"])
    parts = read_parts(path, UTM)
    require_layer(parts)
    assert parts["glacier_id"].tolist() == ["a"]
    assert any("a over b" in said for said in parts.attrs["findings"])


def test_many_random_polygons_come_to_a_coverage_of_the_same_ground(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    shapes = []
    for _ in range(60):
        corners = random.uniform(0, 400, size=(7, 2)) + random.uniform(0, 3000, size=2) + (X, Y)
        shapes.append(shapely.convex_hull(shapely.multipoints(corners)))
    parts = read_parts(written(tmp_path / "a.gpkg", shapes, RGIId=[str(n) for n in range(60)]), UTM)
    require_layer(parts)
    assert parts.area.sum() == pytest.approx(shapely.union_all(shapes).area, abs=60.0)
    ranks = parts["glacier_id"].astype(int).to_numpy()
    whole = gpd.GeoSeries(shapes, crs=UTM)
    for rank in range(60):  # each has what no earlier one has
        rest = whole[rank].difference(shapely.union_all(shapes[:rank])) if rank else whole[rank]
        assert parts.area[ranks == rank].sum() == pytest.approx(rest.area, abs=5.0)


def test_a_glacier_in_a_ring_of_others_keeps_its_own_ground(tmp_path: Path) -> None:
    """Four overlapping outlines enclose a fifth that touches none of them."""
    shapes = [box(0, 0, 900, 100), box(800, 0, 900, 900), box(0, 800, 900, 900), box(0, 0, 100, 900)]
    path = written(tmp_path / "a.gpkg", [*shapes, box(300, 300, 600, 600)], RGIId=list("abcde"))
    parts = read_parts(path, UTM)
    require_layer(parts)
    assert parts.area.sum() == pytest.approx(900**2 - 700**2 + 300**2)
    assert parts.set_index("glacier_id").area["e"] == pytest.approx(300**2)


def test_degrees_are_no_crs_to_edit_in(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", [box(0, 0, 1000, 1000)], RGIId=["a"])
    with pytest.raises(LabelError, match="projected"):
        read_parts(path, "EPSG:4326")
    with pytest.raises(LabelError, match="does not exist"):
        read_parts(tmp_path / "b.gpkg", UTM)


@pytest.mark.real
def test_rgi_of_everest_can_be_edited_and_delivered(shared_data: Path) -> None:
    path = shared_data / "landsat7-everest" / "rgi60_outlines.gpkg"
    raw = pyogrio.read_dataframe(path)
    parts = read_parts(path, UTM)
    require_layer(parts)
    assert set(parts["glacier_id"]) == set(raw["RGIId"])
    assert parts.attrs["scheme"] == "glacier"
    truth = raw.to_crs(UTM).geometry
    assert parts.area.sum() == pytest.approx(shapely.union_all(truth.to_numpy()).area, rel=1e-6)
    scheme = LabelScheme(parts.attrs["scheme"])
    made = inventory_of_parts(parts, Known(), scheme=scheme)
    assert set(made.glaciers["glacier_id"]) >= set(raw["RGIId"])
    geod = pyproj.Geod(ellps="WGS84")
    on_earth = {
        name: abs(geod.geometry_area_perimeter(shape)[0]) / 1e6
        for name, shape in zip(raw["RGIId"], raw.geometry, strict=True)
    }
    found = made.glaciers.set_index("glacier_id")["area_km2"]
    apart = [name for name in on_earth if found[name] != pytest.approx(on_earth[name], rel=1e-3)]
    assert len(apart) < 0.05 * len(on_earth), apart
