"""Where layers disagree, against areas by hand and geopandas' own overlay."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from firnline.classes import LabelScheme
from firnline.errors import ConfigError, LabelError
from firnline.grid import Grid
from firnline.inventory import disagreement as module
from firnline.inventory.disagreement import COLUMNS, disagreement
from firnline.inventory.polygonise import polygonise

UTM = "EPSG:32645"
X, Y = 500000, 3100000


def box(left: float, bottom: float, right: float, top: float) -> shapely.Polygon:
    return shapely.box(X + left, Y + bottom, X + right, Y + top)


def layer(*rows: tuple[int, shapely.Polygon], crs: str = UTM) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"class": [row[0] for row in rows]}, geometry=[row[1] for row in rows], crs=crs)


def changes(found: gpd.GeoDataFrame) -> list[list[object]]:
    return found[["change", "from_class", "to_class"]].fillna(0).to_numpy(object).tolist()


def by_change(found: gpd.GeoDataFrame) -> dict[tuple[int, int], float]:
    """m2 by classes, 0 for none."""
    classes = found[["from_class", "to_class"]].fillna(0)
    sums = found.assign(m2=found.area, a=classes["from_class"], b=classes["to_class"]).groupby(["a", "b"])["m2"].sum()
    return {(int(a), int(b)): float(m2) for (a, b), m2 in sums.items()}


def test_areas_by_hand() -> None:
    first = layer((1, box(0, 0, 1000, 1000)), (2, box(1000, 0, 2000, 1000)), (1, box(5000, 0, 6000, 1000)))
    second = layer((1, box(0, 0, 1200, 1000)), (2, box(1200, 0, 2100, 1000)), (1, box(5000, 0, 6000, 1000)))
    found = disagreement(first, second)
    assert changes(found) == [
        ["reclassified", 2, 1],
        ["added", 0, 2],
    ]
    assert found.area.tolist() == pytest.approx([200e3, 100e3])
    assert found["area_km2"].tolist() == pytest.approx([0.2, 0.1], rel=2e-3), "on the ellipsoid"
    assert list(found.columns) == [*COLUMNS, "geometry"]
    back = disagreement(second, first)
    assert changes(back) == [
        ["reclassified", 1, 2],
        ["removed", 2, 0],
    ]


def test_an_area_that_hangs_together_is_one(tmp_path: object) -> None:
    """Two new polygons of one class side by side are one area; of two classes, two."""
    nothing = layer()
    found = disagreement(nothing, layer((1, box(0, 0, 1, 1)), (1, box(1, 0, 2, 1)), (2, box(2, 0, 3, 1))))
    assert found.area.tolist() == pytest.approx([2.0, 1.0])
    assert len(disagreement(nothing, nothing)) == 0


def random_layers(seed: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    random = np.random.default_rng(seed)
    one = random.choice([0, 1, 2], size=(24, 30), p=[0.3, 0.5, 0.2]).astype(np.uint8)
    other = np.where(random.random(one.shape) < 0.1, random.choice([0, 1, 2], size=one.shape), one).astype(np.uint8)
    layers = []
    for classes, shift in ((one, 0.0), (other, 0.0 if seed % 2 else 7.3)):
        grid = Grid(CRS.from_epsg(32645), Affine(30, 0, X + shift, 0, -30, Y + shift), classes.shape)
        outlines = polygonise(classes, grid, LabelScheme.CLASS, minimum_area_km2=0)
        layers.append(outlines.rename(columns={"class": "name", "class_value": "class"})[["class", "geometry"]])
    return layers[0], layers[1]


@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_overlay_says(seed: int) -> None:
    first, second = random_layers(seed)
    found = disagreement(first, second)
    overlaid = first.overlay(second, how="union", keep_geom_type=True)
    classes = overlaid[["class_1", "class_2"]].fillna(0)
    expected: dict[tuple[int, int], float] = {}
    for (before, after), m2 in overlaid.area.groupby([classes["class_1"], classes["class_2"]]).sum().items():
        if before != after:
            expected[int(before), int(after)] = float(m2)
    assert by_change(found) == pytest.approx(expected, abs=0.1)
    assert shapely.coverage_is_valid(found.geometry.to_numpy())
    assert (found.geom_type == "Polygon").all()


def test_rings_that_begin_elsewhere_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is the same is skipped, not laid over each other."""
    square = box(0, 0, 1000, 1000)
    turned = shapely.Polygon(np.roll(np.array(square.exterior.coords)[:-1], 2, axis=0))
    seen = []
    faces_of = module.faces_of
    monkeypatch.setattr(module, "faces_of", lambda shapes: (seen.append(len(shapes)), faces_of(shapes))[1])
    found = disagreement(
        layer((1, square), (1, box(2000, 0, 3000, 1000))), layer((1, turned), (2, box(2000, 0, 3000, 1000)))
    )
    assert by_change(found) == pytest.approx({(1, 2): 1e6})
    assert seen == [2]


def test_a_vertex_more_is_no_change() -> None:
    square = box(0, 0, 1000, 1000)
    assert len(disagreement(layer((1, square)), layer((1, shapely.segmentize(square, 300.0))))) == 0


def test_slivers_go_where_a_width_is_given_and_are_counted() -> None:
    """A boundary drawn 4 m farther out, and a new lobe of 100 m: half a pixel of 10 m leaves the lobe."""
    first = layer((1, box(0, 0, 1000, 1000)))
    second = layer((1, box(0, 0, 1004, 1000)), (1, box(0, 1100, 100, 1200)))
    assert len(disagreement(first, second)) == 2
    found = disagreement(first, second, least_width_m=5.0)
    assert found.area.tolist() == pytest.approx([10e3])
    assert found.attrs["dropped"] == 1
    assert found.attrs["dropped_km2"] == pytest.approx(0.004, rel=2e-3)
    with pytest.raises(ConfigError, match="no sense"):
        disagreement(first, second, least_width_m=-1)


def test_the_second_is_brought_into_the_crs_of_the_first() -> None:
    first = layer((1, box(0, 0, 1000, 1000)))
    west = layer((1, box(0, 0, 1000, 500))).to_crs("EPSG:32644")
    found = disagreement(first, west, least_width_m=1.0)
    assert found.crs == first.crs
    assert found["change"].tolist() == ["removed"]
    assert found.area.tolist() == pytest.approx([500e3], rel=1e-3)


def test_whole_glaciers_and_their_parts_disagree_only_where_one_has_no_ice() -> None:
    whole = layer((1, box(0, 0, 1000, 1000)))
    parts = layer((1, box(0, 0, 500, 1000)), (2, box(500, 0, 1200, 1000)))
    assert by_change(disagreement(whole, parts)) == pytest.approx({(1, 2): 500e3, (0, 2): 200e3})
    assert by_change(disagreement(whole, parts, ice_only=True)) == pytest.approx({(0, 2): 200e3})


def test_degrees_are_refused() -> None:
    with pytest.raises(LabelError, match="projected"):
        disagreement(layer(), layer().set_crs(4326, allow_override=True))


def test_classes_are_integers_of_any_kind() -> None:
    first = layer((1, box(0, 0, 10, 10)))
    second = first.assign(**{"class": pd.Series([2], dtype="Int64")})
    assert by_change(disagreement(first, second)) == pytest.approx({(1, 2): 100.0})
