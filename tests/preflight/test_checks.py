"""Single questions, each against truth that is put in by hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy import ndimage

from firnline.features import FeatureSource
from firnline.flags import Flag, flags_path
from firnline.preflight.check import check_scene
from firnline.preflight.finding import Finding, Preflight
from firnline.preflight.sample import sample_windows
from firnline.preflight.training_range import Trained
from firnline.scene import open_scene

SIDE = 300
MARK = "not inventory-grade: seasonal snow"


def write(path: Path, bands: dict[str, np.ndarray], *, nodata: float | None = np.nan, **tags: str) -> Path:
    first = next(iter(bands.values()))
    profile = {"driver": "GTiff", "dtype": "float32", "count": len(bands), "crs": "EPSG:32645", "nodata": nodata}
    profile |= {
        "height": first.shape[0],
        "width": first.shape[1],
        "transform": Affine(30, 0, 478005, 0, -30, 3108145),
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.stack(list(bands.values())).astype(np.float32))
        file.descriptions = list(bands)
        file.update_tags(**{"LEVEL": "surface reflectance", **tags})
    return path


def mountains(seed: int = 0) -> np.ndarray:
    """Heights in metres from 3000 to about 5000, smooth over some hundred metres."""
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE))
    broad, fine = ndimage.gaussian_filter(noise, 20), ndimage.gaussian_filter(noise, 5)
    heights = broad / broad.std() * 300 + fine / fine.std() * 80
    return np.asarray(heights - heights.min() + 3000)


def ground(seed: int = 0, snow: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Grey rock of varied brightness with a shadow, and snow where asked for."""
    random = np.random.default_rng(seed)
    rock = 0.12 + 0.08 * ndimage.gaussian_filter(random.standard_normal((SIDE, SIDE)), 3) * 6
    rock = np.clip(rock, 0.02, 0.4)
    rock[:40, :40] = 0.01
    bands = {
        name: rock * factor + 0.002 * random.standard_normal(rock.shape)
        for name, factor in {"blue": 0.8, "green": 0.95, "red": 1.1, "nir08": 1.3, "swir16": 1.5}.items()
    }
    if snow is not None:
        for name, value in {"blue": 0.85, "green": 0.85, "red": 0.84, "nir08": 0.75, "swir16": 0.06}.items():
            bands[name] = np.where(snow, value * (1 + 0.1 * random.standard_normal(rock.shape)), bands[name])
    return bands


def checked(path: Path, **options: Any) -> Preflight:
    return check_scene(FeatureSource(open_scene(path)), **options)


def only(found: Preflight, check: str) -> Finding:
    """The one finding of that check."""
    (finding,) = [each for each in found.findings if each.check == check]
    return finding


def test_blocks_lie_evenly_over_a_large_scene_and_cover_a_small_one() -> None:
    seen = np.zeros((500, 700), int)
    for window in sample_windows((500, 700)):
        seen[window.slices] += 1
    assert (seen == 1).all()
    windows = sample_windows((9000, 4000))
    assert len(windows) == 49
    assert min(w.row for w in windows) == 0
    assert max(w.stop_row for w in windows) == 9000
    assert max(w.stop_column for w in windows) == 4000


# Snow


def test_snow_on_the_valley_floor_is_seasonal_and_on_the_heights_it_is_not(tmp_path: Path) -> None:
    heights = mountains()
    low, high = heights < np.quantile(heights, 0.3), heights > np.quantile(heights, 0.7)
    for where, marks in ((low, (MARK,)), (high, ())):
        bands = ground(snow=where) | {"elevation": heights}
        assert checked(write(tmp_path / "scene.tif", bands, DATE="2020-09-20")).marks == marks


def test_the_date_weighs_where_there_are_no_heights(tmp_path: Path) -> None:
    snow = np.zeros((SIDE, SIDE), bool)
    snow[:120] = True  # 40 %
    for date, marks in ((dt.date(2021, 2, 1), (MARK,)), (dt.date(2020, 9, 20), ())):
        path = write(tmp_path / "scene.tif", ground(snow=snow), DATE=date.isoformat())
        finding = only(checked(path), "seasonal snow")
        assert (finding.mark,) == (marks or ("",))
        assert finding.measured["share"] == pytest.approx(0.4, abs=0.02)


# Pixels


def test_filler_that_nothing_declares_is_refused_and_declared_it_is_unknown(tmp_path: Path) -> None:
    bands = ground()
    for name in bands:
        bands[name][50:80] = 0
    path = write(tmp_path / "scene.tif", bands)
    finding = only(checked(path), "filler")
    assert (finding.severity, finding.measured["value"]) == ("refuse", 0)
    assert finding.measured["share"] == pytest.approx(30 / SIDE, abs=1e-3)
    path = write(tmp_path / "scene.tif", bands, nodata=0)
    found = checked(path)
    assert not found.is_refused
    assert only(found, "unknown").measured["share"] == pytest.approx(0.1, abs=0.02)


def test_stripes_are_told_from_other_unknown(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    wedges = (rows - columns * 0.18) % 33.5 < 8
    patch = (rows > 150) & (columns < 90)
    for unknown, severity in ((wedges, "caution"), (patch, "ok")):
        bands = {name: np.where(unknown, np.nan, values) for name, values in ground().items()}
        assert only(checked(write(tmp_path / "scene.tif", bands)), "stripes").severity == severity


def test_cloud_is_taken_from_flags(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", ground())
    assert "cannot be judged" in only(checked(path), "cloud").what
    flags = np.zeros((SIDE, SIDE), np.uint8)
    flags[:60] = Flag.CLOUD | Flag.SNOW
    with rasterio.open(path) as scene:
        profile = {**scene.profile, "count": 1, "dtype": "uint8", "nodata": None}
    with rasterio.open(flags_path(path), "w", **profile) as file:
        file.write(flags, 1)
    finding = only(checked(path), "cloud")
    assert (finding.severity, finding.measured["share"]) == ("caution", 0.2)


def test_saturation_is_a_share_and_never_refused(tmp_path: Path) -> None:
    bands = {name: np.minimum(values, 0.8) for name, values in ground(snow=mountains() > 4000).items()}
    found = checked(write(tmp_path / "scene.tif", bands))
    truth = float((bands["green"] == bands["green"].max())[::2, ::2].mean())
    finding = only(found, "saturation")
    assert finding.measured["green"] == pytest.approx(truth, abs=0.01)
    assert not found.is_refused


def test_a_scene_without_a_known_pixel_is_judged_nowhere(tmp_path: Path) -> None:
    bands = {
        name: np.full((SIDE, SIDE), np.nan) for name in (*ground(), "lwir11", "elevation", "slope", "ndsi", "qa")
    }
    found = checked(write(tmp_path / "scene.tif", bands))
    assert not found.is_refused
    assert only(found, "unknown").measured["share"] == 1


# Offset: metadata first, pixels as a cross-check


def sentinel(path: Path, offset: float, added: float, name: str = "scene.tif", **tags: str) -> Preflight:
    """Numbers that are `added` too high, read with an `offset`."""
    bands = {key: np.rint((values + added) * 10000) for key, values in ground().items()}
    scene = write(path / name, bands, SENSOR="Sentinel-2", **tags)
    with rasterio.open(scene, "r+") as file:
        file.scales, file.offsets = [1e-4] * len(bands), [offset] * len(bands)
    return checked(scene)


@pytest.mark.parametrize(
    ("offset", "added", "tags", "severity"),
    [
        (-0.1, 0.1, {"PROCESSING_BASELINE": "05.09"}, "ok"),
        (0.0, 0.0, {"PROCESSING_BASELINE": "02.13"}, "ok"),
        (0.0, 0.0, {"PROCESSING_BASELINE": "05.09", "earthsearch:boa_offset_applied": "True"}, "ok"),
        (0.0, 0.1, {"PROCESSING_BASELINE": "05.09"}, "refuse"),
        (0.0, 0.1, {"BOA_ADD_OFFSET": "-1000"}, "refuse"),
        (0.0, 0.0, {"PROCESSING_BASELINE": "05.09"}, "caution"),  # the tag says so, the pixels do not
        (0.0, 0.1, {"PROCESSING_BASELINE": "02.13"}, "caution"),
        (-0.1, 0.0, {"PROCESSING_BASELINE": "02.13"}, "refuse"),
        (-0.1, 0.0, {}, "refuse"),
        (0.0, 0.1, {}, "caution"),
        (0.0, 0.0, {}, "ok"),
    ],
)
def test_the_offset_of_sentinel2(
    tmp_path: Path, offset: float, added: float, tags: dict[str, str], severity: str
) -> None:
    finding = only(sentinel(tmp_path, offset, added, **tags), "offset")
    assert finding.severity == severity
    assert ("undetermined" in finding.what) == (severity == "caution")


def test_the_product_id_in_the_name_tells_the_baseline(tmp_path: Path) -> None:
    name = "S2B_MSIL2A_20220930T050649_N0400_R019_T44RQV_20220930T081546.tif"
    assert only(sentinel(tmp_path, 0.0, 0.1, name), "offset").severity == "refuse"
    assert only(sentinel(tmp_path, -0.1, 0.1, name), "offset").severity == "ok"


# Heights


def lit(heights: np.ndarray, azimuth: float) -> np.ndarray:
    """A hillshade by GDAL's formula (Horn 1981), sun 40 degrees high."""
    north, east = np.gradient(heights, 30.0)
    north, sun, high = -north, np.radians(azimuth), np.radians(40)
    upright = 1 / np.sqrt(1 + east**2 + north**2)
    shade = upright * (np.sin(high) - np.cos(high) * (np.sin(sun) * east + np.cos(sun) * north))
    return np.asarray(np.clip(shade, 0.05, None))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (7, -5), (-4, 6)])
def test_heights_off_the_image_are_found_by_the_light_on_the_slopes(tmp_path: Path, down: int, right: int) -> None:
    heights = mountains(3)
    bands = {name: values * lit(heights, 150) for name, values in ground(4).items()}
    bands["elevation"] = np.roll(heights, (down, right), (0, 1))
    finding = only(checked(write(tmp_path / "scene.tif", bands, SUN_AZIMUTH="150")), "DEM against shading")
    assert finding.measured["metres south"] == pytest.approx(30 * down, abs=30)
    assert finding.measured["metres east"] == pytest.approx(30 * right, abs=30)
    assert finding.measured["sun azimuth by the pixels"] == pytest.approx(150, abs=10)
    assert finding.severity == ("ok" if (down, right) == (0, 0) else "refuse")


def test_heights_without_light_on_them_are_undetermined(tmp_path: Path) -> None:
    bands = ground(8) | {"elevation": mountains(9)}
    finding = only(checked(write(tmp_path / "scene.tif", bands)), "DEM against shading")
    assert (finding.severity, finding.what[:12]) == ("note", "undetermined")


def test_a_dem_in_feet_beside_the_scene(tmp_path: Path) -> None:
    scene = write(tmp_path / "scene.tif", ground() | {"elevation": mountains()})
    feet = write(tmp_path / "dem.tif", {"elevation": mountains() / 0.3048})
    finding = only(check_scene(FeatureSource(open_scene(scene), feet)), "DEM")
    assert finding.severity == "refuse"
    assert "3.28 times those stored" in finding.what


# A model, and the command


def test_values_unlike_those_of_training(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", {name: values * 1e4 for name, values in ground().items()}, LEVEL="")
    assert not checked(path).is_refused, "numbers of an unknown level are not refused as such"
    found = checked(path, trained=[Trained("red", 0.2, 0.1), Trained("lwir11", 270.0, 8.0)])
    assert [finding.check for finding in found.refusals] == ["values as in training"]
    assert not checked(path, trained=[Trained("red", 1500.0, 900.0)]).is_refused


def test_the_command_tells_and_ends_with_2_where_map_refuses(
    tmp_path: Path, firnline: Callable[..., tuple[int, str, str]]
) -> None:
    good = write(tmp_path / "good.tif", ground())
    code, out, err = firnline("scenes", "check", good)
    assert (code, err) == (0, "")
    assert "looked at 4 blocks, 100% of the pixels" in out
    bad = write(tmp_path / "bad.tif", {name: 100 * values for name, values in ground().items()})
    code, out, err = firnline("scenes", "check", bad, "--json")
    said = json.loads(out)
    assert (code, said["refused"], said["findings"][0]["severity"]) == (2, True, "refuse")
    assert said["findings"][0]["do"]
    assert err == (
        f"firnline: {bad}: would mislead a model (level and scale); correct what is named above; "
        "`map` and `train` refuse it without --force\n"
    )


def test_map_refuses_and_force_goes_on_and_says_so(
    tmp_path: Path, firnline: Callable[..., tuple[int, str, str]]
) -> None:
    bad = write(tmp_path / "bad.tif", {name: 100 * values for name, values in ground().items()})
    code, out, err = firnline("map", bad, "-m", "ratio", "-o", tmp_path / "out")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "look like reflectance in per cent" in err
    assert "--force" in err
    assert not (tmp_path / "out").exists()
    code, _, err = firnline("map", bad, "-m", "ratio", "-o", tmp_path / "out", "--force")
    assert (code, err) == (0, "")
    said = json.loads((tmp_path / "out" / "provenance.json").read_text())["check"]
    assert said["forced"] is True
    assert said["findings"][0]["severity"] == "refuse"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "The scene was refused, and mapped all the same" in page
    with rasterio.open(tmp_path / "out" / "classes.tif") as file:
        assert file.tags()["QUALITY"] == "refused by the check of the scene"


def test_a_snow_covered_scene_is_mapped_and_its_results_carry_the_mark(
    tmp_path: Path, firnline: Callable[..., tuple[int, str, str]]
) -> None:
    import geopandas as gpd

    path = write(tmp_path / "scene.tif", ground(snow=mountains() > 3500), DATE="2021-02-01")
    code, out, err = firnline("map", path, "-m", "ratio", "-o", tmp_path / "out", "--format", "shp")
    assert (code, err) == (0, "")
    assert f"mark     {MARK}" in out
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["marks"] == [MARK]
    assert set(gpd.read_file(tmp_path / "out" / "glaciers.shp")["quality"]) == {MARK}
    for raster in ("classes.tif", "probabilities.tif"):
        with rasterio.open(tmp_path / "out" / raster) as file:
            assert file.tags()["QUALITY"] == MARK
    assert "Not inventory-grade: seasonal snow" in (tmp_path / "out" / "report.html").read_text()
