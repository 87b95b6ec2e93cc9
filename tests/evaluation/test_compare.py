"""Comparing maps with the truth, from files, in the library and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import box

from firnline.classes import LabelScheme
from firnline.classraster import read_classes, write_classes
from firnline.errors import BandError, GridError, LabelError
from firnline.evaluation import Pair, as_record, as_text, evaluate
from firnline.grid import Grid

Run = Callable[..., tuple[int, str, str]]

GRID = Grid(CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, 60), (2, 4))
TRUTH = [[0, 1, 1, 2], [0, 0, 255, 2]]
MAP = [[0, 1, 2, 2], [1, 0, 1, 255]]


def raster(path: Path, values: list[list[int]], scheme: str = "class", grid: Grid = GRID) -> Path:
    return write_classes(path, np.array(values, np.uint8), grid, LabelScheme(scheme))


def outlines(path: Path, **classes: tuple[float, float, float, float]) -> Path:
    names = [name.replace("_", " ") for name in classes]
    gpd.GeoDataFrame({"class": names}, geometry=[box(*each) for each in classes.values()], crs=32645).to_file(path)
    return path


def scene(path: Path, bands: dict[str, list[list[float]]]) -> Path:
    profile = {"driver": "GTiff", "height": 2, "width": 4, "crs": GRID.crs, "transform": GRID.transform}
    with rasterio.open(path, "w", count=len(bands), dtype="float32", **profile) as file:
        file.write(np.array(list(bands.values()), np.float32))
        file.descriptions = list(bands)
    return path


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(raster(tmp_path / "map.tif", MAP), raster(tmp_path / "truth.tif", TRUTH))


def test_two_rasters_of_one_scheme(pair: Pair) -> None:
    result = evaluate([pair])
    assert result.confusion.counts.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert (result.confusion.truth_unknown, result.confusion.unmapped.tolist()) == (1, [0, 0, 1])
    clean, debris, glacier = result.classes
    assert (clean.scores.iou, debris.scores.iou, glacier.scores.iou) == (1 / 3, 1 / 2, 3 / 4)


def test_several_pairs_are_one_set(pair: Pair, tmp_path: Path) -> None:
    no_ice = [[0] * 4] * 2
    second = Pair(raster(tmp_path / "m2.tif", no_ice), raster(tmp_path / "t2.tif", no_ice))
    result = evaluate([pair, second])
    assert result.confusion.scored == 14
    assert result.classes[0].scores.iou == 1 / 3


def test_a_folder_stands_for_the_class_raster_in_it(pair: Pair, tmp_path: Path) -> None:
    raster(tmp_path / "run" / "classes.tif", MAP)
    assert evaluate([Pair(tmp_path / "run", pair.truth)]).confusion.scored == 6


def test_outlines_are_burnt_on_the_grid_of_the_raster(pair: Pair, tmp_path: Path) -> None:
    # The map's outlines hold no unknown: what the raster left open is background.
    mapped = outlines(tmp_path / "map.gpkg", clean_ice=(30, 30, 60, 60), debris=(60, 30, 120, 60))
    result = evaluate([Pair(mapped, pair.truth)])
    assert result.confusion.counts.tolist() == [[3, 0, 0], [0, 1, 1], [1, 0, 1]]


def test_outlines_on_both_sides_need_a_grid(tmp_path: Path) -> None:
    one = outlines(tmp_path / "one.gpkg", glacier=(0, 0, 60, 60))
    other = outlines(tmp_path / "other.gpkg", glacier=(0, 0, 90, 60))
    with pytest.raises(GridError, match=r"one\.gpkg: is outlines, as the truth is, .* give a --scene"):
        evaluate([Pair(one, other)])
    where = scene(tmp_path / "scene.tif", {"green": [[0.5] * 4] * 2})
    result = evaluate([Pair(one, other, where)])
    assert result.classes[0].scores.recall == 4 / 6


def test_beyond_the_border_outlines_say_nothing(pair: Pair, tmp_path: Path) -> None:
    truth = outlines(tmp_path / "truth.gpkg", clean_ice=(30, 30, 60, 60))
    border = outlines(tmp_path / "border.gpkg", region=(0, 0, 60, 60))
    result = evaluate([Pair(pair.prediction, truth, border=border)])
    assert (result.confusion.scored, result.confusion.truth_unknown) == (4, 4)


def test_schemes_must_agree_or_be_converted_by_name(pair: Pair, tmp_path: Path) -> None:
    glaciers = raster(tmp_path / "g.tif", [[0, 1, 1, 1], [0, 0, 255, 1]], "glacier")
    with pytest.raises(
        LabelError, match=r"map\.tif: has the label scheme 'class', .* compare them with --as glacier"
    ):
        evaluate([Pair(pair.prediction, glaciers)])
    result = evaluate([Pair(pair.prediction, glaciers)], scheme=LabelScheme.GLACIER)
    assert result.confusion.counts.tolist() == [[2, 1], [0, 3]]
    assert (result.compared[0].prediction_scheme, result.compared[0].truth_scheme) == ("class", "glacier")


def test_class_maps_can_be_compared_as_debris(pair: Pair) -> None:
    result = evaluate([pair], scheme=LabelScheme.DEBRIS)
    assert result.classes[0].name == "supraglacial debris"
    assert result.confusion.counts.tolist() == [[4, 1], [0, 1]]


def test_what_no_scheme_holds_is_refused(pair: Pair, tmp_path: Path) -> None:
    glaciers = raster(tmp_path / "g.tif", [[0] * 4] * 2, "glacier")
    debris = raster(tmp_path / "d.tif", [[0] * 4] * 2, "debris")
    with pytest.raises(LabelError, match="there is no scheme for both"):
        evaluate([Pair(glaciers, debris)])
    with pytest.raises(LabelError, match=r"g\.tif: the label scheme 'glacier' cannot be turned into 'debris'"):
        evaluate([Pair(glaciers, debris)], scheme=LabelScheme.DEBRIS)
    with pytest.raises(LabelError, match="the set 'class'"):
        evaluate([pair, Pair(glaciers, glaciers)])


def test_different_grids_are_refused(pair: Pair, tmp_path: Path) -> None:
    moved = Grid(GRID.crs, Affine(30, 0, 15, 0, -30, 60), GRID.shape)
    with pytest.raises(GridError, match=r"map2\.tif: is on another grid"):
        evaluate([Pair(raster(tmp_path / "map2.tif", MAP, grid=moved), pair.truth)])


def test_nothing_known_in_both_is_an_error(tmp_path: Path) -> None:
    left = raster(tmp_path / "left.tif", [[0, 1, 255, 255]] * 2)
    right = raster(tmp_path / "right.tif", [[255, 255, 0, 1]] * 2)
    with pytest.raises(LabelError, match=r"left\.tif: no pixel is known in both prediction and truth"):
        evaluate([Pair(left, right)])


REFLECTANCE = {
    "green": [[0.2, 0.9, 0.2, 0.2], [0.9, 0.2, 0.2, 0.2]],
    "red": [[0.2] * 4] * 2,
    "nir08": [[0.2, 0.2, 0.2, 0.2], [0.2, 0.9, 0.2, 0.2]],
    "swir16": [[0.2, 0.1, 0.2, 0.2], [0.1, 0.2, 0.2, 0.2]],
    "slope": [[40.0, 5.0, 5.0, 5.0], [5.0, 5.0, 5.0, 5.0]],
}
"""NDSI is 0.8 where the green is 0.9, else 0; NDVI is 0.64 at one pixel, else 0."""


def test_the_untrained_rules_are_tried_on_the_scored_pixels(pair: Pair, tmp_path: Path) -> None:
    where = scene(tmp_path / "scene.tif", REFLECTANCE)
    clean, debris, glacier = evaluate([Pair(pair.prediction, pair.truth, where)]).classes
    # The rule for debris marks flat, bare, snowless pixels: (0, 2), (0, 3); the one for ice (0, 1) and (1, 0).
    assert clean.rule is not None
    assert clean.rule.rule == "ndsi > 0.4"
    assert clean.rule.scores is not None
    assert (clean.rule.scores.mapped_pixels, clean.rule.scores.iou) == (2, 1 / 3)
    assert debris.rule is not None
    assert debris.rule.rule == "slope < 15 and ndsi < 0.3 and ndvi < 0.1"
    assert debris.rule.scores is not None
    assert (debris.rule.scores.mapped_pixels, debris.rule.scores.iou) == (2, 1 / 2)
    assert glacier.rule is not None
    assert glacier.rule.scores is not None
    assert (glacier.rule.scores.mapped_pixels, glacier.rule.scores.iou) == (4, 3 / 4)


def test_a_rule_knows_nothing_where_its_features_are_unknown(pair: Pair, tmp_path: Path) -> None:
    holes = {**REFLECTANCE, "slope": [[40.0, 5.0, 5.0, np.nan], [5.0] * 4]}
    result = evaluate([Pair(pair.prediction, pair.truth, scene(tmp_path / "scene.tif", holes))])
    rule = result.classes[1].rule
    assert rule is not None
    assert rule.unknown == 1
    assert "for want of features: 1 of the scored pixels (debris-covered ice, glacier)" in as_text(result)


def test_a_rule_that_lacks_a_band_is_named_with_the_reason(pair: Pair, tmp_path: Path) -> None:
    fewer = {name: band for name, band in REFLECTANCE.items() if name not in ("nir08", "slope")}
    result = evaluate([Pair(pair.prediction, pair.truth, scene(tmp_path / "scene.tif", fewer))])
    clean, debris, glacier = result.classes
    assert clean.rule is not None
    assert clean.rule.scores is not None
    assert debris.rule is not None
    assert debris.rule.scores is None
    assert "ndvi needs nir08" in debris.rule.why_not
    assert glacier.rule is not None
    assert glacier.rule.rule == "ndsi > 0.4"


def test_the_table_shows_trivial_scores_beside_and_absence_as_such(tmp_path: Path) -> None:
    mapped = raster(tmp_path / "map.tif", [[0, 1, 1, 1], [0, 0, 0, 0]])
    text = as_text(evaluate([Pair(mapped, raster(tmp_path / "truth.tif", [[0, 1, 1, 0], [0, 0, 0, 0]]))]))
    scored = text.partition("Pixels, truth")[0]
    rows = {row.split("|")[1].strip(): row.split("|")[2:-1] for row in scored.splitlines() if row.startswith("|")}
    assert [cell.strip() for cell in rows["clean ice"]] == [
        *("0.667", "0.667", "1.000", "0.800", "0.745", "0.250", "+50.0 %")
    ]
    assert rows["- everything is clean ice"][0].strip() == "0.250"
    assert rows["debris-covered ice"][0].strip() == "absent"
    assert "nan" not in text.lower()


def test_the_record_is_json_without_nan_and_says_what_was_compared(pair: Pair) -> None:
    record = json.loads(json.dumps(as_record(evaluate([pair])), allow_nan=False))
    assert record["label_scheme"] == "class"
    assert record["pairs"][0]["truth"] == str(pair.truth)
    assert record["pixels"] == {
        "scored": 6,
        "truth_unknown": 1,
        "filled_from_another_date": 0,
        "prediction_unknown": 1,
        "prediction_unknown_share": 1 / 7,
        "pixel_km2": 0.0009,
    }
    assert record["confusion"]["truth_by_prediction"] == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert [row["name"] for row in record["classes"]] == ["clean ice", "debris-covered ice", "glacier"]
    assert record["classes"][0]["trivial"]["everything_is_this_class"]["recall"] == 1.0
    assert {"firnline", "created"} <= set(record)


def test_the_command_prints_the_table_and_writes_the_record(pair: Pair, firnline: Run, tmp_path: Path) -> None:
    out = tmp_path / "new" / "scores.json"
    code, printed, error = firnline("evaluate", pair.prediction, "--truth", pair.truth, "--json", out)
    assert (code, error) == (0, "")
    assert printed.startswith("Label scheme class, 1 pair as one set: 6 pixels (0.01 km2) known in truth and predic")
    assert json.loads(out.read_text())["pixels"]["scored"] == 6


def test_the_command_takes_a_set(pair: Pair, firnline: Run) -> None:
    both = ["--truth", pair.truth, "--truth", pair.truth]
    code, printed, _ = firnline("evaluate", pair.prediction, pair.prediction, *both, "--as", "glacier")
    assert code == 0
    assert "Label scheme glacier, 2 pairs as one set: 12 pixels" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["truth.tif", "--truth", "absent.tif"], "absent.tif: does not exist; give a class raster"),
        (["truth.tif", "--truth", "absent.gpkg"], "absent.gpkg: does not exist; give a vector file"),
        (["text.tif", "--truth", "truth.tif"], "text.tif: is not a raster that GDAL reads"),
        (["truth.tif", "--truth", "g.tif"], "compare them with --as glacier"),
        (["truth.tif", "truth.tif", "--truth", "truth.tif"], "2 predictions, 1 truths and 0 scenes do not pair up"),
        (["truth.tif", "--truth", "truth.tif", "--as", "ice"], "--as: 'ice' is not a label scheme; say class"),
        (["run", "--truth", "truth.tif"], "classes.tif: does not exist"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2_and_writes_nothing(
    pair: Pair, firnline: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    raster(tmp_path / "g.tif", [[0] * 4] * 2, "glacier")
    (tmp_path / "text.tif").write_text("no raster")
    (tmp_path / "run").mkdir()
    code, _, error = firnline("evaluate", *options, "--json", tmp_path / "scores.json")
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "scores.json").exists()


def test_a_scene_without_band_names_gives_no_rules_silently(pair: Pair, tmp_path: Path) -> None:
    nameless = scene(tmp_path / "scene.tif", {"": [[0.5] * 4] * 2})
    with pytest.raises(BandError, match="bands without a name"):
        evaluate([Pair(pair.prediction, pair.truth, nameless)])


@pytest.mark.real
def test_on_row_08_of_zanskar_everything_is_glacier_scores_half(shared_data: Path, tmp_path: Path) -> None:
    truths = sorted((shared_data / "landsat8-zanskar").glob("08_*_glacier.tif"))
    pairs = []
    for truth in truths:
        known = read_classes(truth)
        everywhere = write_classes(tmp_path / truth.name, np.ones_like(known.classes), known.grid, known.scheme)
        pairs.append(Pair(everywhere, truth))
    result = evaluate(pairs)
    glacier = result.classes[0]
    assert len(pairs) == 3
    assert glacier.scores.iou == pytest.approx(0.51, abs=0.005)
    assert glacier.scores == glacier.everything
    assert glacier.scores.mcc == 0.0


@pytest.mark.real
def test_the_untrained_rule_finds_debris_on_sentinel_2(shared_data: Path) -> None:
    folder = shared_data / "sentinel2-himalaya"
    pairs = [
        Pair(folder / f"{tile}_debris.tif", folder / f"{tile}_debris.tif", folder / f"{tile}_image.tif")
        for tile in (113, 126, 170)
    ]
    rule = evaluate(pairs).classes[0].rule
    assert rule is not None
    assert rule.scores is not None
    assert rule.scores.iou == pytest.approx(0.41, abs=0.02)
