"""Common formats give every layer back; a delivery is there whole or not at all, and never over another."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import pandas as pd
import pyarrow.parquet
import pyogrio
import pytest
from tests.inventory.inventories import CRS, glaciers, inventory, same_shape

from firnline.errors import ConfigError, OutputError
from firnline.inventory.delivery.deliver import Form, deliver
from firnline.inventory.delivery.submission import read_submission
from firnline.inventory.delivery.writers import short_names
from firnline.inventory.inventory import Inventory, read_inventory, write_inventory

LAYERS = ("glaciers", "parts", "holes", "lakes")
SUFFIX = {"shp": "shp", "geojson": "geojson", "geoparquet": "parquet", "fgb": "fgb"}
EXAMPLE = Path(__file__).parents[3] / "examples" / "delivery" / "submission.yaml"


def made(form: str, out: Path, of: Inventory | None = None) -> tuple[Path, ...]:
    submission = read_submission(EXAMPLE) if form == "glims" else None
    region = "15-03" if form in ("oggm", "rgi7") else None
    return deliver(of or inventory(), out, form, submission=submission, region=region)


def name_of(form: str) -> str:
    return "out.gpkg" if form == "gpkg" else "out"


def opened(path: Path) -> gpd.GeoDataFrame:
    if path.suffix == ".parquet":
        return gpd.read_parquet(path)
    # JSON has no dates: what looks like one is text, until GDAL guesses.
    return gpd.read_file(path, **({"DATE_AS_STRING": "YES"} if path.suffix == ".geojson" else {}))


@pytest.mark.parametrize("form", list(SUFFIX))
@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_comes_back(tmp_path: Path, form: str, layer: str) -> None:
    made(form, tmp_path / "out")
    back, truth = opened(tmp_path / "out" / f"{layer}.{SUFFIX[form]}"), getattr(inventory(), layer)
    assert back.crs.to_epsg() == (4326 if form == "geojson" else 32645)
    columns = truth.columns.drop("geometry")
    back = back.rename(columns={short: name for name, short in short_names(columns).items()})
    assert set(back.columns) == set(truth.columns)
    keys = [name for name in ("glacier_id", "class_value", "kind", "contact") if name in columns]
    back, truth = back.sort_values(keys, ignore_index=True), truth.sort_values(keys, ignore_index=True)
    for name in columns:
        assert back[name].isna().tolist() == truth[name].isna().tolist(), name
        known = truth[name].notna()
        if pd.api.types.is_numeric_dtype(truth[name]):
            numbers = truth[name][known].astype(float).tolist()
            assert back[name][known].astype(float).tolist() == pytest.approx(numbers), name
        else:
            assert back[name][known].tolist() == truth[name][known].tolist(), name
    # 7 decimals of a degree are 6 mm.
    within = 0.02 if form == "geojson" else 1e-3
    pairs = zip(back.to_crs(CRS).geometry, truth.geometry, strict=True)
    assert all(same_shape(one, other, within) for one, other in pairs)


@pytest.mark.parametrize("form", [form for form in Form if form != Form.GEOPACKAGE])
def test_hypsometry_notes_and_provenance_go_along(tmp_path: Path, form: Form) -> None:
    paths = made(form, tmp_path / "out")
    assert paths == tuple(sorted((tmp_path / "out").iterdir()))
    said = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert (said["form"], said["inventory"]) == (form, {"scene": "made up", "model": "none"})
    readme = (tmp_path / "out" / "README.txt").read_text()
    assert "3 glaciers" in readme
    assert "the areas of 2 are lower bounds" in readme
    if form in SUFFIX:
        pd.testing.assert_frame_equal(
            pd.read_csv(tmp_path / "out" / "hypsometry.csv"), inventory().hypsometry, check_dtype=False
        )


def test_shapefile_names_are_short_distinct_and_listed(tmp_path: Path) -> None:
    made("shp", tmp_path / "out")
    listed = pd.read_csv(tmp_path / "out" / "columns.csv")
    for layer in LAYERS:
        names = pyogrio.read_info(tmp_path / "out" / f"{layer}.shp")["fields"].tolist()
        rows = listed[listed["layer"] == layer]
        assert rows["in_shapefile"].tolist() == names
        assert rows["column"].tolist() == getattr(inventory(), layer).columns.drop("geometry").tolist()
        assert max(map(len, names)) <= 10
        assert len(set(names)) == len(names)
    with pytest.raises(OutputError, match="does not fit a shapefile"):
        short_names(["a_name_that_is_too_long"])


def test_geojson_is_as_rfc_7946_has_it(tmp_path: Path) -> None:
    made("geojson", tmp_path / "out")
    said = json.loads((tmp_path / "out" / "glaciers.geojson").read_text())
    assert "crs" not in said
    assert json.loads(said["description"])["scene"] == "made up"
    for feature in said["features"]:
        shell, *holes = (ring for ring in feature["geometry"]["coordinates"])
        assert _signed_area(shell) > 0
        assert all(_signed_area(hole) < 0 for hole in holes)


def _signed_area(ring: list[list[float]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def test_geoparquet_has_boxes_and_provenance(tmp_path: Path) -> None:
    made("geoparquet", tmp_path / "out")
    path = tmp_path / "out" / "glaciers.parquet"
    said = json.loads(pyarrow.parquet.read_schema(path).metadata[b"geo"])
    assert said["version"] == "1.1.0"
    assert "bbox" in said["columns"]["geometry"]["covering"]
    assert gpd.read_parquet(path).attrs["provenance"]["scene"] == "made up"
    near = gpd.read_parquet(path, bbox=(489000, 3099000, 491000, 3101000))
    assert len(near) == 1


def test_the_geopackage_is_the_inventory_with_styles(tmp_path: Path) -> None:
    (path,) = made("gpkg", tmp_path / "out.gpkg")
    back = read_inventory(path)
    for layer in LAYERS:
        pd.testing.assert_frame_equal(
            pd.DataFrame(getattr(back, layer)), pd.DataFrame(getattr(inventory(), layer)), check_like=True
        )
    assert back.provenance == {"scene": "made up", "model": "none"}
    with closing(sqlite3.connect(path)) as database:
        styles = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault = 1"))
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert set(styles) == set(LAYERS)
    for layer, attribute in (("parts", "class"), ("holes", "kind"), ("lakes", "contact")):
        renderer = ElementTree.fromstring(styles[layer].partition("\n")[2]).find("renderer-v2")
        assert renderer is not None
        values = {category.get("value") for category in renderer.iter("category")}
        assert renderer.get("attr") == attribute
        assert set(getattr(inventory(), layer)[attribute]) <= values


@pytest.mark.parametrize("form", list(Form))
def test_an_inventory_without_any_glacier_is_delivered_too(tmp_path: Path, form: Form) -> None:
    whole = inventory()
    nothing = Inventory(
        *(getattr(whole, name).iloc[:0] for name in (*LAYERS, "hypsometry")), provenance=whole.provenance
    )
    if form == Form.GLIMS:
        with pytest.raises(ConfigError, match="holds no glacier"):
            made(form, tmp_path / "out", nothing)
        assert list(tmp_path.iterdir()) == []
    else:
        assert made(form, tmp_path / name_of(form), nothing)


@pytest.mark.parametrize("form", list(Form))
def test_what_is_there_is_never_overwritten(tmp_path: Path, form: Form) -> None:
    out, file = tmp_path / name_of(form), tmp_path / f"a-{name_of(form)}"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="is there already"):
        made(form, out)
    file.write_text("kept")
    with pytest.raises(OutputError, match=r"is there already|is a file"):
        made(form, file)
    assert (out / "thesis.tex").read_text() == "years of work"
    assert file.read_text() == "kept"
    assert sorted(tmp_path.iterdir()) == [file, out]


@pytest.mark.parametrize("form", list(Form))
def test_a_file_that_the_disk_cut_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Form
) -> None:
    """GDAL says nothing when its last bytes find no space; every file is cut here."""
    write = pyogrio.write_dataframe

    def cut_off(frame: gpd.GeoDataFrame, path: Path, **options: object) -> None:
        write(frame, path, **options)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyogrio, "write_dataframe", cut_off)
    monkeypatch.setattr(gpd.GeoDataFrame, "to_parquet", no_space)
    with pytest.raises(OutputError, match="could not be written") as told:
        made(form, tmp_path / "deep" / name_of(form))
    assert len(str(told.value).splitlines()) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_command_delivers_and_tells_mistakes_in_one_line(
    tmp_path: Path, firnline: Callable[..., tuple[int, str, str]]
) -> None:
    path = write_inventory(inventory(), tmp_path / "inventory.gpkg")
    code, out, _ = firnline("inventory", "export", path, "--to", "fgb", "-o", tmp_path / "out")
    assert (code, out) == (0, f"written: {tmp_path / 'out'} (7 files)\n")
    for options, words in (
        (["--to", "kml"], "--to: 'kml' is not known; choose rgi7, glims, oggm"),
        (["--to", "glims"], "give --submission FILE.yaml"),
        (["--to", "shp", "--submission", EXAMPLE], "--submission: is for --to glims only"),
        (["--to", "shp", "--region", "15-03"], "--region: is for --to rgi7, glims and oggm only"),
    ):
        code, _, err = firnline("inventory", "export", path, *options, "-o", tmp_path / "none")
        assert (code, len(err.splitlines())) == (2, 1)
        assert words in err
    code, _, err = firnline("inventory", "export", path, "--to", "shp", "-o", path / "none")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "Not a directory" in err
    code, _, err = firnline("inventory", "export", path, "--to", "gpkg", "-o", tmp_path / "none")
    assert (code, err) == (2, f"firnline: {tmp_path / 'none'}: is no name of a GeoPackage; end it in .gpkg\n")
    assert not (tmp_path / "none").exists()


def test_ids_must_tell_glaciers_apart(tmp_path: Path) -> None:
    twice = inventory(glaciers=glaciers(glacier_id=["a", "a", "b"]))
    with pytest.raises(ConfigError, match="'a' is there twice"):
        deliver(twice, tmp_path / "out", "shp")
