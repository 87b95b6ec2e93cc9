"""A release gives the same pixels and truth as what it was cut from, whole or not at all, and says what it is."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from firnline.chips.reader import OpenScenes
from firnline.chips.releases.publish import Patches, Terms, publish
from firnline.chips.table import About, Chip, ChipTable, read_table, write_table
from firnline.errors import BandError, ConfigError, FirnlineError, LabelError, OutputError, SceneError
from firnline.flags import Flag
from firnline.scene import open_scene

TERMS = Terms(title="Two tiles", creators=("A. Person", "B. Person"), licence="CC-BY-4.0")
TRANSFORM = Affine(30, 0, 478005, 0, -30, 3108145)
SHAPE = (70, 90)
Run = Callable[..., tuple[int, str, str]]


def read(chip: Chip, bands: list[str]) -> tuple[np.ndarray, np.ndarray]:
    with OpenScenes() as scenes:
        return scenes.read(chip, bands)


def require_same_chips(original: ChipTable, release: ChipTable, bands: list[str]) -> None:
    assert list(original.frame["id"]) == list(release.frame["id"])
    for before, after in zip(original.chips(), release.chips(), strict=True):
        for a, b in zip(read(before, bands), read(after, bands), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def write_scene(path: Path, values: np.ndarray, names: list[str], **profile: Any) -> Path:
    shape = {"count": values.shape[0], "height": values.shape[1], "width": values.shape[2]}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=values.dtype, crs="EPSG:32645", transform=TRANSFORM, **shape, **profile
    ) as file:
        file.write(values)
        file.descriptions = names
    return path


def write_truth(path: Path, seed: int = 0) -> Path:
    truth = np.random.default_rng(seed).choice(np.array([0, 1, 2, 255], np.uint8), SHAPE)
    with rasterio.open(
        *(path, "w"),
        driver="GTiff",
        dtype="uint8",
        crs="EPSG:32645",
        transform=TRANSFORM,
        nodata=255,
        count=1,
        height=SHAPE[0],
        width=SHAPE[1],
    ) as file:
        file.write(truth, 1)
        file.update_tags(FIRNLINE_LABEL_SCHEME="class")
    return path


def noise(bands: int, dtype: str, low: int = 0, high: int = 200) -> np.ndarray:
    return np.random.default_rng(1).integers(low, high, (bands, *SHAPE)).astype(dtype)


@pytest.fixture
def made(tmp_path: Path, table_of: Callable[..., ChipTable]) -> ChipTable:
    """Chips of 40 over one scene of 70 x 90 with two bands, so that some reach beyond it."""
    scene = write_scene(tmp_path / "a.tif", noise(2, "uint16"), ["green", "swir16"], nodata=0)
    return table_of([(scene, write_truth(tmp_path / "a_class.tif"))], size=40)


@pytest.fixture
def tiles(shared_data: Path, table_of: Callable[..., ChipTable]) -> ChipTable:
    """Chips of 200 over two real tiles of 512 x 512."""
    folder = shared_data / "landsat8-zanskar"
    pairs = [(folder / f"{name}_image.tif", folder / f"{name}_class.tif") for name in ("05_10", "08_13")]
    return table_of(pairs, size=200, splits=("train", "validation"))


@pytest.mark.real
def test_real_tiles_load_again_with_the_same_pixels(tiles: ChipTable, tmp_path: Path) -> None:
    publish(tiles, tmp_path / "release", TERMS)
    release = read_table(tmp_path / "release" / "chips.parquet")
    require_same_chips(tiles, release, ["blue", "green", "red", "swir16", "lwir11", "ndsi"])
    kept = ["split", "date", "source_id", "valid", "clean", "debris", "left", "top", "geometry", "scheme", "crs"]
    assert release.frame[kept].equals(tiles.frame[kept])
    for before, after in zip(tiles.chips(), release.chips(), strict=True):
        assert not Path(release.frame["scene"].iloc[0]).is_absolute()
        assert (tmp_path / "release") in after.scene.parents
        assert (tmp_path / "release") in after.truth.parents
        a, b = open_scene(before.scene), open_scene(after.scene)
        assert (a.sensor, a.date) == (b.sensor, b.date)
        assert [(x.name, x.level, x.unit) for x in a.bands] == [(x.name, x.level, x.unit) for x in b.bands]


@pytest.mark.real
def test_real_patches_hold_the_stored_numbers_where_they_lay(tiles: ChipTable, tmp_path: Path) -> None:
    publish(tiles, tmp_path / "release", TERMS)
    with rasterio.open(tiles.resolve(tiles.frame["scene"].iloc[0])) as file:
        whole, transform = file.read(), file.transform
    with rasterio.open(tiles.resolve(tiles.frame["truth"].iloc[0])) as file:
        truth = file.read(1)
    for at in ((0, 0), (200, 400), (400, 400)):  # the last two reach 88 pixels beyond the tile
        name = f"05_10_image_r{at[0]}_c{at[1]}.tif"
        rows, columns = min(200, 512 - at[0]), min(200, 512 - at[1])
        with rasterio.open(tmp_path / "release" / "patches" / name) as file:
            patch = file.read()
            assert (file.transform.c, file.transform.f) == (transform.c + 30 * at[1], transform.f - 30 * at[0])
            assert (file.dtypes[0], file.nodata, file.descriptions[3]) == ("uint16", 0, "swir16")
            assert (file.scales[0], file.offsets[0]) == (2.75e-05, -0.2)
        np.testing.assert_array_equal(
            patch[:, :rows, :columns], whole[:, at[0] : at[0] + rows, at[1] : at[1] + columns]
        )
        assert not patch[:, rows:].any()
        assert not patch[:, :, columns:].any()
        with rasterio.open(tmp_path / "release" / "masks" / name) as file:
            mask = file.read(1)
        np.testing.assert_array_equal(mask[:rows, :columns], truth[at[0] : at[0] + rows, at[1] : at[1] + columns])
        assert (mask[rows:] == 255).all()
        assert (mask[:, columns:] == 255).all()


def _masked(path: Path) -> None:
    write_scene(path, noise(2, "uint16", 1), ["green", "swir16"])
    with rasterio.open(path, "r+") as file:
        file.write_mask(np.random.default_rng(3).random(SHAPE) > 0.3)


def _filled(path: Path) -> None:
    write_scene(path, noise(2, "uint8", 0, 4), ["B1", "B2"])
    notes = "sensor: landsat7\nlevel: digital number\nfill: {band: B1, value: 0}\nbands: {B2: {scale: -1.5}}\n"
    path.with_name(f"{path.stem}.firnline.yaml").write_text(notes)


def _alpha(path: Path) -> None:
    write_scene(path, noise(3, "uint8", 0, 3), ["green", "swir16", "alpha"])
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha]


def _nodata_of_its_own(path: Path) -> None:
    write_scene(path, noise(2, "int16", 0, 5), ["green", "swir16"], nodata=0)
    path.with_name(f"{path.stem}.firnline.yaml").write_text("bands: {swir16: {nodata: 3, offset: 0.1}}\n")


def _four_bytes(path: Path) -> None:
    write_scene(path, noise(4, "uint8"), ["blue", "green", "red", "nir08"], photometric="MINISBLACK")


def _floats(path: Path) -> None:
    values = noise(2, "float32")
    values[0, 10:20] = np.nan
    values[1, 5, 5] = np.inf
    write_scene(path, values, ["green", "swir16"])


def _wide(path: Path) -> None:
    write_scene(path, noise(2, "int32", 2**24, 2**24 + 99), ["green", "swir16"])


def _heights(path: Path) -> None:
    write_scene(path, np.cumsum(noise(2, "float32", 0, 9), axis=2), ["green", "elevation"])


@pytest.mark.parametrize(
    ("write", "bands"),
    [
        (_masked, ["green", "swir16", "ndsi"]),
        (_filled, ["blue", "green"]),
        (_alpha, ["green", "swir16"]),
        (_nodata_of_its_own, ["green", "swir16"]),
        (_four_bytes, ["blue", "green", "red", "nir08", "ndvi"]),
        (_floats, ["green", "swir16"]),
        (_wide, ["green", "swir16"]),
        (_heights, ["green", "elevation", "slope"]),
    ],
)
def test_scenes_that_tell_the_unknown_in_other_ways_load_again(
    write: Callable[[Path], None], bands: list[str], tmp_path: Path, table_of: Callable[..., ChipTable]
) -> None:
    write(tmp_path / "a.tif")
    table = table_of([(tmp_path / "a.tif", write_truth(tmp_path / "a_class.tif"))], size=40)
    publish(table, tmp_path / "release", TERMS)
    require_same_chips(table, read_table(tmp_path / "release" / "chips.parquet"), bands)


def test_terrain_of_a_dem_goes_into_the_patches(tmp_path: Path, table_of: Callable[..., ChipTable]) -> None:
    scene = write_scene(tmp_path / "a.tif", noise(2, "uint16"), ["green", "swir16"], nodata=0)
    dem = write_scene(tmp_path / "heights.tif", np.cumsum(noise(1, "float32", 0, 9), axis=1), ["heights"])
    table = table_of([(scene, write_truth(tmp_path / "a_class.tif"))], size=40, dem=dem)
    publish(table, tmp_path / "release", TERMS)
    dem.unlink()
    release = read_table(tmp_path / "release" / "chips.parquet")
    assert release.frame["dem"].isna().all()
    write_scene(tmp_path / "heights.tif", np.cumsum(noise(1, "float32", 0, 9), axis=1), ["heights"])
    require_same_chips(table, release, ["green", "swir16", "ndsi", "elevation", "slope"])
    assert "heights.tif" in (tmp_path / "release" / "README.md").read_text()


def test_only_the_bands_asked_for(made: ChipTable, tmp_path: Path) -> None:
    publish(made, tmp_path / "release", TERMS, bands=["ndsi", "green"])
    release = read_table(tmp_path / "release" / "chips.parquet")
    require_same_chips(made, release, ["ndsi", "green"])
    assert open_scene(next(release.chips()).scene).band_names == ("ndsi", "green")
    assert any("ndsi green" in note for note in release.about.notes)


def test_flags_go_along_and_filled_pixels_are_no_truth(made: ChipTable, tmp_path: Path) -> None:
    bits = np.random.default_rng(5).choice(np.array([0, Flag.FILLED, Flag.SNOW | Flag.CLOUD], np.uint8), SHAPE)
    flags = write_scene(tmp_path / "a.flags.tif", bits[None], ["flags"])
    publish(made, tmp_path / "release", TERMS)
    with rasterio.open(tmp_path / "release" / "patches" / "a_r40_c80.flags.tif") as file:
        np.testing.assert_array_equal(file.read(1)[:30, :10], bits[40:, 80:])
    with rasterio.open(tmp_path / "release" / "masks" / "a_r40_c80.tif") as file:
        mask = file.read(1)[:30, :10]
    assert (mask[bits[40:, 80:] == Flag.FILLED] == 255).all()
    assert (mask[bits[40:, 80:] != Flag.FILLED] != 255).any()
    assert flags.exists()
    require_same_chips(made, read_table(tmp_path / "release" / "chips.parquet"), ["green", "swir16"])


@pytest.mark.parametrize("kind", list(Patches))
def test_checksums_name_every_file_and_find_a_change(kind: Patches, made: ChipTable, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    publish(made, folder, TERMS, patches=kind)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    told = dict(reversed(line.split("  ")) for line in lines)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(told) == files - {"SHA256SUMS"}
    for name, digest in told.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    if shutil.which("sha256sum"):
        check = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
        assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 0
        (folder / "README.md").write_text("changed")
        assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 1


def test_the_table_alone_loads_where_the_scenes_are_put(made: ChipTable, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    publish(made, folder, TERMS, patches=Patches.NONE)
    assert not list(folder.glob("scenes/*.tif"))
    release = read_table(folder / "chips.parquet")
    with pytest.raises(SceneError, match="does not exist"):
        read(next(release.chips()), ["green"])
    shutil.copy(tmp_path / "a.tif", folder / "scenes" / "a.tif")
    require_same_chips(made, release, ["green", "swir16"])
    digest, name = (folder / "SCENES.sha256").read_text().split()
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_files_that_are_not_taken_along_are_not_named(made: ChipTable, tmp_path: Path) -> None:
    named = made.with_frame(made.frame.assign(image="../slices/img.npy", mask="../slices/mask.npy", patch="p"))
    publish(named, tmp_path / "release", TERMS)
    columns = read_table(tmp_path / "release" / "chips.parquet").frame.columns
    assert "patch" in columns
    assert not {"image", "mask"} & set(columns)


def test_two_scenes_of_one_name_stay_two(tmp_path: Path, table_of: Callable[..., ChipTable]) -> None:
    pairs = []
    for number, year in enumerate(("2001", "2002")):
        (tmp_path / year).mkdir()
        values = noise(1, "uint16") + np.uint16(number)
        scene = write_scene(tmp_path / year / "a.tif", values, ["green"], nodata=0)
        pairs.append((scene, write_truth(tmp_path / year / "a_class.tif", number)))
    table = table_of(pairs, size=90)
    table = table.with_frame(table.frame.assign(id=["first", "second"]))
    publish(table, tmp_path / "release", TERMS, patches=Patches.NONE)
    for (scene, _), name in zip(pairs, ("2001_a.tif", "2002_a.tif"), strict=True):
        shutil.copy(scene, tmp_path / "release" / "scenes" / name)
    require_same_chips(table, read_table(tmp_path / "release" / "chips.parquet"), ["green"])


def test_the_card_tells_leak_licence_and_balance(made: ChipTable, tmp_path: Path) -> None:
    leak = "train and validation share scene a.tif"
    table = made.with_frame(made.frame.assign(split=["train"] * 4 + ["test"] * 2), leaks=(leak,))
    done = publish(table, tmp_path / "release", Terms(licence="unknown"))
    assert (done.licence, done.leaks) == ("unknown", (leak,))
    card = (tmp_path / "release" / "README.md").read_text()
    assert "do not redistribute" in card
    assert f"THE SPLIT LEAKS:** {leak}" in card
    with rasterio.open(tmp_path / "a_class.tif") as file:
        truth = file.read(1)
    train = np.concatenate([truth[:40].ravel(), truth[40:, :40].ravel()])  # four chips, row by row
    train = train[train != 255]
    row = next(line for line in card.splitlines() if line.startswith("| train |"))
    clean, debris = (f"{100 * np.mean(train == value):.2f} %" for value in (1, 2))
    assert [cell.strip() for cell in row.split("|")][2:4] == ["4", "1"]
    assert [cell.strip() for cell in row.split("|")][6:8] == [clean, debris]
    release = read_table(tmp_path / "release" / "chips.parquet")
    assert (release.about.leaks, release.about.licence) == ((leak,), "unknown")


def test_the_card_tells_a_leak_that_the_table_does_not(made: ChipTable, tmp_path: Path) -> None:
    """Somebody named two sides for chips of one glacier, and the table kept saying that nothing leaks."""
    frame = made.frame.assign(split=["train", "test"] * 3, glaciers=[["G1"]] * 6)
    done = publish(made.with_frame(frame), tmp_path / "release", TERMS)
    assert done.leaks == ("train and test share 1 glacier: G1",)
    assert "THE SPLIT LEAKS:** train and test share 1 glacier: G1" in (tmp_path / "release/README.md").read_text()


def test_the_card_tells_folds_and_that_there_is_no_split(made: ChipTable, tmp_path: Path) -> None:
    folds = pd.array([0, 0, 0, 0, 1, None], dtype="Int32")
    publish(made.with_frame(made.frame.assign(fold=folds, split=None)), tmp_path / "a", TERMS)
    lines = (tmp_path / "a" / "README.md").read_text().splitlines()
    assert [line[:14].split("|")[1].strip() for line in lines if line.startswith("| fold")] == ["fold 0", "fold 1"]
    unsplit = made.with_frame(made.frame.assign(split=None), split="")
    publish(unsplit, tmp_path / "b", TERMS)
    assert "the table is not split" in (tmp_path / "b" / "README.md").read_text()


def test_metadata_is_croissant_and_true(made: ChipTable, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    publish(made, folder, TERMS)
    said = json.loads((folder / "metadata.json").read_text())
    assert said["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert (said["name"], said["license"]) == ("Two tiles", "https://spdx.org/licenses/CC-BY-4.0.html")
    table, *sets = said["distribution"]
    assert table["sha256"] == hashlib.sha256((folder / table["contentUrl"]).read_bytes()).hexdigest()
    assert {name["@id"]: len(list(folder.glob(name["includes"]))) for name in sets} == {"patches": 6, "masks": 6}
    columns = pyarrow.parquet.read_schema(folder / "chips.parquet").names
    assert {field["source"]["extract"]["column"] for field in said["recordSet"][0]["field"]} <= set(columns)


@pytest.mark.parametrize("kind", list(Patches))
def test_nothing_tells_where_it_was_made(kind: Patches, made: ChipTable, tmp_path: Path) -> None:
    config = {"scenes": [f"{tmp_path}/a.tif"], "out": str(tmp_path / "x" / "chips.parquet")}
    about = {"config": config, "notes": (f"{tmp_path}/a.tif: no date",), "leaks": (f"share {tmp_path}/a.tif",)}
    publish(made.with_frame(made.frame, **about), tmp_path / "release", TERMS, patches=kind)
    for path in (tmp_path / "release").rglob("*"):
        assert not path.is_file() or str(tmp_path).encode() not in path.read_bytes(), path
    metadata = pyarrow.parquet.read_schema(tmp_path / "release" / "chips.parquet").metadata
    assert str(tmp_path).encode() not in b"".join(metadata.values())
    assert b"a.tif: no date" in metadata[b"firnline"]


@pytest.mark.real
def test_outlines_go_along_with_all_they_say(made: ChipTable, tmp_path: Path, shared_data: Path) -> None:
    given = [
        shared_data / "landsat7-everest" / "rgi60_outlines.gpkg",
        shared_data / "vectors-dems" / "baltoro_wgs84.shp",
    ]
    publish(made, tmp_path / "release", TERMS, outlines=given)
    for path in given:
        before, after = gpd.read_file(path), gpd.read_file(tmp_path / "release" / "outlines" / f"{path.stem}.gpkg")
        assert set(before.columns) <= set(after.columns)
        assert (before.crs, len(before)) == (after.crs, len(after))
        assert before.geometry.geom_equals(after.geometry).all()


def test_a_failure_leaves_nothing(made: ChipTable, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-6000])
    with pytest.raises(FirnlineError):
        publish(made, tmp_path / "out" / "release", TERMS)
    assert not list((tmp_path / "out").iterdir())


def test_an_interruption_leaves_nothing(made: ChipTable, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(made, tmp_path / "out" / "release", TERMS, progress=stop)
    assert not list((tmp_path / "out").iterdir())


def test_what_is_there_is_left_alone(made: ChipTable, tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        publish(made, tmp_path / "release", TERMS)
    with pytest.raises(OutputError, match="is a file"):
        publish(made, tmp_path / "a.tif", TERMS)
    with pytest.raises(OutputError, match="could not be written"):
        publish(made, tmp_path / "a.tif" / "release", TERMS)
    assert [path.name for path in (tmp_path / "release").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert publish(made, tmp_path / "empty", TERMS).chips == 6


def test_bad_input_is_one_clear_line(made: ChipTable, tmp_path: Path) -> None:
    def refused(error: type[FirnlineError], words: str, table: ChipTable = made, **options: Any) -> None:
        terms = options.pop("terms", TERMS)
        with pytest.raises(error, match=words):
            publish(table, tmp_path / "release", terms, **options)
        assert not (tmp_path / "release").exists()

    refused(ConfigError, "no licence is stated", terms=Terms())
    refused(ConfigError, "holds no chips", made.with_frame(made.frame.iloc[:0]))
    refused(ConfigError, "two chips are called", made.with_frame(made.frame.assign(id="same")))
    refused(ConfigError, "cannot be a file name", made.with_frame(made.frame.assign(id=[f"a/{n}" for n in range(6)])))
    refused(BandError, "has no nir08", bands=["green", "nir08"])
    refused(ConfigError, "bands of patches", bands=["green"], patches=Patches.NONE)
    refused(ConfigError, "does not exist", outlines=[tmp_path / "none.gpkg"])
    refused(LabelError, "cannot be read as a vector file", outlines=[tmp_path / "a.tif"])
    (tmp_path / "a.tif").rename(tmp_path / "moved.tif")
    refused(SceneError, "does not exist, though .*chips.parquet names it")


def test_the_command(made: ChipTable, tmp_path: Path, firnline: Run) -> None:
    out = tmp_path / "release"
    code, _, err = firnline("chips", "publish", made.path, "-o", out)
    assert (code, err.count("\n")) == (2, 1)
    assert "--licence" in err
    options = ("--licence", "unknown", "--title", "Ice", "--creator", "A. Person", "--bands", "green")
    code, text, err = firnline("chips", "publish", made.path, "-o", out, *options)
    assert (code, err) == (0, "")
    assert "do not redistribute" in text
    assert "# Ice" in (out / "README.md").read_text()
    code, _, err = firnline("chips", "publish", made.path, "-o", tmp_path / "b", "--patches", "npy")
    assert (code, "choose tif, none" in err) == (2, True)
    table = read_table(out / "chips.parquet")  # what was published can be published again, and keeps its licence
    assert publish(table, tmp_path / "again", Terms()).licence == "unknown"
    write_table(ChipTable(tmp_path / "c.parquet", made.frame, About(licence="CC0-1.0")))
    code, text, _ = firnline("chips", "publish", tmp_path / "c.parquet", "-o", tmp_path / "c")
    assert (code, "licence CC0-1.0" in text) == (0, True)
