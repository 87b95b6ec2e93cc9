"""An area of a scene: cut out with all that is known of it, mapped as in the whole, nothing told beyond it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from firnline.bands import Sensor
from firnline.clip import cut_scene, window_of
from firnline.errors import GridError
from firnline.features import FeatureSource
from firnline.flags import flags_path
from firnline.grid import Lattice, Window
from firnline.mapping import MapSettings, map_scene
from firnline.scene import open_scene


def stored(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read())


def test_an_area_is_mapped_as_the_whole_scene_is_there(
    tmp_path: Path, write_scene: Callable[..., FeatureSource], bundle: Path
) -> None:
    values = np.random.default_rng(5).random((2, 310, 330))
    values[:, 150:170, 150:190] = np.nan
    source = write_scene(tmp_path / "scene.tif", values)
    grid = source.scene.grid
    how = {"window": 64, "overlap": 16, "runtime": "torch", "force": True, "uncertainty": True, "report": False}
    map_scene(source, bundle, tmp_path / "whole", MapSettings(**how))  # type: ignore[arg-type]

    area = shapely.Polygon([grid.corner(*at) for at in ((110, 140), (200, 150), (215, 215), (140, 225))])
    window = Lattice(grid.shape, 64, 16).around(window_of(area, grid))
    assert window.height < grid.shape[0]
    part = FeatureSource(cut_scene(source.scene, window, tmp_path / "part" / "scene.tif"))
    map_scene(part, bundle, tmp_path / "cut", MapSettings(area=area, **how))  # type: ignore[arg-type]

    rows, columns = np.mgrid[window.row : window.stop_row, window.column : window.stop_column]
    x, y = grid.transform.c + (columns + 0.5) * 30, grid.transform.f - (rows + 0.5) * 30
    inside = shapely.contains_xy(area, x, y)
    for name in ("classes.tif", "probabilities.tif", "uncertainty.tif"):
        whole, cut = stored(tmp_path / "whole" / name), stored(tmp_path / "cut" / name)
        np.testing.assert_array_equal(cut[:, inside], whole[:, *window.slices][:, inside])
        assert (cut[:, ~inside] == 255).all()
    assert (stored(tmp_path / "cut" / "classes.tif")[0][inside] == 255).any()
    assert not (tmp_path / "cut" / "report.html").exists()


def test_a_part_of_a_scene_keeps_all_that_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "LC08_L2SP_147036_20200901.tif"
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint16", "width": 40, "height": 30, "crs": "EPSG:32645"}
    profile |= {"transform": Affine(30, 0, 478005, 0, -30, 3108145), "nodata": 0}
    values = np.random.default_rng(1).integers(0, 60_000, (3, 30, 40)).astype(np.uint16)
    values[:, 12, 13] = 0
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)
        file.scales, file.offsets = [2.75e-05, 2.75e-05, 0.00341802], [-0.2, -0.2, 149.0]
        file.update_tags(SYNTHETIC="true")
        file.update_tags(1, LEVEL="surface reflectance")
    path.with_suffix(".firnline.yaml").write_text("names: [SR_B3, SR_B6, ST_B10]\nnote: as delivered\n")
    flags = np.random.default_rng(2).integers(0, 255, (1, 30, 40)).astype(np.uint8)
    with rasterio.open(flags_path(path), "w", **{**profile, "count": 1, "dtype": "uint8", "nodata": None}) as file:
        file.write(flags)

    scene, window = open_scene(path), Window(10, 5, 17, 30)
    part = cut_scene(scene, window, tmp_path / "part" / path.name)
    assert (part.sensor, part.date, part.is_synthetic) == (Sensor.LANDSAT8, dt.date(2020, 9, 1), True)
    assert part.bands == scene.bands
    assert part.grid.is_same_as(scene.grid.of_window(window))
    np.testing.assert_array_equal(part.read(part.band_names), scene.read(scene.band_names, window))
    np.testing.assert_array_equal(stored(part.path), values[:, *window.slices])
    np.testing.assert_array_equal(stored(flags_path(part.path)), flags[:, *window.slices])
    assert np.isnan(part.read(["green"])[0, 2, 8])
    assert part.note == f"as delivered; rows 10 to 26, columns 5 to 34 of {path.name}"
    with rasterio.open(part.path) as file:
        assert (file.tags(1)["LEVEL"], file.scales[2]) == ("surface reflectance", 0.00341802)
    assert {each.name for each in part.path.parent.iterdir()} == {path.name, flags_path(path).name}


@pytest.mark.parametrize("mask", ["mask", "alpha"])
def test_masks_and_alpha_bands_are_cut_too(tmp_path: Path, mask: str) -> None:
    path = tmp_path / "scene.tif"
    profile = {"driver": "GTiff", "count": 2, "dtype": "uint8", "width": 6, "height": 5, "crs": "EPSG:32645"}
    profile |= {"transform": Affine(30, 0, 478005, 0, -30, 3108145)}
    known = np.random.default_rng(1).random((5, 6)) > 0.4
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
        file.descriptions = ("green", "alpha" if mask == "alpha" else "red")
        if mask == "alpha":
            file.colorinterp = [rasterio.enums.ColorInterp.gray, rasterio.enums.ColorInterp.alpha]
        file.write(np.full((2, 5, 6), 7, np.uint8))
        if mask == "alpha":
            file.write(known.astype(np.uint8) * 255, 2)
        else:
            file.write_mask(known)
    part = cut_scene(open_scene(path), Window(1, 2, 3, 4), tmp_path / "part.tif")
    np.testing.assert_array_equal(np.isfinite(part.read(["green"])[0]), known[1:4, 2:6])


def test_a_part_that_leaves_the_scene_or_an_area_without_a_pixel_is_refused(
    tmp_path: Path, write_scene: Callable[..., FeatureSource]
) -> None:
    scene = write_scene(tmp_path / "scene.tif", np.ones((2, 5, 6))).scene
    with pytest.raises(GridError, match="not inside"):
        cut_scene(scene, Window(0, 0, 6, 6), tmp_path / "part.tif")
    assert not (tmp_path / "part.tif").exists()
    x, y = scene.grid.corner(1, 1)
    for area in (shapely.box(0, 0, 10, 10), shapely.box(x + 1, y - 5, x + 9, y - 1)):
        with pytest.raises(GridError, match="holds no pixel"):
            window_of(area, scene.grid)
    assert window_of(shapely.box(x, y - 30, x + 30, y), scene.grid) == Window(1, 1, 1, 1)
    assert window_of(shapely.box(0, 0, 1e6, 1e7), scene.grid) == Window(0, 0, 5, 6)
