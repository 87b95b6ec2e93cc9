"""What lies on the disk: four files that appear together, that others can read, and that map as any scene."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

from firnline.acquire.ready import make as ready_module
from firnline.acquire.ready import writer
from firnline.acquire.ready.make import make_ready
from firnline.acquire.ready.settings import ReadySettings
from firnline.acquire.source import SourceProduct
from firnline.bands import Level, Sensor
from firnline.classes import LabelScheme
from firnline.classraster import read_grid, write_classes
from firnline.errors import OutputError
from firnline.flags import Flag, read_flags
from firnline.scene import open_scene
from firnline.synthetic.sensor import stripes

MakeProduct = Callable[..., SourceProduct]
Spectra = Callable[..., dict[str, NDArray[np.uint16]]]
Run = Callable[..., tuple[int, str, str]]
SHAPE = (60, 80)


@pytest.fixture
def product(make_product: MakeProduct, spectra: Spectra) -> SourceProduct:
    snow = np.zeros(SHAPE, bool)
    snow[10:50, 20:60] = True
    quality = np.full(SHAPE, 21824, np.uint16)
    about = {"cloud_cover": 3.5, "metadata": {"sun_azimuth": 150.0, "sun_elevation": 45.5, "collection": 2}}
    return make_product(spectra(SHAPE, snow), quality=quality, **about)


def test_the_item_is_read_by_pystac(product: SourceProduct, tmp_path: Path) -> None:
    ready = make_ready([product], tmp_path / "scene.tif")
    item = pystac.Item.from_file(str(ready.item))
    assert item.id == "scene"
    assert item.datetime == product.moment
    assert item.bbox == pytest.approx(transform_bounds("EPSG:32645", "EPSG:4326", *ready.grid.bounds), abs=1e-4)
    assert shapely.geometry.shape(item.geometry).is_valid
    assert item.properties["proj:code"] == "EPSG:32645"
    assert item.properties["proj:shape"] == list(SHAPE)
    assert item.properties["proj:transform"] == [30, 0, 478005, 0, -30, 3108135]
    assert item.properties["eo:cloud_cover"] == 3.5
    assert (item.properties["platform"], item.properties["instruments"]) == ("landsat-8", ["oli"])
    with rasterio.open(item.assets["scene"].get_absolute_href()) as file:
        bands = item.assets["scene"].extra_fields["bands"]
        assert [band["name"] for band in bands] == list(file.descriptions)
        assert [band["raster:scale"] for band in bands] == list(file.scales)
        assert [band["raster:offset"] for band in bands] == list(file.offsets)
        assert {band["data_type"] for band in bands} == set(file.dtypes)
    assert json.loads(ready.item.read_text())["assets"]["flags"]["href"] == "./scene.flags.tif"


def test_the_manifest_says_what_came_from_where(product: SourceProduct, tmp_path: Path) -> None:
    settings = ReadySettings(cloud_buffer=2)
    ready = make_ready([product], tmp_path / "s.tif", settings=settings, provenance={"catalogue": "made up"})
    manifest = json.loads(ready.manifest.read_text())
    assert manifest["provenance"] == {"catalogue": "made up"}
    assert manifest["settings"]["cloud_buffer"] == 2
    assert manifest["report"] == list(ready.lines)
    (told,) = manifest["products"]
    assert (told["id"], told["cloud_cover"]) == (product.id, 3.5)
    green = told["bands"][0]
    content = Path(product.bands[0].href).read_bytes()
    assert (green["href"], green["bytes"]) == (product.bands[0].href, len(content))
    assert green["sha256"] == hashlib.sha256(content).hexdigest()
    assert green["onto_the_grid"] == "copied"
    assert told["quality"]["convention"] == "Landsat Collection 2 QA_PIXEL"


def test_tags_say_where_the_scene_is_from(product: SourceProduct, tmp_path: Path) -> None:
    with rasterio.open(make_ready([product], tmp_path / "s.tif").path) as file:
        tags = file.tags()
        assert file.block_shapes[0] == (256, 256)
        assert file.compression.name == "zstd"
    expected = {"SENSOR": "landsat8", "DATE": "2019-10-24", "PRODUCT_ID": product.id, "LEVEL": "surface reflectance"}
    expected |= {"SUN_AZIMUTH": "150.0", "SUN_ELEVATION": "45.5", "COLLECTION": "2"}
    assert expected.items() <= tags.items()


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_scene_is_replaced_whole_or_not_at_all(
    product: SourceProduct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out" / "s.tif"
    make_ready([product], out)
    before = _files(out.parent)
    assert sorted(before) == ["s.flags.tif", "s.json", "s.manifest.json", "s.tif"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ready_module, "make_manifest", full)
    with pytest.raises(OutputError, match="No space left on device"):
        make_ready([product], out, settings=ReadySettings(bands=("green",)))
    assert _files(out.parent) == before
    monkeypatch.undo()
    make_ready([product], out, settings=ReadySettings(bands=("green",)))
    after = _files(out.parent)
    assert sorted(after) == sorted(before)
    assert all(after[name] != before[name] for name in ("s.tif", "s.json", "s.manifest.json"))


def test_what_the_disk_did_not_keep_is_noticed(
    product: SourceProduct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = writer._sum
    calls = iter(range(1000))
    monkeypatch.setattr(writer, "_sum", lambda values: sums(values) + (next(calls) == 2))  # while reading back
    out = tmp_path / "out" / "s.tif"
    with pytest.raises(OutputError, match="the disk did not keep all of it"):
        make_ready([product], out)
    assert _files(out.parent) == {}


def test_it_maps_as_any_other_scene(product: SourceProduct, firnline: Run, tmp_path: Path) -> None:
    ready = make_ready([product], tmp_path / "s.tif")
    code, _, error = firnline("map", ready.path, "--model", "ratio", "-o", tmp_path / "map")
    assert (code, error) == (0, "")
    with rasterio.open(tmp_path / "map" / "classes.tif") as file:
        classes = file.read(1)
    assert (classes[12:48, 22:58] == 1).all()
    assert (classes[:8] == 0).all()


def _striped(make_product: MakeProduct, spectra: Spectra, tmp_path: Path) -> tuple[Path, NDArray[np.bool_]]:
    """A scene of Landsat 7 with stripes that were filled, and where."""
    gap = stripes(0, np.arange(SHAPE[0]), np.arange(SHAPE[1]))
    snow = np.zeros(SHAPE, bool)
    snow[10:50, 20:60] = True
    bands = spectra(SHAPE, snow)
    holed = {name: np.where(gap, np.uint16(0), values) for name, values in bands.items()}
    pair = [
        make_product(values, name=name, day=day, sensor=Sensor.LANDSAT7)
        for name, day, values in (("LE07_A", "2005-10-30", holed), ("LE07_B", "2005-10-14", bands))
    ]
    ready = make_ready(pair, tmp_path / "s.tif", settings=ReadySettings(fill_stripes=True))
    return ready.path, read_flags(ready.flags, ready.grid) & Flag.FILLED != 0


def test_filled_pixels_never_count_in_a_metric(
    make_product: MakeProduct, spectra: Spectra, firnline: Run, tmp_path: Path
) -> None:
    scene, filled = _striped(make_product, spectra, tmp_path)
    out = tmp_path / "map"
    assert firnline("map", scene, "--model", "ratio", "-o", out)[0] == 0
    with rasterio.open(out / "classes.tif") as file:
        mapped = file.read(1)
    assert (mapped[filled] != 255).any()  # they are mapped
    truth = np.where(filled, 1 - np.minimum(mapped, 1), mapped).astype(np.uint8)  # all wrong where filled
    write_classes(tmp_path / "truth.tif", truth, read_grid(scene), LabelScheme.CLASS)
    record = tmp_path / "scores.json"
    known = int((truth != 255).sum())
    lost = int((filled & (truth != 255)).sum())
    assert lost > 50
    for prediction, more in ((out, ()), (out / "classes.tif", ()), (_moved(out, tmp_path), ("--scene", scene))):
        code, text, error = firnline(
            "evaluate", prediction, "--truth", tmp_path / "truth.tif", "--json", record, *more
        )
        assert (code, error) == (0, "")
        assert f"Not scored either: {lost} pixels of known truth where the scene has values of another date." in text
        told = json.loads(record.read_text())
        assert told["pixels"]["filled_from_another_date"] == lost
        assert told["pixels"]["scored"] + told["pixels"]["prediction_unknown"] == known - lost
        assert told["classes"][0]["iou"] == 1.0


def _moved(folder: Path, to: Path) -> Path:
    """The class raster alone, away from the flags of its map."""
    (to / "elsewhere").mkdir()
    return Path(shutil.copy(folder / "classes.tif", to / "elsewhere"))


def test_flags_of_a_former_map_do_not_stay(
    make_product: MakeProduct, spectra: Spectra, firnline: Run, tmp_path: Path
) -> None:
    scene, _ = _striped(make_product, spectra, tmp_path)
    out = tmp_path / "map"
    firnline("map", scene, "--model", "ratio", "-o", out)
    assert (out / "flags.tif").read_bytes() == scene.with_name("s.flags.tif").read_bytes()
    scene.with_name("s.flags.tif").unlink()
    firnline("map", scene, "--model", "ratio", "-o", out)
    assert not (out / "flags.tif").exists()


def test_flags_of_another_grid_are_refused_before_any_work(
    product: SourceProduct, firnline: Run, tmp_path: Path
) -> None:
    ready = make_ready([product], tmp_path / "s.tif")
    with rasterio.open(ready.flags, "r+") as file:
        file.transform = rasterio.Affine(30, 0, 0, 0, -30, 0)
    code, _, error = firnline("map", ready.path, "--model", "ratio", "-o", tmp_path / "map")
    assert code == 2
    assert "s.flags.tif: is on another grid" in error
    assert not (tmp_path / "map").exists()


def test_levels_are_kept_by_band(make_product: MakeProduct, tmp_path: Path) -> None:
    product = make_product({name: np.full((4, 4), 9000, np.uint16) for name in ("green", "lwir11")})
    thermal = replace(product.bands[1], scale=0.00341802, offset=149.0, level=Level.SURFACE_TEMPERATURE)
    ready = make_ready([replace(product, bands=(product.bands[0], thermal))], tmp_path / "s.tif")
    scene = open_scene(ready.path)
    assert scene.band("lwir11").level == Level.SURFACE_TEMPERATURE
    assert scene.read(["lwir11"])[0, 0, 0] == pytest.approx(9000 * 0.00341802 + 149.0)


@pytest.mark.parametrize("taken", ["scene.json", "scene.manifest.json"])
def test_a_file_of_the_user_is_never_replaced(product: SourceProduct, tmp_path: Path, taken: str) -> None:
    """An area called scene.json lies where the item of scene.tif would go."""
    (tmp_path / taken).write_text('{"type": "FeatureCollection"}')
    with pytest.raises(OutputError, match="is there already, and no earlier version"):
        make_ready([product], tmp_path / "scene.tif")
    assert (tmp_path / taken).read_text() == '{"type": "FeatureCollection"}'
    assert not (tmp_path / "scene.tif").exists()
    (tmp_path / taken).unlink()
    for _ in range(2):  # an earlier scene of the same name is replaced
        make_ready([product], tmp_path / "scene.tif")


def test_a_scene_never_takes_the_place_of_what_it_is_made_of(product: SourceProduct, tmp_path: Path) -> None:
    source = Path(product.bands[0].href)
    before = source.read_bytes()
    with pytest.raises(OutputError, match="is what the scene is made of"):
        make_ready([product], source.parent / ".." / source.parent.name / source.name)
    assert source.read_bytes() == before


def test_flags_take_their_place_before_the_scene(
    product: SourceProduct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two renames, there is no scene whose filled pixels nobody knows of."""
    order: list[str] = []
    rename = Path.replace

    def noted(self: Path, target: str | Path) -> Path:
        order.append(Path(target).name)
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    make_ready([product], tmp_path / "scene.tif")
    assert order == ["scene.flags.tif", "scene.manifest.json", "scene.json", "scene.tif"]
