"""`firnline chips make`: all of a scene, what each chip holds by plain counting, filters, glaciers, and bad input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pydantic import BaseModel
from rasterio.crs import CRS

from firnline.chips.filters import Filters
from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings, read_make_settings
from firnline.chips.table import COLUMNS, ChipTable, read_table
from firnline.classes import UNKNOWN, LabelScheme
from firnline.classraster import read_classes, write_classes
from firnline.errors import ConfigError, FirnlineError
from firnline.flags import Flag, flags_path
from firnline.grid import Grid
from firnline.scene import SceneReader

Run = Callable[..., tuple[int, str, str]]
SIZE = (70, 90)
GRID = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), SIZE)


def write_scene(path: Path, grid: Grid = GRID, *, holes: bool = True) -> None:
    """Two bands in blocks of 16 pixels; green is unknown in a corner, swir16 in a column."""
    values = np.random.default_rng(1).uniform(0.1, 0.9, (2, *grid.shape)).astype(np.float32)
    if holes:
        values[0, :10, :10] = np.nan
        values[1, :, 40] = np.nan
    profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "height": grid.shape[0], "width": grid.shape[1]}
    blocks = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, nodata=np.nan, **profile, **blocks) as file:
        file.descriptions = ("green", "swir16")
        file.update_tags(LANDSAT_PRODUCT_ID="LE07_L1TP_140041_20001030_20200917_02_T1")
        file.write(values)


def truth_of(shape: tuple[int, int]) -> np.ndarray:
    """Two glaciers of clean ice, one with a tongue of debris; unknown rows at the bottom."""
    truth = np.zeros(shape, np.uint8)
    truth[5:30, 5:30], truth[20:30, 5:30] = 1, 2
    truth[40:60, 60:85] = 1
    truth[-6:] = UNKNOWN
    return truth


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_scene(tmp_path / "a_20001030_image.tif")
    write_classes(tmp_path / "a_20001030_truth.tif", truth_of(SIZE), GRID, LabelScheme.CLASS)
    return tmp_path


def make(folder: Path, **changes: Any) -> ChipTable:
    settings = {
        "name": "t", "size": 32, "scenes": [{"images": "a_*_image.tif", "truth": "{name}_truth.tif"}]
    } | changes  # fmt: skip
    return make_table(MakeSettings.model_validate(settings), folder, folder / "tables" / "t.parquet")


def test_the_table_says_what_plain_counting_says(folder: Path) -> None:
    table = make(folder, filters={"valid": None})
    read = read_table(table.path)
    assert list(read.frame.columns) == list(COLUMNS)
    assert [(r, c) for r, c in zip(read.frame["row"], read.frame["column"], strict=True)] == [
        (row, column) for row in (0, 32, 38) for column in (0, 32, 58)
    ]
    with rasterio.open(folder / "a_20001030_image.tif") as file:
        known = np.isfinite(file.read()).all(axis=0)
    truth = np.where(known, truth_of(SIZE), UNKNOWN)
    for row in read.frame.to_dict("records"):
        part = truth[row["row"] : row["row"] + 32, row["column"] : row["column"] + 32]
        valid = int((part != UNKNOWN).sum())
        assert row["valid"] == valid / 32**2
        assert row["clean"] == pytest.approx((part == 1).sum() / valid)
        assert row["debris"] == pytest.approx((part == 2).sum() / valid)
        assert row["glacier"] == pytest.approx(row["clean"] + row["debris"])
        assert (row["left"], row["top"]) == (478005 + 30 * row["column"], 3108145 - 30 * row["row"])
        assert (row["right"] - row["left"], row["top"] - row["bottom"]) == (960, 960)
    first = read.frame.iloc[0]
    assert first["id"] == "a_20001030_image_r0_c0"
    assert (first["scene"], first["truth"]) == ("../a_20001030_image.tif", "../a_20001030_truth.tif")
    assert str(first["date"]) == "2000-10-30"
    assert first["source_id"] == "LE07_L1TP_140041_20001030_20200917_02_T1"
    assert (first["crs"], first["scheme"], read.about.size) == ("EPSG:32645", "class", 32)
    assert next(iter(read.chips())).scene == folder / "a_20001030_image.tif"
    assert not (table.path.parent / "t-truth").exists(), "a class raster that is there is not copied"


def test_footprints_are_the_scene_s_place_on_earth(folder: Path) -> None:
    """The corner as GDAL's own transformation has it, to a tenth of a metre."""
    row = read_table(make(folder).path).frame.iloc[0]
    corners = rasterio.warp.transform("EPSG:4326", "EPSG:32645", *zip(*row["geometry"].exterior.coords, strict=True))
    assert {(round(x, 1), round(y, 1)) for x, y in zip(*corners, strict=True)} == {
        (row[x], row[y]) for x in ("left", "right") for y in ("bottom", "top")
    }


@pytest.mark.parametrize(("size", "stride", "remainders"), [(32, None, "cover"), (20, 13, "cover"), (32, 19, "drop")])
def test_every_pixel_is_in_a_chip_unless_remainders_are_dropped(
    folder: Path, size: int, stride: int | None, remainders: str
) -> None:
    table = make(folder, size=size, stride=stride, remainders=remainders, filters={"valid": None})
    covered = np.zeros(SIZE, int)
    for chip in table.chips():
        assert chip.window.stop_row <= SIZE[0]
        assert chip.window.stop_column <= SIZE[1]
        covered[chip.window.slices] += 1
    if remainders == "cover":
        assert covered.min() == 1
    else:  # 70 = 32 + 2 * 19, 90 = 32 + 3 * 19 + 1
        assert (covered[:, :89] > 0).all()
        assert (covered[:, 89] == 0).all()


def test_the_published_patches_are_found_again(tmp_path: Path) -> None:
    """J = (W - 512) // 506 + 1 patches a row at (506 * row, 506 * column), as in the paper's archive."""
    from firnline.chips.windows import chip_windows
    from firnline.grid import Window

    windows = list(chip_windows(Window(0, 0, 7058, 7747), 512, 506, "drop"))
    rows, columns = (7058 - 512) // 506 + 1, (7747 - 512) // 506 + 1
    assert [(w.row, w.column) for w in windows] == [(506 * i, 506 * j) for i in range(rows) for j in range(columns)]


def test_no_pixel_of_a_scene_is_read_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Any] = []
    true_read = SceneReader.read

    def counting(self: SceneReader, names: Any, window: Any = None) -> Any:
        reads.append(window)
        return true_read(self, names, window)

    monkeypatch.setattr(SceneReader, "read", counting)
    monkeypatch.setattr("firnline.chips.windows._VALUES_AT_ONCE", 2 * 32 * 32)
    make(folder, size=32, stride=8)
    seen = np.zeros(SIZE, int)
    for window in reads:
        seen[window.slices] += 1
    assert len(reads) > 4
    assert (seen == 1).all()
    assert all(window.row % 16 == 0 and window.column % 16 == 0 for window in reads), (
        "blocks of the file are 16 pixels"
    )


def test_filters_take_what_they_say_and_are_counted(folder: Path) -> None:
    everything = make(folder, stride=8).frame
    table = make(folder, stride=8, filters={"glacier": {"above": 0.1}, "both_classes": True})
    kept = everything[(everything["glacier"] > 0.1) & (everything["clean"] > 0) & (everything["debris"] > 0)]
    assert list(table.frame["id"]) == list(kept["id"])
    assert 0 < len(kept) < len(everything)
    few = int((everything["glacier"] <= 0.1).sum())
    one = len(everything) - few - len(kept)
    assert table.about.notes == (
        f"filter glacier above 0.1: {few} of {len(everything)} chips dropped",
        f"filter both classes present: {one} of {len(everything)} chips dropped",
    )


def test_shares_of_all_pixels_are_the_paper_s(folder: Path) -> None:
    everything = make(folder, stride=8).frame
    table = make(folder, stride=8, filters={"debris": {"min": 0.05}, "shares_of": "all"})
    assert list(table.frame["id"]) == list(everything["id"][everything["debris"] * everything["valid"] >= 0.05])


def test_scenes_of_other_days_and_sensors_are_not_even_read(folder: Path) -> None:
    write_scene(folder / "a_20010901_image.tif")  # it has no truth
    table = make(folder, filters={"dates": ["2000-01-01", "2000-12-31"]})
    assert set(map(str, table.frame["date"])) == {"2000-10-30"}
    with pytest.raises(ConfigError, match=r"sensors sentinel2: 18 of 18 chips dropped"):
        make(folder, filters={"sensors": ["sentinel2"]})


def test_no_chip_left_says_which_filter_took_how_many(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"filter valid at least 0\.99: \d of 9 .*; filter debris above 0\.9"):
        make(folder, filters={"valid": {"min": 0.99}, "debris": {"above": 0.9}})
    assert not (folder / "tables" / "t.parquet").exists()
    assert list((folder / "tables").iterdir()) == [], "nothing is left behind"


def test_outlines_become_truth_beside_the_table_with_the_ids_of_their_glaciers(folder: Path) -> None:
    outlines = {
        "RGIId": ["RGI60-1", "RGI60-2", "RGI60-3"], "BgnDate": ["20001030", "19991030", "20011030"]
    }  # fmt: skip
    x, y = 478005, 3108145
    boxes = [
        shapely.box(x + 150, y - 900, x + 900, y - 150),  # rows and columns 5 to 30
        shapely.box(x + 960, y - 300, x + 1200, y - 30),  # begins at column 32: touches the first chip's edge
        shapely.box(x + 1800, y - 1800, x + 2550, y - 1200),
    ]
    gpd.GeoDataFrame(outlines, geometry=boxes, crs=32645).to_file(folder / "rgi.gpkg")
    table = make(folder, scenes=[{"images": "a_*_image.tif", "truth": {"glaciers": "rgi.gpkg"}}])
    frame = table.frame.set_index("id")
    assert frame.loc["a_20001030_image_r0_c0", "glaciers"] == ["RGI60-1"]
    assert frame.loc["a_20001030_image_r0_c32", "glaciers"] == ["RGI60-2"]
    assert frame.loc["a_20001030_image_r38_c58", "glaciers"] == ["RGI60-3"]
    assert set(frame["truth"]) == {"t-truth/a_20001030_image.tif"}
    written = read_classes(table.path.parent / "t-truth" / "a_20001030_image.tif")
    assert written.scheme == LabelScheme.GLACIER
    assert int((written.classes == 1).sum()) == 25 * 25 + 9 * 8 + 20 * 25
    assert any("differences from 366 days before to 365 days after" in note for note in table.about.notes)
    assert frame["clean"].isna().all()


def test_ice_without_ids_is_told_apart_by_what_hangs_together(folder: Path) -> None:
    frame = make(folder, size=90).frame
    assert frame["glaciers"].iloc[0] == ["a_20001030_image#1", "a_20001030_image#2"]


def test_filled_pixels_are_unknown(folder: Path) -> None:
    flags = np.zeros(SIZE, np.uint8)
    flags[5:30, 5:20] = Flag.FILLED | Flag.STRIPE
    flags[40:45] = Flag.SNOW
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": SIZE[0], "width": SIZE[1]}
    scene = folder / "a_20001030_image.tif"
    with rasterio.open(flags_path(scene), "w", crs=GRID.crs, transform=GRID.transform, **profile) as file:
        file.write(flags, 1)
    plain = int((truth_of(SIZE)[5:30, 5:20] != UNKNOWN).sum())
    table = make(folder)
    assert f"a_20001030_image: {plain} filled pixels unknown" in table.about.notes
    chip = table.frame.set_index("id").loc["a_20001030_image_r0_c0"]
    assert chip["valid"] == (32 * 32 - 100 - 25 * 15 + 5 * 5) / 32**2, "a corner of ten pixels has no data"


def test_a_chip_larger_than_the_scene_reaches_beyond_it_and_that_is_recorded(folder: Path) -> None:
    table = make(folder, size=100)
    (row,) = table.frame.to_dict("records")
    assert (row["row"], row["column"], row["height"]) == (0, 0, 100)
    assert row["valid"] == (70 * 90 - 6 * 90 - 100 - (70 - 6)) / 100**2
    assert table.about.notes == ("a_20001030_image: chips of 100 pixels reach beyond its 70 x 90: unknown there",)


def test_ground_beyond_a_scene_is_in_no_chip_of_it(folder: Path) -> None:
    """The tile below touches; the chip of the first, larger than the scene, reaches into it but shows none of it."""
    below = Grid(GRID.crs, GRID.transform @ Affine.translation(0, SIZE[0]), SIZE)
    write_scene(folder / "b_image.tif", below)
    write_classes(folder / "b_truth.tif", truth_of(SIZE), below, LabelScheme.CLASS)
    entries = [
        {"images": f"{name}_*image.tif", "truth": "{name}_truth.tif", "role": role}
        for name, role in (("a", "train"), ("b", "validation"))
    ]
    entries[1]["images"] = "b_image.tif"
    table = make(folder, size=100, scenes=entries)
    assert table.about.leaks == ()
    first = table.frame.iloc[0]
    assert (first["height"], first["width"], first["pixel"]) == (100, 100, 30)
    assert tuple(first[["left", "bottom", "right", "top"]]) == GRID.bounds
    degrees = gpd.GeoSeries([shapely.box(*GRID.bounds)], crs=32645).to_crs(4326).iloc[0]
    assert shapely.hausdorff_distance(degrees, first["geometry"]) < 1e-9
    assert next(table.chips("train")).window.shape == (100, 100)


def test_of_a_chip_of_which_nothing_is_known_no_share_is_told(folder: Path) -> None:
    write_classes(folder / "a_20001030_truth.tif", np.full(SIZE, UNKNOWN, np.uint8), GRID, LabelScheme.CLASS)
    frame = make(folder, filters={"valid": None}).frame
    assert (frame["valid"] == 0).all()
    assert frame[["glacier", "clean", "debris"]].isna().all(axis=None), "0 would say that there is no ice"


def test_a_crop_smaller_than_a_chip_keeps_the_rest_unknown(folder: Path) -> None:
    crop = [478005 + 300, 3108145 - 600, 478005 + 900, 3108145 - 300]  # rows 10 to 20, columns 10 to 30
    entry = {"images": "a_*_image.tif", "truth": "{name}_truth.tif", "crop": crop}
    table = make(folder, scenes=[entry])
    (row,) = table.frame.to_dict("records")
    assert (row["row"], row["column"]) == (10, 10)
    assert row["valid"] == 200 / 32**2
    written = read_classes(table.path.parent / row["truth"]).classes
    assert int((written != UNKNOWN).sum()) == 200


def test_roles_of_scenes_are_a_split(folder: Path) -> None:
    apart = Grid(GRID.crs, Affine(30, 0, 578005, 0, -30, 3108145), SIZE)
    write_scene(folder / "b_image.tif", apart)
    write_classes(folder / "b_truth.tif", truth_of(SIZE), apart, LabelScheme.CLASS)
    entries = [
        {"images": "a_*_image.tif", "truth": "{name}_truth.tif"},
        {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
    ]
    table = make(folder, scenes=entries)
    assert Counter(table.frame["split"]) == {"train": 9, "validation": 9}
    assert table.about.split == "by the roles of the scenes"
    assert table.about.leaks == ()


def test_a_random_split_of_overlapping_chips_is_said_to_leak(folder: Path) -> None:
    table = make(folder, stride=8, split={"kind": "random"})
    assert read_table(table.path).about.leaks
    assert set(table.frame["split"]) == {"train", "validation", "test"}


def test_scenes_of_one_name_in_two_folders_keep_apart(folder: Path) -> None:
    (folder / "other").mkdir()
    apart = Grid(CRS.from_epsg(32644), Affine(30, 0, 278005, 0, -30, 3108145), SIZE)
    write_scene(folder / "other" / "a_20001030_image.tif", apart)
    write_classes(folder / "other" / "a_20001030_truth.tif", truth_of(SIZE), apart, LabelScheme.CLASS)
    entries = [
        {"images": "a_*_image.tif", "truth": "{name}_truth.tif"},
        {"images": "other/*_image.tif", "truth": "other/{name}_truth.tif"},
    ]
    table = make(folder, scenes=entries)
    assert table.frame["id"].is_unique
    assert set(table.frame["crs"]) == {"EPSG:32645", "EPSG:32644"}
    assert table.frame.crs.to_epsg() == 4326
    with pytest.raises(ConfigError, match="name each part of a scene once"):
        make(folder, scenes=entries[:1] * 2)


def _other_grid(folder: Path) -> None:
    grid = Grid(GRID.crs, Affine(30, 0, 478020, 0, -30, 3108145), SIZE)
    write_classes(folder / "a_20001030_truth.tif", truth_of(SIZE), grid, LabelScheme.CLASS)


def _nothing_known(folder: Path) -> None:
    write_classes(
        folder / "a_20001030_truth.tif", np.full(SIZE, UNKNOWN, np.uint8), GRID, LabelScheme.CLASS
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "config", "said"),
    [
        (_other_grid, "", "is on another grid"),
        (_nothing_known, "", "filter valid above 0: 9 of 9 chips dropped"),
        (lambda f: (f / "a_20001030_truth.tif").unlink(), "", "a_20001030_truth.tif: does not exist"),
        (lambda f: (f / "a_20001030_image.tif").write_bytes(b"no"), "", "is not a raster"),
        (lambda f: (f / "a_20001030_image.tif").unlink(), "", "no file matches"),
        (None, "sise: 3", "sise: is not a known key"),
        (None, "filters: {glaciers: 1}", "filters.glaciers: is not a known key"),
        (None, "filters: {valid: {min: 0.8, max: 0.2}}", "filters.valid: nothing lies from 0.8 to 0.2"),
        (None, "bands: [green, blue]", "lacks bands"),
        (None, "stride: 64", "stride: larger than size"),
        (None, "size: 0", "size: Input should be greater than 0"),
        (None, "split: {kind: rows}", "split"),
        (None, "glacier_ids: plain.gpkg", "has no column of glacier ids"),
        (None, "- 1", "is not YAML"),
    ],
)
def test_bad_input_is_one_clear_line(
    folder: Path, firnline: Run, spoil: Callable[[Path], None] | None, config: str, said: str
) -> None:
    gpd.GeoDataFrame(geometry=[shapely.box(478005, 3106000, 479000, 3108000)], crs=32645).to_file(
        folder / "plain.gpkg"
    )
    text = f"name: t\n{'' if 'size' in config else 'size: 32'}\nscenes:\n  - images: a_*_image.tif\n"
    (folder / "c.yaml").write_text(f"{text}    truth: '{{name}}_truth.tif'\n{config}\n")
    if spoil is not None:
        spoil(folder)
    code, _, err = firnline("chips", "make", folder / "c.yaml", "-o", folder / "new" / "t.parquet")
    assert (code, err.count("\n")) == (2, 1), err
    assert said in err
    assert not list(folder.glob("new/*"))


def test_output_that_cannot_be_written_is_said_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tables").write_text("in the way")
    monkeypatch.setattr("firnline.chips.make.read_truth", lambda *_: pytest.fail("a scene was read first"))
    with pytest.raises(FirnlineError, match=r"could not be written"):
        make(folder)
    (folder / "tables").unlink()
    (folder / "tables" / "t.parquet").mkdir(parents=True)
    with pytest.raises(FirnlineError, match="is a folder"):
        make(folder)


def test_the_command_tells_what_it_made(folder: Path, firnline: Run) -> None:
    (folder / "c.yaml").write_text(
        "name: t\nsize: 32\nscenes:\n  - {images: a_*_image.tif, truth: '{name}_truth.tif'}\n"
        "split: {kind: block, block_km: 1, buffer_m: 0, shares: {train: 0.5, validation: 0.5, test: 0}}\n"
    )
    code, out, _ = firnline("chips", "make", folder / "c.yaml", "-o", folder / "t.parquet")
    assert code == 0
    assert "9 chips of 32 pixels from 1 scenes" in out
    assert out.splitlines()[-1] == f"written: {folder / 't.parquet'}"


@pytest.mark.parametrize("model", [MakeSettings, Filters])
def test_the_documents_list_every_key(model: type[BaseModel]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "chips.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    listed = {word.strip() for row in rows for word in row.replace("`", "").split(",")}
    assert set(model.model_fields) <= listed


@pytest.mark.real
def test_the_example_makes_the_table_of_the_docs(shared_data: Path, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "chips" / "zanskar.yaml"
    if not (example.parent / "../../../shared/data").is_dir():
        pytest.skip("the example counts from ../shared beside the project")
    settings = read_make_settings(example)
    table = make_table(settings, example.parent, tmp_path / "t.parquet")
    assert set(table.frame["split"]) == {"train", "validation"}
    assert table.frame["scene"].nunique() == 20
    for row in table.frame.sample(5, random_state=0).to_dict("records"):
        at = rasterio.windows.Window(row["column"], row["row"], 256, 256)
        with rasterio.open(table.resolve(row["scene"])) as image, rasterio.open(table.resolve(row["truth"])) as truth:
            known = (image.read(window=at) != 0).all(axis=0) & (truth.read(1, window=at) != UNKNOWN)
            ice = truth.read(1, window=at)[known] == 1
        assert row["valid"] == known.mean()
        assert row["glacier"] == pytest.approx(ice.mean())
