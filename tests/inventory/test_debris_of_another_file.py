"""Inventories that come as two files, glaciers and debris: one layer, the debris cut on the outlines it lies on."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from tests.inventory.test_read_parts import UTM, box, require_layer, written

from firnline.errors import LabelError
from firnline.inventory.read_parts import read_parts

TWO = [box(0, 0, 1000, 1000), box(1000, 0, 2000, 1000)]


def areas(parts: object) -> dict[tuple[int, str], float]:
    """Square metres by class and glacier."""
    table = parts.assign(m2=parts.area).fillna({"glacier_id": "none"})  # type: ignore[attr-defined]
    found: dict[tuple[int, str], float] = table.groupby(["class", "glacier_id"])["m2"].sum().to_dict()
    return found


def test_debris_takes_the_ground_it_lies_on_and_what_lies_beside_is_told(tmp_path: Path) -> None:
    """Areas by hand: debris over a divide is cut there; 0.07 km2 lie beside the ice, and one outline is elsewhere."""
    glaciers = written(tmp_path / "rgi.gpkg", TWO, RGIId=["a", "b"])
    debris = written(tmp_path / "debris.gpkg", [box(800, -100, 1500, 300), box(5000, 0, 5100, 100)], number=[1, 2])
    parts = read_parts(glaciers, UTM, debris=debris)
    require_layer(parts)
    assert areas(parts) == pytest.approx({(1, "a"): 940e3, (1, "b"): 850e3, (2, "a"): 60e3, (2, "b"): 150e3})
    assert parts.attrs["scheme"] == "class"
    (said,) = [each for each in parts.attrs["findings"] if "debris.gpkg" in each]
    assert "0.08 km2 of its debris lie on no outline and were left out" in said
    assert "1 of its 2 outlines wholly" in said
    assert not any("overlap" in each for each in parts.attrs["findings"])


def test_the_glacier_is_that_of_the_outline_whatever_the_debris_file_calls_it(tmp_path: Path) -> None:
    """Debris of RGI 6.0 on outlines of RGI 7.0: no glacier comes twice; ground beyond a divide is the neighbour's."""
    glaciers = written(tmp_path / "rgi7.gpkg", TWO, rgi_id=["RGI2000-a", "RGI2000-b"])
    debris = written(tmp_path / "rgi6.gpkg", [box(800, 0, 1100, 100)], RGIId=["RGI60-a"])
    found = areas(read_parts(glaciers, UTM, debris=debris))
    assert found == pytest.approx(
        {(1, "RGI2000-a"): 980e3, (1, "RGI2000-b"): 990e3, (2, "RGI2000-a"): 20e3, (2, "RGI2000-b"): 10e3}
    )


def test_classes_and_debris_that_the_first_file_has_stay(tmp_path: Path) -> None:
    """By hand: the first file's own debris, in part beneath that of the second, and its clean ice."""
    shapes = [box(0, 0, 1000, 1000), box(1000, 0, 2000, 1000), box(0, 1000, 1000, 1100)]
    names = ["clean ice", "debris-covered ice", "clean ice"]
    first = written(tmp_path / "classes.gpkg", shapes, glacier_id=["a", "a", None], **{"class": names})
    debris = written(tmp_path / "debris.gpkg", [box(900, 900, 1200, 1050)], number=[1])
    parts = read_parts(first, UTM, debris=debris)
    require_layer(parts)
    expected = {(1, "a"): 990e3, (1, "none"): 95e3, (2, "a"): 1010e3, (2, "none"): 5e3}
    assert areas(parts) == pytest.approx(expected)
    (said,) = [each for each in parts.attrs["findings"] if "debris.gpkg" in each]
    assert "0.01 km2" in said


def test_a_file_of_debris_elsewhere_tells_nothing_of_these_glaciers(tmp_path: Path) -> None:
    glaciers = written(tmp_path / "rgi.gpkg", TWO, RGIId=["a", "b"])
    debris = written(tmp_path / "debris.gpkg", [box(90000, 0, 91000, 300)], number=[1])
    parts = read_parts(glaciers, UTM, debris=debris)
    assert areas(parts) == pytest.approx({(1, "a"): 1e6, (1, "b"): 1e6})
    assert parts.attrs["scheme"] == "glacier", "that they have none is not known"
    assert any("none of its debris lies on an outline" in each for each in parts.attrs["findings"])


def test_outlines_that_are_no_debris_are_refused(tmp_path: Path) -> None:
    glaciers = written(tmp_path / "rgi.gpkg", TWO, RGIId=["a", "b"])
    classes = written(tmp_path / "classes.gpkg", TWO, **{"class": ["clean ice", "debris-covered ice"]})
    with pytest.raises(LabelError, match="clean ice"):
        read_parts(glaciers, UTM, debris=classes)


def test_ragged_debris_over_ragged_glaciers_keeps_the_ground_to_the_square_metre(tmp_path: Path) -> None:
    """Against plain overlays of GEOS."""
    random = np.random.default_rng(8)

    def blobs(count: int, size: float) -> list[shapely.Geometry]:
        centres = random.uniform((500000, 3100000), (503000, 3103000), (count, 2))
        corners = [centre + random.uniform(-size, size, (9, 2)) for centre in centres]
        return [shapely.convex_hull(shapely.multipoints(each)) for each in corners]

    ice, rubble = blobs(25, 400), blobs(20, 200)
    glaciers = written(tmp_path / "g.gpkg", ice, "EPSG:4326", RGIId=[str(n) for n in range(25)])
    debris = written(tmp_path / "d.gpkg", rubble, "EPSG:4326", number=list(range(20)))
    parts = read_parts(glaciers, UTM, debris=debris)
    require_layer(parts)
    whole, stones = shapely.union_all(ice), shapely.union_all(rubble)
    areas = parts.area.groupby(parts["class"]).sum()
    assert areas[2] == pytest.approx(whole.intersection(stones).area, abs=60)
    assert areas[1] == pytest.approx(whole.difference(stones).area, abs=60)
    for name, own in parts.groupby("glacier_id"):
        rest = ice[int(name)].difference(shapely.union_all(ice[: int(name)]))
        assert own.area.sum() == pytest.approx(rest.area, abs=20), "debris moves no divide"


@pytest.mark.real
def test_alaska_with_the_debris_of_herreid_and_pellicciotti(shared_data: Path, tmp_path: Path) -> None:
    """Glaciers in Alaska Albers and debris in UTM, as published; against plain overlays of GEOS."""
    folder = shared_data / "vectors-dems" / "alaska-debris"
    ice = gpd.read_file(folder / "01Alaska_minGl2km2_deltas.shp").iloc[20:26]
    ice.to_file(tmp_path / "ice.shp")
    rubble = folder / "01Alaska_minGl2km2_deltas_debris2010.shp"
    parts = read_parts(tmp_path / "ice.shp", "EPSG:32606", debris=rubble)
    require_layer(parts)
    assert set(parts["glacier_id"]) == set(ice["RGIId"])
    whole, stones = (
        shapely.union_all(shapely.make_valid(f.to_crs(32606).geometry.to_numpy()))
        for f in (ice, gpd.read_file(rubble))
    )
    km2 = parts.area.groupby(parts["class"]).sum() / 1e6
    assert km2[2] == pytest.approx(whole.intersection(stones).area / 1e6, rel=1e-4)
    assert km2[1] == pytest.approx(whole.difference(stones).area / 1e6, rel=1e-4)
    assert any("of its debris lie on no outline" in said for said in parts.attrs["findings"])
