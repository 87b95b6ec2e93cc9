"""`firnline map` with bad input: one line that says what, where and what to do; exit code 2; nothing written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio.shutil
from affine import Affine

GEOGRAPHIC = {"crs": "EPSG:4326", "transform": Affine(0.0003, 0, 86, 0, -0.0003, 28)}


@pytest.fixture
def refused(mistake: Callable[..., str], bundle: Path, tmp_path: Path) -> Callable[..., str]:
    """Map, which must be refused before anything is written; gives the line."""

    def run(scene: Path, *options: object, model: str | Path = bundle) -> str:
        out = tmp_path / "out"
        line = mistake("map", scene, "-m", model, "-o", out, "--runtime", "torch", *options)
        assert not out.exists() or list(out.iterdir()) == []
        return line

    return run


# What is no raster, or not a whole one


def test_what_is_not_a_raster(refused, tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("a letter")
    (tmp_path / "empty.tif").write_text("")
    (tmp_path / "folder").mkdir()
    for name in ("text.tif", "empty.tif"):
        line = refused(tmp_path / name)
        assert line.startswith(f"{tmp_path / name}: is not a raster that GDAL reads, or is cut off")
        assert line.endswith("give a GeoTIFF or another GDAL raster")
    assert "absent.tif: does not exist; give" in refused(tmp_path / "absent.tif")
    assert "folder: is a folder; give" in refused(tmp_path / "folder")


@pytest.mark.parametrize("kept", [6, 100])
def test_a_geotiff_cut_in_its_header(refused, make_scene, kept: int) -> None:
    scene = make_scene()
    scene.write_bytes(scene.read_bytes()[:kept])
    assert "is not a raster that GDAL reads, or is cut off" in refused(scene)


def test_a_geotiff_cut_in_its_pixels(mistake, make_scene, bundle: Path, tmp_path: Path) -> None:
    cut, out = tmp_path / "cut.tif", tmp_path / "out"
    rasterio.shutil.copy(make_scene(shape=(600, 300)), cut, driver="COG", blocksize=128)  # its header comes first
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    line = mistake("map", cut, "-m", bundle, "-o", out, "--runtime", "torch")
    assert line.startswith(f"{cut}: cannot be read at row ")
    assert "the file is damaged or cut off" in line
    assert line.endswith("get it again")
    assert not out.exists()  # the check of the scene has come upon it, before any work


def test_a_scene_that_vanishes_while_it_is_mapped(
    mistake, make_scene, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, out = make_scene(), tmp_path / "out"
    import firnline.mapping

    write = firnline.mapping.write_class_map

    def vanish(*arguments: object) -> None:
        scene.unlink()
        write(*arguments)

    monkeypatch.setattr(firnline.mapping, "write_class_map", vanish)
    assert "scene.tif: does not exist" in mistake("map", scene, "-m", bundle, "-o", out, "--runtime", "torch")
    assert [path.name for path in out.iterdir()] == [".work"]


# Where it lies


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"crs": None}, "scene.tif: has no CRS; assign one (gdal_edit.py -a_srs EPSG:... FILE)"),
        ({"transform": Affine(30, 1, 0, 1, -30, 0)}, "scene.tif: is rotated or not north up; warp it"),
        ({"transform": Affine(30, 0, 0, 0, 30, 0)}, "scene.tif: is rotated or not north up; warp it"),
        (GEOGRAPHIC, "scene.tif: the CRS EPSG:4326 is not projected in metres; warp the scene to UTM (gdalwarp)"),
        ({"crs": "EPSG:2225"}, "scene.tif: the CRS EPSG:2225 is not projected in metres; warp"),
        (
            {"crs": "EPSG:3857"},
            "scene.tif: the CRS EPSG:3857 is a Mercator projection, in which areas and slopes are",
        ),
    ],
    ids=["no CRS", "rotated", "south up", "geographic", "feet", "Mercator"],
)
@pytest.mark.parametrize("rules", [False, True], ids=["bundle", "rules"])
def test_a_grid_that_cannot_be_used(
    refused, make_scene, bundle: Path, said: dict[str, object], message: str, rules: bool
) -> None:
    assert message in refused(make_scene(**said), model="ratio" if rules else bundle)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # of writing it
def test_a_scene_that_is_not_georeferenced(refused, make_scene) -> None:
    assert "is not georeferenced; give it a geotransform" in refused(make_scene(transform=Affine.identity()))


# What its bands are


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["", "green", "red", ""], [], "bands without a name: 1 4; name them with --bands blue,green,... in file"),
        (["", "", ""], ["--bands", "blue,green"], "has 3 bands, and 2 names are given"),
        (["", "", ""], ["--bands", "blue,,red"], "one of the band names given is empty; name every band"),
        (["", "", ""], ["--bands", "blue,red,Red"], "two bands are called red; rename one in a sidecar"),
        (["B1", "B2", "B3"], [], "what band is 'B1'? the sensor is not known; say --sensor, or name the bands"),
        (["B1", "B2", "B3"], ["--sensor", "spot"], "--sensor: 'spot' is not known; choose landsat5, landsat7, "),
        (
            ["blue", "swir16", "ndvi"],
            [],
            "the model 'tiny' needs bands that the scene lacks: green (the scene has no such band), "
            "red (the scene has no such band), nir08 (the scene has no such band)",
        ),
    ],
)
def test_bands_that_are_not_told_or_not_there(
    refused, make_scene, names: list[str], options: list[str], message: str
) -> None:
    assert message in refused(make_scene(names=tuple(names)), *options)


def test_every_missing_feature_is_named_with_what_it_takes(refused, make_scene, make_bundle) -> None:
    model = make_bundle(names=("red", "ndsi", "slope"))
    line = refused(make_scene(names=("red", "green")), model=model)
    assert "needs bands that the scene lacks: ndsi (needs swir16), slope (needs elevation or a DEM)" in line


def test_bands_that_no_rule_can_use(refused, make_scene) -> None:
    assert "no rule for ice can be used" in refused(make_scene(names=("blue", "coastal")), model="ratio")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"transform": Affine(10, 0, 0, 0, -10, 0)},
            "has pixels of 10 m, and the model 'tiny' was trained on 30 m (a factor of 1.5 is the limit); warp",
        ),
        (
            {"level": "digital number"},
            "band 'blue' is digital number, and was surface reflectance in the training of the model 'tiny'; convert",
        ),
        (
            {"level": ""},
            "band 'blue' is of unknown level, and was surface reflectance in the training of the model 'tiny'",
        ),
        ({"dtype": "complex64"}, "holds complex numbers; give reflectance"),
    ],
)
def test_a_scene_unlike_those_that_the_model_knows(
    refused, make_scene, said: dict[str, object], message: str
) -> None:
    assert f"scene.tif: {message}" in refused(make_scene(**said))


def test_values_that_are_not_of_the_kind_that_the_model_learnt_from(
    refused, make_scene, bundle: Path, tmp_path: Path
) -> None:
    """Level and names are those of training; the numbers are not."""
    other = shutil.copytree(bundle, tmp_path / "other")
    said = json.loads((other / "model.json").read_text())
    said["bands"][2]["readings"][0] |= {"mean": 0.001, "deviation": 0.0005}
    (other / "model.json").write_text(json.dumps(said))
    line = refused(make_scene(), model=other)
    assert "band 'red' has a median of 0.5" in line
    assert "where the model was trained on 0.001 and 0.0005: not the same unit" in line
    assert "go on all the same with --force" in line


@pytest.mark.parametrize("rules", [False, True], ids=["bundle", "rules"])
def test_a_scene_without_a_known_pixel(refused, make_scene, bundle: Path, rules: bool) -> None:
    scene = make_scene(names=("blue", "green", "red", "nir08", "swir16"), is_blank=True)
    line = refused(scene, model="ratio" if rules else bundle)
    assert "no pixel is known in all of the bands" in line
    assert line.endswith("check which value it calls nodata, and its sidecar")


# The model


def test_what_is_not_a_model(refused, make_scene, tmp_path: Path) -> None:
    scene = make_scene()
    for path in (tmp_path / "absent", tmp_path, scene):
        line = refused(scene, model=path)
        assert line == f"{path}: is not a model bundle: it has no model.json; name the bundle's folder, or 'ratio'"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "model.json: is damaged: "),
        (b"", "model.json: is damaged: "),
        (b"\xff\xfe\x00", "model.json: is damaged: "),
        (b"[]", "model.json: must be keys with values"),
        ({"colour": 3}, "model.json: colour: is not a known key; was it made by a newer version?"),
        ({"format": 3}, "model.json: format: Input should be 2; was it made by a newer version?"),
        ({"resolutions_m": [0]}, "model.json: resolutions_m.0: Input should be greater than 0"),
        ({"window": 0}, "model.json: window: Input should be greater than 0"),
        ({"bands": []}, "model.json: bands: "),
        (
            {"architecture": {"name": "unet", "width": 4, "depth": 2}},
            "does not fit the architecture in model.json: size mismatch",
        ),
    ],
)
def test_a_broken_description(
    refused, make_scene, bundle: Path, tmp_path: Path, content: bytes | dict[str, object], message: str
) -> None:
    broken = shutil.copytree(bundle, tmp_path / "broken")
    if isinstance(content, dict):
        content = json.dumps({**json.loads((broken / "model.json").read_text()), **content}).encode()
    (broken / "model.json").write_bytes(content)
    line = refused(make_scene(), model=broken)
    assert message in line
    assert len(line) < 600


def test_weights_that_are_not_the_models(refused, make_scene, bundle: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(bundle, tmp_path / "broken")
    weights = broken / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert "the weights are not the ones that model.json describes; get it" in refused(make_scene(), model=broken)
    weights.unlink()
    assert "weights.safetensors: cannot be read: No such file" in refused(make_scene(), model=broken)


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--window", "50"], "tiny: windows of 50 pixels do not suit it; use a multiple of 4"),
        (["--overlap", "40"], "windows of 64 with an overlap of 40 pixels make no lattice; choose an overlap of at"),
        (["--format", "dxf"], "--format: 'dxf' is not known; choose gpkg, geojson, shp, parquet"),
        (["--runtime", "tpu"], "--runtime: 'tpu' is not a runtime; choose auto, openvino, torch or onnx"),
    ],
)
def test_options_that_make_no_sense(refused, make_scene, options: list[str], message: str) -> None:
    assert message in refused(make_scene(), *options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"colour: 3\n", "note.yaml: colour: is not a known key; see docs/scenes.md"),
        (b"bands: {red: {scale: much}}\n", "note.yaml: bands.red.scale: Input should be a valid number"),
        (b"bands: {rot: {scale: 2}}\n", "scene.tif: the sidecar speaks of bands that are not there: rot"),
        (b"fill: {band: rot}\n", "scene.tif: the sidecar's fill speaks of a band that is not there: rot"),
        (b"[a: {\n", "note.yaml: is not YAML: while parsing"),
        (b"- a\n", "note.yaml: must be keys with values"),
        (b"\xff\xfe\xfa", "note.yaml: is not text in UTF-8"),
        (None, "note.yaml: cannot be read as a sidecar: No such file or directory"),
    ],
)
def test_a_sidecar_that_cannot_be_used(
    refused, make_scene, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "note.yaml"
    if content is not None:
        path.write_bytes(content)
    assert message in refused(make_scene(), "--sidecar", path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"colour: 3\n", "rules.yaml: colour: is not a known key; see docs/rules.md for what can be set"),
        (b"ratio: much\n", "rules.yaml: ratio: Input should be a valid number; see docs/rules.md"),
        (b"ratio: yes\n", "rules.yaml: ratio: Input should be a valid number"),
        (b"ratio: -1\n", "rules.yaml: the rule setting 'ratio' is -1; give a ratio above 0"),
        (b"blue: .nan\n", "rules.yaml: the rule setting 'blue' is nan; give a finite number"),
        (b"ice: most\n", "rules.yaml: the rule setting 'ice' is 'most'; choose all or any"),
        (b"without: [snow]\n", "rules.yaml: no such rule: snow; known rules: ratio, ndsi"),
        (b"- a\n", "rules.yaml: must be keys with values; see docs/rules.md"),
        (b"[a: {\n", "rules.yaml: is not YAML: while parsing"),
        (None, "rules.yaml: cannot be read as settings of the rules: No such file or directory"),
    ],
)
def test_rules_that_cannot_be_used(refused, make_scene, tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "rules.yaml"
    if content is not None:
        path.write_bytes(content)
    assert message in refused(make_scene(), "--rules", path, model="ratio")


def test_a_network_has_no_rules_to_set(refused, make_scene, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("ratio: 1.8\n")
    line = refused(make_scene(), "--rules", tmp_path / "rules.yaml")
    assert line == f"the model {bundle} has no rules to set; leave out --rules, or take --model ratio"


def test_a_dem_that_cannot_be_used(refused, make_scene, tmp_path: Path) -> None:
    scene = make_scene()
    (tmp_path / "text.tif").write_text("a letter")
    elsewhere = make_scene("elsewhere.tif", names=("elevation",), transform=Affine(30, 0, 0, 0, -30, 0))
    assert "text.tif: is not a raster that GDAL reads" in refused(scene, "--dem", tmp_path / "text.tif")
    assert "absent.tif: does not exist; give the DEM" in refused(scene, "--dem", tmp_path / "absent.tif")
    assert "scene.tif: a DEM has one band, this has 4" in refused(scene, "--dem", scene)
    assert "the DEM does not reach the scene" in refused(scene, "--dem", elsewhere)


# Where results go


def test_what_is_in_the_way_of_results_is_told_before_any_work(
    mistake, make_scene, bundle: Path, tmp_path: Path
) -> None:
    scene, words = make_scene(), ("-m", bundle, "--runtime", "torch", "-o")
    (tmp_path / "file").write_text("mine")
    assert "file: is a file; name a folder with -o" in mistake("map", scene, *words, tmp_path / "file")
    assert "cannot be written to: Not a directory" in mistake("map", scene, *words, tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    line = mistake("map", scene, *words, tmp_path / "out")
    assert "report.html: is a folder, and a result of that name is to be written; move it away" in line
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]


def test_a_failed_map_leaves_the_results_of_before(
    firnline, mistake, make_scene, bundle: Path, tmp_path: Path
) -> None:
    out, words = tmp_path / "out", ("-m", bundle, "--runtime", "torch", "-o", tmp_path / "out")
    assert firnline("map", make_scene(), *words)[0] == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    mistake("map", make_scene("blank.tif", is_blank=True), *words)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
