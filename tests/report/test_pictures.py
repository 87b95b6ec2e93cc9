"""Pictures show the scene, keep unknown apart from dark, and read large scenes in strips."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from firnline.bands import Level
from firnline.classes import Classes, LabelScheme
from firnline.errors import GridError
from firnline.grid import Window
from firnline.inventory.polygonise import polygonise
from firnline.report import falsecolour, snow
from firnline.report.areas import class_areas
from firnline.report.content import Picture, scene_facts
from firnline.report.falsecolour import choose_bands, fit_stretch, read_decimated, stripes, to_rgb
from firnline.report.pictures import detail_windows, draw_pictures
from firnline.scene import Scene, open_scene


def drawn(picture: Picture) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(picture.data), format=picture.mime.removeprefix("image/")))


def test_scene_classes_and_details_are_drawn(scene: Scene, classes: Classes) -> None:
    outlines = polygonise(classes, scene.grid, LabelScheme.CLASS)
    whole, raster, *details = draw_pictures(scene, classes, LabelScheme.CLASS, outlines)
    assert 1 <= len(details) <= 3
    assert drawn(whole).shape[1] == 1300
    assert "swir16, green and blue" in whole.caption
    colours = (drawn(raster)[..., :3] * 255).round().astype(int).reshape(-1, 3).tolist()
    assert [0, 114, 178] in colours
    assert [213, 94, 0] in colours


def test_a_scene_without_any_glacier_is_drawn(scene: Scene) -> None:
    nothing = np.zeros(scene.grid.shape, np.uint8)
    outlines = polygonise(nothing, scene.grid, LabelScheme.CLASS)
    assert len(draw_pictures(scene, nothing, LabelScheme.CLASS, outlines)) == 2


def test_outlines_are_drawn_over_the_scene(scene: Scene, classes: Classes) -> None:
    outlines = polygonise(classes, scene.grid, LabelScheme.CLASS)
    with_outlines = drawn(draw_pictures(scene, classes, LabelScheme.CLASS, outlines)[0]).astype(int)
    without = drawn(draw_pictures(scene, classes, LabelScheme.CLASS, outlines.iloc[:0])[0]).astype(int)
    assert (np.abs(with_outlines - without).max(axis=-1) > 60).sum() > 2000


def test_unknown_is_striped_grey_and_never_black(scene: Scene) -> None:
    bands = choose_bands(scene)
    assert bands == ("swir16", "green", "blue")
    values = scene.read(bands)
    image = to_rgb(values, fit_stretch(bands, values))
    np.testing.assert_array_equal(image[50:70, 120:150], stripes(image.shape[:2])[50:70, 120:150])
    assert image[50:70, 120:150].min() > 150


def test_a_scene_of_nothing_but_unknown_can_be_drawn() -> None:
    values = np.full((3, 4, 5), np.nan, np.float32)
    image = to_rgb(values, fit_stretch(("swir16", "green", "blue"), values))
    np.testing.assert_array_equal(image, stripes((4, 5)))


@pytest.mark.parametrize("strip_rows", [16, 512])
def test_decimating_averages_known_pixels(scene: Scene, strip_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By 7, which divides neither side, in strips and at once; a block that is mostly unknown is unknown."""
    monkeypatch.setattr(falsecolour, "_STRIP_ROWS", strip_rows)
    with scene.reader() as reader:
        found = read_decimated(reader, ["green"], 7)
        blocks = [
            [
                reader.read(["green"], Window(row, column, min(7, 150 - row), min(7, 200 - column)))
                for column in range(0, 200, 7)
            ]
            for row in range(0, 150, 7)
        ]
    assert found.shape == (1, 22, 29)
    for row, line in enumerate(blocks):
        for column, block in enumerate(line):
            known = block[np.isfinite(block)]
            expected = known.mean() if 2 * known.size > block.size else np.nan
            assert found[0, row, column] == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_details_lie_where_the_glaciers_are_and_do_not_overlap() -> None:
    classes = np.zeros((900, 900), np.uint8)
    classes[650:800, 50:200] = 1
    windows = detail_windows(classes)
    assert windows
    assert np.count_nonzero(classes[windows[0].slices]) == 150 * 150
    assert not any(a.intersection(b) for a in windows for b in windows if a != b)
    assert detail_windows(np.zeros((900, 900), np.uint8)) == []
    assert detail_windows(np.ones((40, 40), np.uint8)) == []


def test_snow_is_measured_outside_the_outlines(scene: Scene, classes: Classes) -> None:
    facts = snow.measure_snow(scene, classes)
    assert facts is not None
    known, outside = 150 * 200 - 20 * 30, int(np.count_nonzero(classes == 0))
    mapped = int(np.count_nonzero((classes == 1) | (classes == 2)))
    assert facts.share_of_known == pytest.approx(150 * 100 / known)
    assert facts.share_outside == pytest.approx((150 * 100 - mapped) / outside)


def test_snow_of_digital_numbers_or_without_the_bands_is_not_claimed(scene: Scene, classes: Classes) -> None:
    numbers = replace(scene, bands=tuple(replace(band, level=Level.DIGITAL_NUMBER) for band in scene.bands))
    assert snow.measure_snow(numbers, classes) is None
    assert snow.measure_snow(replace(scene, bands=scene.bands[:2]), classes) is None
    with pytest.raises(GridError, match="shape"):
        snow.measure_snow(scene, classes[1:])


def test_areas_are_summed_by_class(scene: Scene, classes: Classes) -> None:
    outlines = polygonise(classes, scene.grid, LabelScheme.CLASS)
    clean, debris = class_areas(outlines, classes, scene.grid, LabelScheme.CLASS)
    assert debris.area_km2 == pytest.approx(50 * 30 * 9e-4, rel=2e-3)
    assert clean.share_of_known == pytest.approx(np.count_nonzero(classes == 1) / (150 * 200 - 600))
    assert (clean.outlines, clean.lower_bounds, clean.at_edge) == (1, 0, 0)


def test_facts_are_read_from_the_scene(scene: Scene) -> None:
    facts = scene_facts(scene)
    assert (facts.sensor, str(facts.date), facts.level) == ("landsat8", "2020-09-01", Level.SURFACE_REFLECTANCE)
    assert facts.centre == pytest.approx((28.078, 86.807), abs=2e-3)


@pytest.mark.real
def test_a_real_scene_is_drawn(shared_data: Path) -> None:
    scene = open_scene(shared_data / "sentinel2-himalaya" / "113_image.tif")
    nothing = np.zeros(scene.grid.shape, np.uint8)
    outlines = polygonise(nothing, scene.grid, LabelScheme.DEBRIS)
    picture = drawn(draw_pictures(scene, nothing, LabelScheme.DEBRIS, outlines)[0])
    assert picture.std() > 20


def test_a_band_of_one_large_value_can_be_stretched() -> None:
    values = np.full((3, 4, 4), 20_000, np.float32)
    image = to_rgb(values, fit_stretch(("red", "green", "blue"), values))
    assert image.max() == image.min()
