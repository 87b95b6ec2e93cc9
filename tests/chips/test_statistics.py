"""Statistics of a table are numpy's over all of its known pixels, each once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings
from firnline.chips.table import ChipTable, write_table
from firnline.chips.table_statistics import table_statistics
from firnline.classes import UNKNOWN, LabelScheme
from firnline.classraster import write_classes
from firnline.errors import ConfigError
from firnline.grid import Grid

Run = Callable[..., tuple[int, str, str]]
SIZE = (150, 170)


@pytest.fixture
def table(tmp_path: Path) -> ChipTable:
    """Two scenes: thermal values, whose mean and deviation differ by orders, and ndsi, not defined everywhere."""
    for number, name in enumerate("ab"):
        random = np.random.default_rng(number)
        grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005 + 90000 * number, 0, -30, 3108145), SIZE)
        values = np.stack(
            [random.normal(29000 + number, 0.5, SIZE), random.uniform(-0.1, 1, SIZE), random.random(SIZE)]
        )
        values[:, :40, :30] = np.nan
        values[0, 100:, :10] = np.nan
        profile = {"driver": "GTiff", "dtype": "float32", "count": 3, "height": SIZE[0], "width": SIZE[1]}
        with rasterio.open(
            tmp_path / f"{name}_image.tif", "w", crs=grid.crs, transform=grid.transform, nodata=np.nan, **profile
        ) as file:
            file.descriptions = ("lwir11", "green", "swir16")
            file.write(values.astype(np.float32))
        truth = random.choice(np.array([0, 1, UNKNOWN], np.uint8), SIZE)
        write_classes(tmp_path / f"{name}_truth.tif", truth, grid, LabelScheme.GLACIER)
    settings = {
        **{"name": "t", "size": 64, "stride": 24, "scenes": [{"images": "*_image.tif", "truth": "{name}_truth.tif"}]},
        "split": {"kind": "scene", "sides": {"train": ["a_*", "b_*"]}},
    }
    return make_table(MakeSettings.model_validate(settings), tmp_path, tmp_path / "t.parquet")


def all_pixels(table: ChipTable, side: str | None) -> np.ndarray:
    """Values (band, pixel) of every pixel that lies in a chip and is known in the truth, by plain masks."""
    found = []
    frame = table.frame if side is None else table.frame[table.frame["split"] == side]
    for scene, rows in frame.groupby("scene"):
        with rasterio.open(table.resolve(scene)) as file:
            values = file.read().astype(np.float64)
        with rasterio.open(table.resolve(rows["truth"].iloc[0])) as file:
            known = file.read(1) != UNKNOWN
        inside = np.zeros(SIZE, bool)
        for row, column in zip(rows["row"], rows["column"], strict=True):
            inside[row : row + 64, column : column + 64] = True
        found.append(values[:, inside & known])
    return np.concatenate(found, axis=1)


def test_they_are_numpy_s_to_the_millionth(table: ChipTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firnline.chips.windows._VALUES_AT_ONCE", 3 * 40 * 40)
    table = table.with_frame(table.frame.assign(split=["train" if n % 7 else None for n in range(len(table))]))
    values = all_pixels(table, "train")
    assert 0 < values.shape[1] < 2 * SIZE[0] * SIZE[1]
    for band, told in zip(values, table_statistics(table, ("lwir11", "green", "swir16")).summary(), strict=True):
        known = band[np.isfinite(band)]
        assert told.count == known.size
        assert told.mean == pytest.approx(known.mean(), rel=1e-9)
        assert told.deviation == pytest.approx(known.std(), rel=1e-6)
        assert (told.minimum, told.maximum) == (known.min(), known.max())


def test_a_pixel_under_two_truths_counts_once(table: ChipTable) -> None:
    """Parts of a scene, each with its own outlines, overlap: what either of them knows counts, once."""
    scene = table.frame["scene"].iloc[0]
    with rasterio.open(table.resolve(scene)) as file:
        green, grid = file.read(2), Grid.of(file)
    other = np.random.default_rng(5).choice(np.array([0, UNKNOWN], np.uint8), SIZE)
    write_classes(table.path.parent / "other.tif", other, grid, LabelScheme.GLACIER)
    with rasterio.open(table.resolve(table.frame["truth"].iloc[0])) as file:
        known = (file.read(1) != UNKNOWN) | (other != UNKNOWN)
    frame = table.frame[table.frame["scene"] == scene]
    twice = table.with_frame(pandas.concat([frame, frame.assign(truth="other.tif")]), truths=())
    told = table_statistics(twice, ("green",)).summary()[0]
    values = green[known & np.isfinite(green)].astype(np.float64)
    assert (told.count, told.mean) == (values.size, pytest.approx(values.mean(), rel=1e-9))


def test_a_class_raster_made_anew_is_not_taken_for_the_one_of_the_table(table: ChipTable, firnline: Run) -> None:
    """As where the table was made again of newer outlines, and a split of the older one is still used."""
    split = table.path.with_name("split.parquet")
    assert firnline("chips", "split", table.path, "--kind", "random", "-o", split)[0] == 0
    truth = table.resolve(table.frame["truth"].iloc[0])
    with rasterio.open(truth, "r+") as file:
        file.write(np.where(file.read() == 1, 0, file.read()).astype(np.uint8))
    code, _, err = firnline("chips", "statistics", split, "--bands", "green")
    assert code == 2
    assert f"{truth.name}: is not the class raster that" in err


def test_indices_count_where_they_are_defined(table: ChipTable) -> None:
    _, green, swir = all_pixels(table, "train").astype(np.float32)
    total = green + swir
    with np.errstate(invalid="ignore", divide="ignore"):
        ndsi = np.clip((green - swir) / total, -1, 1)[total > 0].astype(np.float64)
    told = table_statistics(table, ("ndsi",)).summary()[0]
    assert (told.count, told.mean) == (ndsi.size, pytest.approx(ndsi.mean(), rel=1e-6))


def test_the_command_prints_them(table: ChipTable, firnline: Run) -> None:
    code, out, _ = firnline("chips", "statistics", table.path, "--bands", "lwir11,green", "--json")
    assert code == 0
    said = json.loads(out)
    values = all_pixels(table, "train")[1]
    assert said["split"] == "train"
    assert [band["name"] for band in said["bands"]] == ["lwir11", "green"]
    assert said["bands"][1]["mean"] == pytest.approx(np.nanmean(values), rel=1e-9)
    code, out, _ = firnline("chips", "statistics", table.path, "--bands", "green")
    assert (code, out.splitlines()[0], out.splitlines()[2].split()[0]) == (0, "train", "green")


def test_what_cannot_be_told_is_one_line(table: ChipTable, firnline: Run) -> None:
    with pytest.raises(ConfigError, match="no chips in the split 'test'"):
        table_statistics(table, ("green",), "test")
    code, _, err = firnline("chips", "statistics", table.path, "--bands", "green,blue")
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot give blue" in err
    code, _, err = firnline("chips", "statistics", table.path, "--bands", "green", "--split", "left")
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = firnline("chips", "statistics", table.path, "--bands", "green,")
    assert (code, err) == (2, "firnline: --bands: 'green,' names no bands; give blue,green,ndsi,slope\n")
    table.resolve(table.frame["scene"].iloc[0]).unlink()
    code, _, err = firnline("chips", "statistics", table.path, "--bands", "green")
    assert (code, err.count("\n")) == (2, 1)
    write_table(table.with_frame(table.frame.iloc[:0]))
    assert firnline("chips", "statistics", table.path, "--bands", "green")[0] == 2
