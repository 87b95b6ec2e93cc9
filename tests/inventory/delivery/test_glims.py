"""A submission to GLIMS: its files and line types; what is unknown is never internal rock; nothing is invented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import yaml
from tests.inventory.inventories import (
    CRS,
    DEBRIS,
    IDS,
    ON_ICE,
    ROCK,
    TOUCHING,
    UNKNOWN,
    WEST,
    glaciers,
    inventory,
    same_shape,
)

from firnline.errors import ConfigError, LabelError, OutputError
from firnline.inventory.delivery.deliver import deliver
from firnline.inventory.delivery.submission import Submission, read_submission
from firnline.inventory.inventory import write_inventory

EXAMPLE = Path(__file__).parents[3] / "examples" / "delivery" / "submission.yaml"


@pytest.fixture
def submission() -> Submission:
    return read_submission(EXAMPLE)


@pytest.fixture
def folder(tmp_path: Path, submission: Submission) -> Path:
    deliver(inventory(), tmp_path / "glims", "glims", submission=submission, region="15-03")
    return tmp_path / "glims"


def test_the_four_files_are_there_in_longitude_and_latitude(folder: Path) -> None:
    for name in ("session", "images", "glaciers", "segments"):
        table = pyogrio.read_dataframe(folder / f"{name}.shp")
        assert table.crs.to_epsg() == 4326
        assert len(table) > 0
        assert max(map(len, table.columns.drop("geometry"))) <= 10


def test_line_types_hold_what_they_say(folder: Path) -> None:
    drawn = pyogrio.read_dataframe(folder / "segments.shp").to_crs(CRS)
    assert (drawn["line_type"] == drawn["category"]).all()
    by_type = dict(list(drawn.groupby("line_type")))
    assert set(by_type) == {"glac_bound", "intrnl_rock", "debris_cov", "supra_lake", "pro_lake"}
    assert by_type["glac_bound"]["local_id"].tolist() == list(IDS)
    for kind, whose, truth in (
        ("intrnl_rock", IDS[0], ROCK),
        ("debris_cov", IDS[0], DEBRIS),
        ("supra_lake", IDS[1], ON_ICE),
        ("pro_lake", IDS[1], TOUCHING),
    ):
        (row,) = by_type[kind].itertuples()
        assert row.local_id == whose
        assert same_shape(row.geometry, truth), kind


def test_unknown_is_never_internal_rock_nor_ice(folder: Path) -> None:
    drawn = pyogrio.read_dataframe(folder / "segments.shp").to_crs(CRS)
    for row in drawn.itertuples():
        assert row.geometry.intersection(UNKNOWN).area < 1, row.line_type
    outline = drawn.geometry[drawn["line_type"] == "glac_bound"].iloc[0]
    assert outline.area == pytest.approx(WEST.area, rel=1e-6)
    (hole,) = pyogrio.read_dataframe(folder / "unknown.shp").to_crs(CRS).geometry
    assert same_shape(hole, UNKNOWN)


@pytest.mark.parametrize("kind", ["unknown", "cloud", None])
def test_only_what_is_called_rock_becomes_rock(tmp_path: Path, submission: Submission, kind: str | None) -> None:
    holes = inventory().holes.assign(kind=kind).astype({"kind": "string"})
    deliver(inventory(holes=holes), tmp_path / "a", "glims", submission=submission)
    drawn = pyogrio.read_dataframe(tmp_path / "a" / "segments.shp")
    assert "intrnl_rock" not in set(drawn["line_type"])


def test_ids_are_links_and_own_ids_are_local(folder: Path) -> None:
    table = pyogrio.read_dataframe(folder / "glaciers.shp")
    assert table["local_id"].tolist() == list(IDS)
    assert table["glac_id"].fillna("").tolist() == ["G086785E28028N", "", ""]
    assert table["orig_id"].tolist() == ["LE07_L1TP_140041_20001030"] * 3
    assert table["area"].to_numpy() == pytest.approx(glaciers()["area_km2"].to_numpy())
    assert table.loc[2, ["min_elev", "mean_elev", "length", "primeclass"]].isna().all()
    assert table["gtng_o2reg"].tolist() == [3, 3, 3]


@pytest.mark.real
def test_fields_that_glims_has_have_its_names(shared_data: Path, folder: Path) -> None:
    real = pyogrio.read_info(shared_data / "vectors-dems" / "baker_glims.geojson")["fields"].tolist()
    own = {"local_id", "category", "type", "orig_id"}
    for name in ("glaciers", "segments"):
        assert set(pyogrio.read_info(folder / f"{name}.shp")["fields"]) - own <= set(real)


def test_what_was_said_stands_in_the_files(folder: Path, submission: Submission) -> None:
    (session,) = pyogrio.read_dataframe(folder / "session.shp").itertuples()
    assert (session.submit_sur, session.anlst_affl) == ("Example", "Institute of Made-up Glaciology")
    assert session.proc_desc.startswith("Mapped by firnline")
    (image,) = pyogrio.read_dataframe(folder / "images.shp").itertuples()
    assert (image.orig_id, image.acq_time) == ("LE07_L1TP_140041_20001030", "2000-10-30T00:00:00")
    assert image.geometry.bounds == (86.5, 27.7, 87.1, 28.2)
    assert Submission.model_validate_json((folder / "submission.json").read_text()) == submission


def test_a_long_method_is_kept_whole(tmp_path: Path, submission: Submission) -> None:
    method = "Every step is told. " * 50
    deliver(inventory(), tmp_path / "a", "glims", submission=submission.model_copy(update={"method": method}))
    assert pyogrio.read_dataframe(tmp_path / "a" / "session.shp")["proc_desc"].tolist() == ["see method.txt"]
    assert method.strip() in (tmp_path / "a" / "method.txt").read_text()


def without(key: str) -> dict[str, Any]:
    said = yaml.safe_load(EXAMPLE.read_text())
    *outer, last = key.split(".")
    place = said
    for step in outer:
        place = place[int(step) if step.isdigit() else step]
    del place[last]
    return said


@pytest.mark.parametrize(
    "key",
    [
        *("submitter", "submitter.email", "analysts", "analysts.0.surname", "analysis_date", "method"),
        *("images", "images.0.acquired", "images.0.bounds", "uncertainty.local_m"),
    ],
)
def test_what_is_required_is_asked_for_in_one_line(
    tmp_path: Path, firnline: Callable[..., tuple[int, str, str]], key: str
) -> None:
    path = write_inventory(inventory(), tmp_path / "inventory.gpkg")
    said = tmp_path / "submission.yaml"
    said.write_text(yaml.safe_dump(without(key)))
    out = tmp_path / "out"
    code, _, err = firnline("inventory", "export", path, "--to", "glims", "-o", out, "--submission", said)
    assert (code, len(err.splitlines())) == (2, 1)
    assert f"{key}: Field required" in err
    assert not out.exists()


def test_every_date_has_its_image(tmp_path: Path, submission: Submission) -> None:
    other = glaciers(src_date=["1999-01-01"] * 3, src_date_from=[None] * 3, src_date_to=[None] * 3)
    with pytest.raises(ConfigError, match="names no image of 1999-01-01"):
        deliver(inventory(glaciers=other), tmp_path / "a", "glims", submission=submission)
    none = glaciers(src_date=[None] * 3, src_date_from=[None] * 3, src_date_to=[None] * 3)
    with pytest.raises(ConfigError, match="has no src_date"):
        deliver(inventory(glaciers=none), tmp_path / "a", "glims", submission=submission)
    wrong = glaciers(src_date_to=["some day"] * 3)
    with pytest.raises(LabelError, match="'some day' is no date"):
        deliver(inventory(glaciers=wrong), tmp_path / "a", "glims", submission=submission)
    assert list(tmp_path.iterdir()) == []


def test_a_text_too_long_for_a_shapefile_is_not_cut(tmp_path: Path, submission: Submission) -> None:
    long = glaciers(glac_name=["é" * 200, None, None])
    with pytest.raises(OutputError, match="'glac_name' has no room"):
        deliver(inventory(glaciers=long), tmp_path / "a", "glims", submission=submission)
    assert list(tmp_path.iterdir()) == []
