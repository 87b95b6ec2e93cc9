"""Direction, curvature and relative elevation: of known shapes, at gaps and edges, and in any window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform_bounds
from scipy import ndimage

from firnline import relief
from firnline.bands import Level
from firnline.features import FeatureSource
from firnline.grid import Window
from firnline.relief import curvature, facing, reach_of, relative_elevation
from firnline.scene import Scene, open_scene

UTM45 = CRS.from_epsg(32645)
BOTH = ["curvature", "relative_elevation"]
ALL = [*BOTH, "eastness", "northness"]
Floats = NDArray[np.float64]
Heights = NDArray[np.float32]


def scene_of(path: Path, bands: dict[str, Heights], *, pixel: float = 30, crs: CRS = UTM45) -> Scene:
    rows, columns = next(iter(bands.values())).shape
    at = Affine(pixel, 0, 478005, 0, -pixel, 3108145) if crs == UTM45 else Affine(0.001, 0, 86, 0, -0.001, 28)
    profile = {"driver": "GTiff", "count": len(bands), "dtype": "float32", "crs": crs, "transform": at}
    with rasterio.open(path, "w", height=rows, width=columns, **profile) as file:
        file.descriptions = list(bands)
        file.write(np.stack(list(bands.values())))
    return open_scene(path)


def read(source: FeatureSource, names: list[str], window: Window | None = None) -> Heights:
    with source.reader() as reader:
        return reader.read(names, window)


def ground(shape: tuple[int, int], pixel: float) -> tuple[Floats, Floats]:
    """Metres east and south of the middle."""
    rows, columns = ((np.arange(n) - n // 2) * pixel for n in shape)
    return np.broadcast_to(columns, shape), np.broadcast_to(rows[:, None], shape)


def mountains(shape: tuple[int, int], seed: int, height: float = 5000) -> Heights:
    rng = np.random.default_rng(seed)
    return (height + 40 * ndimage.gaussian_filter(rng.normal(size=shape), 3) / 0.1).astype(np.float32)


def rim(values: NDArray[np.generic], reach: int) -> slice:
    return slice(reach, len(values) - reach)


# Shapes whose answer is known


@pytest.mark.parametrize("pixel", [10, 30])
def test_a_plane_neither_bends_nor_stands_out_up_to_the_edge_and_around_gaps(tmp_path: Path, pixel: int) -> None:
    east, south = ground((150, 120), pixel)
    heights = (5000 + 0.5 * east - 0.25 * south).astype(np.float32)
    heights[60:75, 50:53] = np.nan
    heights[0, :7] = np.nan
    source = FeatureSource(scene_of(tmp_path / "scene.tif", {"elevation": heights}, pixel=pixel))
    bend, above, eastness, northness = read(source, ALL)
    for found in (bend, above, eastness, northness):
        assert (np.isnan(found) == np.isnan(heights)).all(), "known wherever the height itself is"
    assert np.nanmax(np.abs(eastness + 2 / 5**0.5)) < 1e-3, "it falls to the west and a little to the south"
    assert np.nanmax(np.abs(northness + 1 / 5**0.5)) < 1e-3
    assert np.nanmax(np.abs(bend)) < 1e-3
    assert np.nanmax(np.abs(above)) < 0.01


def test_eastness_and_northness_are_sine_and_cosine_of_the_aspect(tmp_path: Path) -> None:
    east, south = ground((81, 81), 30)
    cone = (6000 - 0.5 * np.hypot(east, south)).astype(np.float32)
    source = FeatureSource(scene_of(tmp_path / "scene.tif", {"elevation": cone}))
    eastness, northness, aspect = read(source, ["eastness", "northness", "aspect"])
    far = np.hypot(east, south) > 500
    bearing = np.arctan2(east, -south)
    assert np.abs(eastness - np.sin(bearing))[far].max() < 0.015, "east of the summit it falls to the east"
    assert np.abs(northness - np.cos(bearing))[far].max() < 0.015
    assert np.abs(eastness - np.sin(np.radians(aspect)))[far].max() < 0.015
    assert np.abs(northness - np.cos(np.radians(aspect)))[far].max() < 0.015
    assert eastness[40, 40] == northness[40, 40] == 0, "a summit is known to look nowhere"


def test_flat_ground_faces_nowhere(tmp_path: Path) -> None:
    heights = np.full((12, 13), 5000, np.float32)
    heights[2, 6] = np.nan
    found = read(FeatureSource(scene_of(tmp_path / "scene.tif", {"elevation": heights})), ["eastness", "northness"])
    assert (np.isnan(found) == np.isnan(heights)).all()
    known = found[np.isfinite(found)]
    assert (known == 0).all()
    assert not np.signbit(known).any()


@pytest.mark.parametrize(("dx", "dy"), [(10.0, 10.0), (30.0, 30.0), (90.0, 90.0), (20.0, 40.0), (200.0, 1500.0)])
def test_a_dome_bends_and_stands_out_by_its_formula(dx: float, dy: float) -> None:
    near, far = reach_of(100, dx, dy), reach_of(1000, dx, dy)
    x = (np.arange(2 * far[1] + 5) - far[1] - 2) * dx
    y = (np.arange(2 * far[0] + 5) - far[0] - 2)[:, None] * dy
    dome = (6000 - x * x / 4000 - y * y / 8000).astype(np.float32)
    # z'' is -1/2000 and -1/4000; the mean of i * i over -k to k is k (k + 1) / 3
    at = (rim(dome, far[0] - near[0]), rim(dome.T, far[1] - near[1]))
    assert curvature(dome[at], near, dx, dy) == pytest.approx(np.full((5, 5), 100 * 0.00075), rel=0.01)
    squares = [step * step * k * (k + 1) / 3 for step, k in ((dx, far[1]), (dy, far[0]))]
    expected = squares[0] / 4000 + squares[1] / 8000
    assert relative_elevation(dome, far) == pytest.approx(np.full((5, 5), expected), abs=0.01)


def test_a_ridge_is_high_and_convex_a_valley_low_and_concave(tmp_path: Path) -> None:
    east, _ = ground((101, 121), 30)
    ridge = (5000 - 0.5 * np.abs(east)).astype(np.float32)
    for heights, sign in ((ridge, 1), (10000 - ridge, -1)):
        bend, above = sign * read(FeatureSource(scene_of(tmp_path / "scene.tif", {"elevation": heights})), BOTH)
        crest = 60
        assert above[:, crest] == pytest.approx(np.full(101, 0.5 * 30 * 33 * 34 / 67), abs=0.01)  # mean of |i|
        assert (bend[:, crest] > 0.3).all(), "a crest of 2 x 27 degrees"
        far = np.abs(east[0]) > 1000
        assert np.abs(above[:, far]).max() < 0.01
        assert np.abs(bend[:, np.abs(east[0]) > 100]).max() < 1e-3
        assert bend.argmax() % 121 == above.argmax() % 121 == crest


def test_pixels_of_10_and_30_metres_mean_the_same(tmp_path: Path) -> None:
    found = {}
    for pixel, size in ((10, 450), (30, 150)):  # columns 1, 4, 7 ... of the fine ones lie on the coarse ones
        x, y = ((np.arange(size) + 0.5) * pixel for _ in range(2))
        heights = 5000 + 300 * np.sin(x / 350) * np.cos(y[:, None] / 450) + 0.3 * x
        scene = scene_of(tmp_path / f"{pixel}.tif", {"elevation": heights.astype(np.float32)}, pixel=pixel)
        found[pixel] = read(FeatureSource(scene), ALL)
    for fine, coarse, name in zip(found[10][:, 1::3, 1::3], found[30], ALL, strict=True):
        assert np.percentile(np.abs(fine - coarse), 99) < 0.03 * coarse.std(), name


def test_whole_metres_make_no_terraces() -> None:
    """On a slope of 3 degrees they are steps 20 m wide, which eight neighbours take for ridges."""
    east, south = ground((150, 150), 10)
    steps = np.rint(5000 + 0.05 * east + 0.02 * south).astype(np.float32)
    near = reach_of(100, 10, 10)
    assert np.abs(curvature(steps, near, 10, 10)).max() < 0.02
    assert np.abs(curvature(steps, (1, 1), 10, 10)).max() > 0.3
    eastness, northness = facing(steps, near, 10, 10)
    assert np.abs(eastness + 0.05 / np.hypot(0.05, 0.02)).max() < 0.02
    assert np.abs(northness - 0.02 / np.hypot(0.05, 0.02)).max() < 0.05
    assert np.abs(facing(steps, (1, 1), 10, 10)[1] - 0.02 / np.hypot(0.05, 0.02)).max() > 0.3


# Other people's code


def test_the_mean_is_that_of_scipy_where_all_is_known() -> None:
    heights = mountains((80, 90), 1)
    reference = heights - ndimage.uniform_filter(heights.astype(np.float64), (2 * 9 + 1, 2 * 12 + 1))
    assert relative_elevation(heights, (9, 12)) == pytest.approx(reference[9:-9, 12:-12], abs=0.01)


def fitted(patch: Floats, quadratic: bool) -> tuple[Floats, Floats]:
    """Coefficients and values of the surface that numpy's least squares gives the known heights of a patch."""
    rows, columns = ((np.arange(n) - n // 2) for n in patch.shape)
    r, c = (part.ravel().astype(float) for part in np.meshgrid(rows, columns, indexing="ij"))
    terms = np.stack([np.ones_like(r), r, c, *((r * r, c * c, r * c) if quadratic else ())], axis=1)
    known = np.isfinite(patch.ravel())
    answer = np.linalg.lstsq(terms[known], patch.ravel()[known], rcond=None)[0]
    return answer, (terms @ answer).reshape(patch.shape)


def test_unknown_heights_lie_on_the_plane_that_fits_the_known_ones_best() -> None:
    heights = mountains((60, 60), 2)
    heights[20:40, 28:31] = np.nan
    heights[:14], heights[:, 49:] = np.nan, np.nan
    heights[np.random.default_rng(3).random((60, 60)) < 0.05] = np.nan
    reach, dx, dy = (4, 6), 20.0, 30.0
    bend, above = curvature(heights, reach, dx, dy), relative_elevation(heights, reach)
    eastness, northness = facing(heights, reach, dx, dy)
    looked_at = 0
    for row, column in np.argwhere(np.isfinite(above))[::7]:
        patch = heights[row : row + 9, column : column + 13].astype(np.float64)
        (_, down, right), plane = fitted(patch, quadratic=False)
        filled = np.where(np.isfinite(patch), patch, plane)
        curved = fitted(filled, quadratic=True)[0]
        if np.isfinite(patch).sum() * 4 >= patch.size:
            looked_at += 1
            assert above[row, column] == pytest.approx(patch[4, 6] - filled.mean(), abs=0.02)
            laplacian = 2 * curved[3] / dy**2 + 2 * curved[4] / dx**2
            assert bend[row, column] == pytest.approx(-100 * laplacian, abs=2e-3)
            steepest = np.hypot(right / dx, down / dy)
            assert eastness[row, column] == pytest.approx(-right / dx / steepest, abs=2e-3)
            assert northness[row, column] == pytest.approx(down / dy / steepest, abs=2e-3)
    assert looked_at > 200


# Gaps, edges, and what is no height


def test_where_little_is_known_the_mean_is_of_what_there_is_and_no_surface_fits() -> None:
    heights = np.full((21, 21), np.nan, np.float32)
    heights[10, 10], heights[10, 11], heights[0, 0] = 100, 103, 106
    assert relative_elevation(heights, (10, 10)) == pytest.approx(np.array([[-3.0]]))
    assert np.isnan(curvature(heights, (10, 10), 10, 10)).all()
    assert np.isnan(facing(heights, (10, 10), 10, 10)).all()


def test_what_is_no_height_does_not_spread() -> None:
    heights = mountains((30, 30), 4)
    bad = heights.copy()
    heights[15, 15], bad[15, 15] = np.nan, 3e38
    for known, with_bad in zip(
        (curvature(heights, (3, 3), 30, 30), relative_elevation(heights, (3, 3))),
        (curvature(bad, (3, 3), 30, 30), relative_elevation(bad, (3, 3))),
        strict=True,
    ):
        np.testing.assert_array_equal(known, with_bad)
        assert np.isnan(known).sum() == 1


def test_a_dem_shows_what_lies_beyond_the_scene(tmp_path: Path) -> None:
    wide = mountains((130, 140), 5)
    scene_of(tmp_path / "dem.tif", {"height": wide})
    at = Window(40, 45, 50, 60)
    scene = scene_of(tmp_path / "scene.tif", {"green": np.ones(at.shape, np.float32)})
    with rasterio.open(scene.path, "r+") as file:
        file.transform = Affine(30, 0, 478005 + 45 * 30, 0, -30, 3108145 - 40 * 30)
    bend, above = read(FeatureSource(open_scene(scene.path), tmp_path / "dem.tif"), BOTH)
    expected = wide - ndimage.uniform_filter(wide.astype(np.float64), 67)
    assert above == pytest.approx(expected[at.slices], abs=0.02)
    assert bend == pytest.approx(curvature(wide, (3, 3), 30, 30)[at.row - 3 : at.stop_row - 3, 42:102], abs=2e-3)


# Any window


@pytest.mark.parametrize("with_dem", [False, True])
@pytest.mark.parametrize("has_gaps", [False, True])
def test_any_window_holds_exactly_what_the_whole_scene_holds_there(
    tmp_path: Path, with_dem: bool, has_gaps: bool
) -> None:
    rng = np.random.default_rng(6)
    shape, pixel = (140, 170), 50
    bands = {"green": np.ones(shape, np.float32)}
    # Around the level of the sea float32 has so many digits that sums of fractions would be rounded.
    heights = mountains((180, 200) if with_dem else shape, 7, height=0)
    if has_gaps:
        heights[rng.random(heights.shape) < 0.002] = np.nan
        heights[60:80, 90:130] = np.nan
    dem = None
    if with_dem:
        dem, wgs84 = tmp_path / "dem.tif", CRS.from_epsg(4326)
        west, south, east, north = transform_bounds(UTM45, wgs84, 477000, 3100500, 487500, 3108500)
        at = Affine((east - west) / 200, 0, west, 0, (south - north) / 180, north)
        profile = {"count": 1, "dtype": "float32", "height": 180, "width": 200}
        with rasterio.open(dem, "w", driver="GTiff", crs=wgs84, transform=at, **profile) as file:
            file.write(heights, 1)
    else:
        bands["elevation"] = heights
    source = FeatureSource(scene_of(tmp_path / "scene.tif", bands, pixel=pixel), dem)
    names = [*ALL, "slope", "elevation"]
    whole = read(source, names)
    assert 0.9 < np.isfinite(whole).mean() <= 1
    with source.reader() as reader:
        for _ in range(100):
            row, column = (int(rng.integers(n)) for n in shape)
            height, width = int(rng.integers(1, shape[0] - row + 1)), int(rng.integers(1, shape[1] - column + 1))
            window = Window(row, column, height, width)
            chosen = list(rng.permutation(len(names))[: rng.integers(1, len(names) + 1)])
            found = reader.read([names[number] for number in chosen], window)
            np.testing.assert_array_equal(found, whole[chosen][:, *window.slices])


def test_strips_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    heights = mountains((90, 40), 8)
    heights[30:33, 5:9] = np.nan

    def everything() -> list[Heights]:
        near = (3, 2)
        return [
            curvature(heights, near, 20, 30),
            relative_elevation(heights, (8, 6)),
            *facing(heights, near, 20, 30),
        ]

    whole = everything()
    monkeypatch.setattr(relief, "_STRIP", 1)
    for strips, at_once in zip(everything(), whole, strict=True):
        np.testing.assert_array_equal(strips, at_once)


# What a source says of them


def test_they_are_had_where_slope_is_had_and_stored_ones_are_read(tmp_path: Path) -> None:
    shape = (40, 40)
    bands = {"green": np.ones(shape, np.float32)}
    bare = FeatureSource(scene_of(tmp_path / "bare.tif", bands))
    assert bare.missing(BOTH) == tuple(BOTH)
    assert bare.why_missing("curvature") == "needs elevation or a DEM"
    bands |= {"elevation": mountains(shape, 9), "curvature": np.full(shape, 7, np.float32)}
    degrees = FeatureSource(scene_of(tmp_path / "degrees.tif", bands, crs=CRS.from_epsg(4326)))
    assert degrees.missing(BOTH) == ("relative_elevation",)
    assert degrees.why_missing("relative_elevation") == "needs a CRS projected in metres, and not Mercator"
    source = FeatureSource(scene_of(tmp_path / "scene.tif", bands))
    assert set(BOTH) <= set(source.available)
    assert [source.origin_of(name) for name in BOTH] == ["stored", "derived from the stored elevation"]
    assert {source.level_of(name) for name in BOTH} == {Level.NOT_RADIOMETRIC}
    assert (read(source, BOTH)[0] == 7).all()
    dem = scene_of(tmp_path / "dem.tif", {"height": mountains(shape, 10)}).path
    with_dem = FeatureSource(source.scene, dem)
    assert with_dem.origin_of("curvature") == f"derived from {dem}"
    assert np.abs(read(with_dem, BOTH)[0]).max() < 7, "a named DEM goes before stored terrain"
