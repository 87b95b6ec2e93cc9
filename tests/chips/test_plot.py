"""Contact sheets and maps show what the table and the files hold, measured in the pictures themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine

from firnline.chips.pictures.choose import Order, choose
from firnline.chips.pictures.contact_sheet import UNKNOWN_COLOURS, draw_sheets
from firnline.chips.pictures.maps import SPLIT_COLOURS, draw_density_map, draw_split_map
from firnline.chips.table import ChipTable
from firnline.errors import BandError, ConfigError, LabelError, SceneError
from firnline.report.colours import CLEAN, DEBRIS, rgb

Run = Callable[..., tuple[int, str, str]]
SIDE = 60


def write(path: Path, values: np.ndarray, nodata: int, names: list[str], column: int = 0) -> Path:
    place = {"crs": "EPSG:32645", "transform": Affine(30, 0, 478005 + 30 * column, 0, -30, 3108145)}
    shape = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", nodata=nodata, **shape, **place) as file:
        file.write(values)
        file.descriptions = names
        if names == ["class"]:
            file.update_tags(FIRNLINE_LABEL_SCHEME="class")
    return path


@pytest.fixture
def made(tmp_path: Path, table_of: Callable[..., ChipTable]) -> ChipTable:
    """Two scenes of one chip each, side by side: rows 0 to 29 of both are clean ice, 30 to 44 debris in the first."""
    pairs = []
    for number, name in enumerate(("west", "east")):
        truth = np.zeros((1, SIDE, SIDE), np.uint8)
        truth[0, :30] = 1
        if number == 0:
            truth[0, 30:45] = 2
        truth[0, 50:] = 255
        values = np.random.default_rng(number).integers(1, 200, (2, SIDE, SIDE)).astype(np.uint16)
        values[1, 55:] = 0  # unknown in a band as well
        values[0, :, 57:] = 0
        scene = write(tmp_path / f"{name}.tif", values, 0, ["green", "red"], number * SIDE)
        pairs.append((scene, write(tmp_path / f"{name}_class.tif", truth, 255, ["class"], number * SIDE)))
    return table_of(pairs, size=SIDE, splits=("train", "test"))


def picture(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.moveaxis(file.read([1, 2, 3]), 0, -1).astype(int)


def places(image: np.ndarray, colour: tuple[int, ...], near: int = 6) -> np.ndarray:
    """(row, column) of every dot of that colour."""
    return np.argwhere(np.abs(image - np.array(colour)).max(axis=-1) <= near)


def alone(table: ChipTable, row: int) -> ChipTable:
    return table.with_frame(table.frame.iloc[[row]])


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
class TestSheets:
    def test_areas_of_colours_are_the_shares_of_the_classes(self, made: ChipTable, tmp_path: Path) -> None:
        (path,) = draw_sheets(alone(made, 0), tmp_path / "out")
        image = picture(path)
        image = image[160:-72]  # without caption and legend
        count = {name: len(places(image, rgb(colour))) for name, colour in {"clean": CLEAN, "debris": DEBRIS}.items()}
        third = image[:, 697:]  # the image itself is grey, as there are but two bands
        count |= {name: len(places(third, rgb(colour))) for name, colour in UNKNOWN_COLOURS.items()}
        dots = count["clean"] / (30 * SIDE)  # a pixel of the chip
        truth = {
            "debris": 15 * SIDE,
            "truth unknown": 5 * 57,
            "a band unknown": 50 * 3,
            "both unknown": 10 * SIDE - 5 * 57,
        }
        for name, pixels in truth.items():
            assert count[name] / dots == pytest.approx(pixels, rel=0.05), name

    def test_many_chips_take_many_sheets_in_the_order_given(self, made: ChipTable, tmp_path: Path) -> None:
        ids = [f"chip {number}" for number in range(11)]
        frame = gpd.GeoDataFrame(pd.concat([made.frame.iloc[[0]]] * 11, ignore_index=True), crs=4326).assign(id=ids)
        told: list[tuple[int, int]] = []
        sheets = draw_sheets(
            made.with_frame(frame), tmp_path / "out", progress=lambda done, total: told.append((done, total))
        )
        assert [path.name for path in sheets] == ["sheet_01.png", "sheet_02.png"]
        assert told == [(number, 11) for number in range(1, 12)]

    def test_bands_that_are_not_there_are_refused_before_anything_is_drawn(
        self, made: ChipTable, tmp_path: Path
    ) -> None:
        with pytest.raises(BandError, match="has no swir16"):
            draw_sheets(made, tmp_path / "out", bands=("swir16", "red", "green"))
        (tmp_path / "west.tif").unlink()
        with pytest.raises(SceneError, match=r"west\.tif: does not exist"):
            draw_sheets(made, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.real
    def test_real_tiles(self, shared_data: Path, table_of: Callable[..., ChipTable], tmp_path: Path) -> None:
        folder = shared_data / "landsat8-zanskar"
        table = table_of([(folder / "08_13_image.tif", folder / "08_13_class.tif")], size=512)
        (path,) = draw_sheets(table, tmp_path)
        image = picture(path)[:-110]
        with rasterio.open(folder / "08_13_class.tif") as file:
            truth = file.read(1)
        ratio = len(places(image, rgb(DEBRIS))) / len(places(image, rgb(CLEAN)))
        assert ratio == pytest.approx(np.sum(truth == 2) / np.sum(truth == 1), rel=0.15)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
class TestMaps:
    def test_sides_are_where_their_chips_are(self, made: ChipTable, tmp_path: Path) -> None:
        image = picture(draw_split_map(made, tmp_path / "splits.png"))
        faded = {
            side: tuple(round(0.8 * part + 0.2 * 255) for part in rgb(colour))
            for side, colour in SPLIT_COLOURS.items()
        }
        train, test = (places(image, faded[side]) for side in ("train", "test"))
        assert len(train) == pytest.approx(len(test), rel=0.05)
        assert train[:, 1].max() <= test[:, 1].min()  # west of it
        assert abs(train[:, 0].mean() - test[:, 0].mean()) < 5
        assert not len(places(image, faded["validation"], near=2))

    def test_the_densest_chip_is_the_darkest(self, made: ChipTable, tmp_path: Path) -> None:
        table = made.with_frame(made.frame.assign(debris=[float("nan")] * 2, clean=[0.1, 0.9]))
        image = picture(draw_density_map(table, tmp_path / "density.png"))
        split = picture(draw_split_map(table, tmp_path / "splits.png"))
        assert image.shape != split.shape  # one panel with a bar
        middle = image.shape[0] // 2
        bar_free = image[middle - 20 : middle + 20, 160 : int(image.shape[1] * 0.8)].mean(axis=(0, 2))
        inside = bar_free[bar_free < 250]
        assert inside[: len(inside) // 3].mean() > inside[-len(inside) // 3 :].mean() + 50

    def test_a_table_over_six_utm_zones(self, tmp_path: Path) -> None:
        parts = []
        for zone in range(42, 48):
            left = 300_000 + 5_000 * np.arange(60)
            boxes = gpd.GeoSeries(shapely.box(left, 3_300_000, left + 5_000, 3_305_000), crs=f"EPSG:326{zone}")
            shares = np.linspace(0, 0.2, 60)
            columns: dict[str, Any] = {
                "id": [f"{zone}_{number}" for number in range(60)],
                **{
                    "scene": f"{zone}.tif",
                    "crs": f"EPSG:326{zone}",
                    "split": "train",
                    "fold": None,
                    "height": 9,
                    "width": 9,
                },
                **{"valid": 1.0, "glacier": shares, "clean": shares, "debris": shares / 10},
                **{"left": left, "right": left + 5_000, "bottom": 3_300_000, "top": 3_305_000},
            }
            parts.append(gpd.GeoDataFrame(columns, geometry=boxes.to_crs(4326)))
        table = ChipTable(tmp_path / "t.parquet", gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=4326))
        assert draw_split_map(table, tmp_path / "a.png").stat().st_size > 10_000
        assert draw_density_map(table, tmp_path / "b.png", cell=0.5).stat().st_size > 10_000

    def test_what_cannot_be_drawn_is_said(self, made: ChipTable, tmp_path: Path) -> None:
        none = dict.fromkeys(("glacier", "clean", "debris"), np.nan)
        with pytest.raises(ConfigError, match="no share of any class"):
            draw_density_map(made.with_frame(made.frame.assign(**none)), tmp_path / "a.png")
        with pytest.raises(ConfigError, match="holds no chips"):
            draw_split_map(made.with_frame(made.frame.iloc[:0]), tmp_path / "a.png")
        with pytest.raises(ConfigError, match="degrees"):
            draw_density_map(made, tmp_path / "a.png", cell=0)
        with pytest.raises(LabelError, match="does not exist"):
            draw_split_map(made, tmp_path / "a.png", tmp_path / "none.gpkg")
        assert not (tmp_path / "a.png").exists()


class TestChoose:
    @pytest.fixture
    def table(self, made: ChipTable) -> ChipTable:
        frame = gpd.GeoDataFrame(pd.concat([made.frame] * 3, ignore_index=True), crs=4326)
        debris = [0.1, 0.3, np.nan, 0.3, 0.0, 0.2]
        return made.with_frame(frame.assign(id=list("abcdef"), debris=debris))

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({"order": Order.DEBRIS}, "bdfae"),
            ({"order": Order.DEBRIS, "count": 2}, "bd"),
            ({"order": Order.DEBRIS, "split": "test"}, "bdf"),
            ({"ids": ["e", "a"]}, "ea"),
            ({"count": 0}, ""),
        ],
    )
    def test_chips_come_in_the_order_asked_for(self, table: ChipTable, asked: dict[str, Any], expected: str) -> None:
        assert "".join(choose(table, **asked).frame["id"]) == expected

    def test_a_random_choice_takes_a_seed(self, table: ChipTable) -> None:
        drawn = ["".join(choose(table, seed=seed).frame["id"]) for seed in (0, 0, 1)]
        assert drawn[0] == drawn[1] != drawn[2]
        assert all("".join(sorted(ids)) == "abcdef" for ids in drawn)

    def test_what_is_not_there_is_said(self, table: ChipTable) -> None:
        with pytest.raises(ConfigError, match="has no chip x y; ids look like a"):
            choose(table, ids=["a", "x", "y"])
        with pytest.raises(ConfigError, match="no chips in the split 'validation'; it has test train"):
            choose(table, split="validation")
        with pytest.raises(ConfigError, match="does not know the share of clean"):
            choose(table.with_frame(table.frame.assign(clean=np.nan)), order=Order.CLEAN)


def test_the_command(made: ChipTable, tmp_path: Path, firnline: Run) -> None:
    out = tmp_path / "pictures"
    code, text, err = firnline("chips", "plot", made.path, "-o", out, "--sort", "debris", "--count", 1)
    assert (code, err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["density.png", "sheet_01.png", "splits.png"]
    assert text.count("written: ") == 3
    for wrong, words in (
        (("--bands", "red,green"), "is not three bands"),
        (("--bands", "pan,red,green"), "has no pan"),
        (("--sort", "beauty"), "choose glacier, clean, debris, valid, random"),
        (("--split", "holiday"), "has no chips in the split"),
        (("--ids", "nobody"), "has no chip nobody"),
    ):
        code, _, err = firnline("chips", "plot", made.path, "-o", tmp_path / "none", *wrong)
        assert (code, err.count("\n"), words in err) == (2, 1, True)
    (tmp_path / "east.tif").unlink()
    code, _, err = firnline("chips", "plot", made.path, "-o", tmp_path / "none")
    assert (code, "east.tif: does not exist" in err) == (2, True)
    assert not (tmp_path / "none").exists()
    code, _, _ = firnline("chips", "plot", made.path, "-o", tmp_path / "maps", "--count", 0)
    assert (code, len(list((tmp_path / "maps").iterdir()))) == (0, 2)
