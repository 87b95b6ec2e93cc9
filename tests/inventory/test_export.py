"""Files of outlines open elsewhere: same columns, same polygons, QGIS styles inside, nothing half-written."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from affine import Affine
from rasterio.crs import CRS

from firnline.classes import LabelScheme
from firnline.errors import OutputError
from firnline.grid import Grid
from firnline.inventory.export import PROVENANCE_KEY, VectorFormat, write_outlines
from firnline.inventory.polygonise import COLUMNS, polygonise

PROVENANCE = {"model": "rule", "scene": Path("scene.tif"), "minimum_area_km2": 0.01}


@pytest.fixture
def outlines() -> gpd.GeoDataFrame:
    random = np.random.default_rng(1)
    classes = random.choice([0, 1, 2, 255], size=(40, 30), p=[0.3, 0.4, 0.2, 0.1]).astype(np.uint8)
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), classes.shape)
    return polygonise(classes, grid, LabelScheme.CLASS)


def opened(path: Path) -> gpd.GeoDataFrame:
    if path.suffix == ".parquet":
        return gpd.read_parquet(path)
    return gpd.read_file(path, layer="outlines" if path.suffix == ".gpkg" else None)


@pytest.mark.parametrize("vector_format", list(VectorFormat))
def test_every_format_gives_back_what_was_written(
    outlines: gpd.GeoDataFrame, tmp_path: Path, vector_format: VectorFormat
) -> None:
    path = tmp_path / "new folder" / f"glaciers.{vector_format}"
    for _ in range(2):  # the second replaces the first
        write_outlines(outlines, path, vector_format, provenance=PROVENANCE)
    back = opened(path)
    assert len(back) == len(outlines)
    assert back.geometry.is_valid.all()
    assert back["class"].tolist() == outlines["class"].tolist()
    assert back["area_km2"].to_numpy() == pytest.approx(outlines["area_km2"].to_numpy())
    expected = outlines.to_crs(back.crs).geometry
    assert back.geometry.normalize().geom_equals_exact(expected.normalize(), 1e-6).all()
    assert not [part.name for part in path.parent.iterdir() if part.name.startswith(".")]


@pytest.mark.parametrize("vector_format", list(VectorFormat))
def test_no_outline_is_a_valid_file_too(
    outlines: gpd.GeoDataFrame, tmp_path: Path, vector_format: VectorFormat
) -> None:
    path = write_outlines(outlines.iloc[:0], tmp_path / f"none.{vector_format}", vector_format)
    back = opened(path)
    assert len(back) == 0
    assert back.crs is not None
    if vector_format in (VectorFormat.GEOPACKAGE, VectorFormat.GEOPARQUET):
        assert list(back.columns) == [*COLUMNS, "geometry"]


def test_the_geopackage_carries_a_style_as_qgis_stores_it(outlines: gpd.GeoDataFrame, tmp_path: Path) -> None:
    path = write_outlines(outlines, tmp_path / "glaciers.gpkg", provenance=PROVENANCE)
    with closing(sqlite3.connect(path)) as database:
        (style,) = database.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ).fetchall()
        kinds = dict(database.execute("SELECT table_name, data_type FROM gpkg_contents"))
        columns = database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert kinds == {"outlines": "features", "layer_styles": "attributes"}
    assert columns == [style[:2]]
    assert style[2] == 1
    renderer = ElementTree.fromstring(style[3].partition("\n")[2]).find("renderer-v2")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("attr")) == ("categorizedSymbol", "class")
    symbols = {symbol.get("name"): symbol for symbol in renderer.findall("symbols/symbol")}
    layers = {
        category.get("value"): [layer.get("class") for layer in symbols[category.get("symbol")].findall("layer")]
        for category in renderer.iter("category")
    }
    assert layers == {"clean ice": ["SimpleFill"], "debris-covered ice": ["SimpleFill", "LinePatternFill"]}


def test_where_it_came_from_is_inside(outlines: gpd.GeoDataFrame, tmp_path: Path) -> None:
    said = {"model": "rule", "scene": "scene.tif", "minimum_area_km2": 0.01}
    package = write_outlines(outlines, tmp_path / "a.gpkg", provenance=PROVENANCE)
    metadata = pyogrio.read_info(package, layer="outlines")["layer_metadata"]
    assert json.loads(metadata[PROVENANCE_KEY]) == said
    parquet = write_outlines(outlines, tmp_path / "a.parquet", "parquet", provenance=PROVENANCE)
    assert gpd.read_parquet(parquet).attrs["provenance"] == said
    geojson = write_outlines(outlines, tmp_path / "a.geojson", "geojson", provenance=PROVENANCE)
    assert json.loads(json.loads(geojson.read_text())["description"]) == said


def test_shapefile_columns_are_short_and_distinct(outlines: gpd.GeoDataFrame, tmp_path: Path) -> None:
    write_outlines(outlines, tmp_path / "a.shp", "shp")
    names = [name for name in gpd.read_file(tmp_path / "a.shp").columns if name != "geometry"]
    assert len(set(names)) == len(COLUMNS)
    assert max(map(len, names)) <= 10
    assert {part.suffix for part in tmp_path.iterdir()} >= {".shp", ".shx", ".dbf", ".prj", ".cpg"}


@pytest.mark.parametrize("vector_format", list(VectorFormat))
def test_a_path_in_the_way_is_told(outlines: gpd.GeoDataFrame, tmp_path: Path, vector_format: VectorFormat) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_outlines(outlines, tmp_path / "file" / f"a.{vector_format}", vector_format)
    assert (tmp_path / "file").read_text() == ""


def test_the_layer_of_debris_alone_is_styled(outlines: gpd.GeoDataFrame, tmp_path: Path) -> None:
    debris = outlines[outlines["class_value"] == 2].assign(**{"class": "supraglacial debris"})
    path = write_outlines(debris, tmp_path / "a.gpkg")
    with closing(sqlite3.connect(path)) as database:
        ((style,),) = database.execute("SELECT styleQML FROM layer_styles").fetchall()
    assert 'value="supraglacial debris"' in style
    assert "clean ice" not in style


@pytest.mark.parametrize("vector_format", ["gpkg", "geojson", "shp"])
def test_a_file_that_the_disk_cut_off_is_not_taken_for_whole(
    outlines: gpd.GeoDataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vector_format: str
) -> None:
    """GDAL says nothing when its last bytes find no space."""
    write = pyogrio.write_dataframe

    def cut_off(frame: gpd.GeoDataFrame, path: Path, **options: object) -> None:
        write(frame, path, **options)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)

    final = write_outlines(outlines.iloc[:1], tmp_path / f"a.{vector_format}", vector_format)
    before = final.read_bytes()
    monkeypatch.setattr(pyogrio, "write_dataframe", cut_off)
    with pytest.raises(OutputError, match="could not be written"):
        write_outlines(outlines, final, vector_format)
    assert final.read_bytes() == before
