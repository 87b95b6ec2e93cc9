"""Reading outlines: conventions are understood as they are, and what cannot be used is told by feature."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Point, Polygon, box

from firnline.errors import ConfigError, LabelError
from firnline.grid import Grid
from firnline.labels import (
    DebrisOnly,
    Glaciers,
    GlaciersWithDebris,
    Parts,
    Role,
    parse_firm_dates,
    read_border,
    read_outlines,
    truth_of,
)

GRID = Grid(CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, 300), (10, 10))
LEFT, RIGHT = box(0, 0, 150, 300), box(150, 0, 300, 300)
BOW_TIE = Polygon([(0, 0), (90, 90), (90, 0), (0, 90)])
TOUCHES_ITSELF = Polygon([(0, 0), (90, 0), (90, 90), (45, 90), (60, 30), (30, 30), (45, 90), (0, 90)])


def write(path: Path, geometry: list[object], crs: object = 32645, **columns: list[object]) -> Path:
    gpd.GeoDataFrame(columns, geometry=geometry, crs=crs).to_file(path)
    return path


def roles(path: Path, **options: object) -> list[Role]:
    return read_outlines(path, **options).frame["role"].tolist()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("Glaciers", ["Clean Ice", "Debris covered"], [Role.CLEAN, Role.DEBRIS]),
        ("Glaciers", [" clean  ICE", "debris-Covered"], [Role.CLEAN, Role.DEBRIS]),
        ("class", ["clean ice", "debris-covered ice"], [Role.CLEAN, Role.DEBRIS]),
        ("class", ["glacier", "glacier"], [Role.GLACIER, Role.GLACIER]),
        ("class", [1, 2], [Role.CLEAN, Role.DEBRIS]),
        ("class", [1.0, 2.0], [Role.CLEAN, Role.DEBRIS]),
        ("line_type", ["glac_bound", "debris_cov"], [Role.GLACIER, Role.DEBRIS]),
        ("RGIId", ["RGI60-15.03410", "RGI60-15.03411"], [Role.GLACIER, Role.GLACIER]),
    ],
)
def test_conventions_are_understood(tmp_path: Path, column: str, values: list[object], expected: list[Role]) -> None:
    assert roles(write(tmp_path / "o.gpkg", [LEFT, RIGHT], **{column: values})) == expected


@pytest.mark.parametrize("name", ["o.gpkg", "o.shp", "o.geojson", "o.fgb"])
def test_any_vector_format_and_crs_is_read(tmp_path: Path, name: str) -> None:
    away = gpd.GeoDataFrame({"class": ["clean ice"]}, geometry=[LEFT], crs=32645).to_crs(4326)
    away.to_file(tmp_path / name)
    outlines = read_outlines(tmp_path / name, grid=GRID)
    assert outlines.frame.crs == CRS.from_epsg(32645)
    assert outlines.frame.geometry.iloc[0].symmetric_difference(LEFT).area < 1.0


def test_geoparquet_is_read(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"class": ["debris"]}, geometry=[LEFT], crs=32645).to_parquet(tmp_path / "o.parquet")
    assert roles(tmp_path / "o.parquet") == [Role.DEBRIS]


def test_the_caller_can_say_what_a_column_means(tmp_path: Path) -> None:
    path = write(tmp_path / "o.gpkg", [LEFT, RIGHT], typ=["Eis", "Schutt"])
    assert roles(path, class_column="typ", classes={"eis": Role.CLEAN, "Schutt": Role.DEBRIS}) == [
        Role.CLEAN,
        Role.DEBRIS,
    ]
    with pytest.raises(LabelError, match=r"column 'typ' has the values Eis, Schutt, whose class is not known"):
        read_outlines(path, class_column="typ")
    with pytest.raises(LabelError, match=r"o.gpkg: has no column 'type'; it has typ"):
        read_outlines(path, class_column="type")


def test_a_role_is_for_files_without_a_class_and_never_against_one(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.gpkg", [LEFT])
    assert roles(plain, role=Role.DEBRIS) == [Role.DEBRIS]
    foreign = write(tmp_path / "foreign.gpkg", [LEFT], **{"class": ["D"]})
    assert roles(foreign, role=Role.DEBRIS) == [Role.DEBRIS]
    mixed = write(tmp_path / "mixed.gpkg", [LEFT, RIGHT], Glaciers=["Clean Ice", "Debris covered"])
    with pytest.raises(LabelError, match="is given as clean ice, but its column 'Glaciers' says debris as well"):
        read_outlines(mixed, role=Role.CLEAN)


def test_glims_rock_is_cut_out_and_lines_are_skipped(tmp_path: Path) -> None:
    nunatak = box(30, 30, 90, 90)
    kinds = ["glac_bound", "intrnl_rock", "supra_lake"]
    outlines = read_outlines(write(tmp_path / "g.gpkg", [LEFT, nunatak, box(0, 0, 9, 9)], line_type=kinds))
    assert outlines.frame.geometry.tolist() == [LEFT.difference(nunatak)]
    assert outlines.skipped == 1


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("class", ["clean ice", "debris"], Parts),
        ("class", ["clean ice", "clean ice"], Parts),
        ("class", ["debris", "supraglacial debris"], DebrisOnly),
        ("line_type", ["glac_bound", "debris_cov"], GlaciersWithDebris),
        ("line_type", ["glac_bound", "glac_bound"], Glaciers),
    ],
)
def test_what_a_file_says_follows_from_all_of_it(
    tmp_path: Path, column: str, values: list[object], kind: type
) -> None:
    # The second polygon lies off the scene: the file says the same all the same.
    path = write(tmp_path / "o.gpkg", [LEFT, box(9000, 0, 9300, 300)], **{column: values})
    assert isinstance(truth_of(read_outlines(path, grid=GRID)), kind)


def test_whole_glaciers_and_clean_parts_do_not_mix(tmp_path: Path) -> None:
    outlines = read_outlines(write(tmp_path / "o.gpkg", [LEFT, RIGHT], **{"class": ["glacier", "clean ice"]}))
    with pytest.raises(LabelError, match="outlines both whole glaciers and clean ice"):
        truth_of(outlines)


def test_debris_beside_a_file_that_holds_debris_is_refused(tmp_path: Path) -> None:
    glims = read_outlines(write(tmp_path / "g.gpkg", [LEFT, RIGHT], line_type=["glac_bound", "debris_cov"]))
    debris = read_outlines(write(tmp_path / "d.gpkg", [LEFT]), role=Role.DEBRIS)
    with pytest.raises(LabelError, match="outlines debris itself"):
        truth_of(glims, debris)


def test_a_geometry_is_repaired_where_that_keeps_its_area(tmp_path: Path) -> None:
    assert not TOUCHES_ITSELF.is_valid
    outlines = read_outlines(write(tmp_path / "o.gpkg", [LEFT, TOUCHES_ITSELF]), grid=GRID)
    assert len(outlines.repaired) == 1
    assert outlines.frame.geometry.is_valid.all()
    assert outlines.frame.geometry.iloc[1].area == pytest.approx(TOUCHES_ITSELF.area)


def test_a_geometry_that_cannot_be_repaired_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "o.gpkg", [LEFT, BOW_TIE])
    with pytest.raises(LabelError, match=r"o.gpkg: has invalid geometry .* feature 2 \(Self-intersection at 45 45\)"):
        read_outlines(path, grid=GRID)


def test_a_broken_geometry_elsewhere_does_not_matter(tmp_path: Path) -> None:
    far = shapely.affinity.translate(BOW_TIE, 9000, 0)
    outlines = read_outlines(write(tmp_path / "o.gpkg", [LEFT, far]), grid=GRID)
    assert (len(outlines.frame), outlines.elsewhere) == (1, 1)


@pytest.mark.parametrize("nothing", [None, Polygon()], ids=["missing", "empty"])
def test_features_without_a_geometry_are_named(tmp_path: Path, nothing: object) -> None:
    path = write(tmp_path / "o.gpkg", [LEFT, nothing, RIGHT, nothing])
    with pytest.raises(LabelError, match=r"o.gpkg: has features without a geometry: features 2, 4"):
        read_outlines(path)


def test_points_are_no_outlines(tmp_path: Path) -> None:
    path = write(tmp_path / "o.gpkg", [LEFT, Point(0, 0)])
    with pytest.raises(LabelError, match="not polygons but Point: feature 2"):
        read_outlines(path)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_file_without_crs_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "o.shp", [LEFT], crs=None)
    with pytest.raises(LabelError, match=r"o.shp: has no CRS; assign one"):
        read_outlines(path)


def test_what_is_no_vector_file_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "o.gpkg"
    text.write_text("no vector")
    with pytest.raises(LabelError, match=r"o.gpkg: cannot be read as a vector file"):
        read_outlines(text)
    with pytest.raises(LabelError, match=r"absent.shp: does not exist"):
        read_outlines(tmp_path / "absent.shp")
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(LabelError, match=r"t.csv: has no geometry"):
        read_outlines(table)
    empty = tmp_path / "e.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(LabelError, match=r"e.geojson: (holds no outlines|has no geometry)"):
        read_outlines(empty)


def test_layers_are_chosen_by_name_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "o.gpkg"
    for layer, geometry in {"a": LEFT, "b": RIGHT}.items():
        gpd.GeoDataFrame(geometry=[geometry], crs=32645).to_file(path, layer=layer)
    assert read_outlines(f"{path}:b").frame.geometry.tolist() == [RIGHT]
    assert read_outlines(path, layer="a").frame.geometry.tolist() == [LEFT]
    with pytest.raises(LabelError, match=r"has several layers: a b; name one: o.gpkg:a"):
        read_outlines(path)
    with pytest.raises(LabelError, match="cannot be read"):
        read_outlines(f"{path}:c")
    gpd.GeoDataFrame(geometry=[LEFT], crs=32645).to_file(path, layer="outlines")
    assert len(read_outlines(path).frame) == 1


def test_a_border_is_all_polygons_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "b.gpkg", [LEFT, RIGHT], **{"class": ["inner", "clean ice"]})
    assert len(read_border(path, grid=GRID).frame) == 2


@pytest.mark.parametrize(
    ("column", "values"), [("BgnDate", ["20001030", "20109999"]), ("src_date", ["2000-10-30", None])]
)
def test_dates_of_rgi_and_glims_are_read(tmp_path: Path, column: str, values: list[object]) -> None:
    outlines = read_outlines(write(tmp_path / "o.gpkg", [LEFT, RIGHT], **{column: values}))
    assert outlines.date_column == column
    assert outlines.frame["date"].tolist() == [dt.date(2000, 10, 30), None]


def test_a_date_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="has no column 'drawn'"):
        read_outlines(write(tmp_path / "o.gpkg", [LEFT]), date_column="drawn")


@pytest.mark.parametrize("text", ["", "2000", "2000-10-30/2000-10-01", "2000-10-01/"])
def test_an_interval_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not an interval; write it as"):
        parse_firm_dates(text)
