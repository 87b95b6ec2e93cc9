"""Each fault that is planted in a good inventory is found where it is; good ones are said to be good."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import geopandas as gpd
import pyogrio
import pytest
import shapely

from firnline.errors import GridError
from firnline.inventory.check.check import check_inventory
from firnline.inventory.check.finding import Severity
from firnline.inventory.check.subject import subject_of

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("seed", [11, pytest.param(12, marks=pytest.mark.slow)])
def test_a_planted_fault_is_found_at_its_glacier(faults: ModuleType, fault: str, seed: int, tmp_path: Path) -> None:
    case = faults.made_up(seed)
    case.folder = tmp_path
    found, checked = faults.found_in(case, fault)
    assert found, checked.findings


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_said_of_a_good_inventory(faults: ModuleType, seed: int) -> None:
    case = faults.made_up(seed)
    reference = subject_of(case.frame.copy())
    checked = check_inventory(subject_of(case.frame, layers=case.layers), reference=reference)
    assert checked.findings == ()


@pytest.mark.real
@pytest.mark.parametrize("name", ["RGI 7, Hintereisferner", "RGI 7, its complex"])
def test_nothing_is_said_of_rgi_7(faults: ModuleType, shared_data: Path, name: str) -> None:
    assert check_inventory(shared_data / faults.SAMPLES[name]).findings == ()


@pytest.mark.real
def test_what_is_said_of_the_other_samples_is_true(faults: ModuleType, shared_data: Path) -> None:
    """GEOS itself says which are invalid; overlaps are asked of shapely in another projection than the check's."""
    checked = check_inventory(shared_data / faults.SAMPLES["GLIMS, Mount Baker"])
    frame = gpd.read_file(shared_data / faults.SAMPLES["GLIMS, Mount Baker"])
    invalid = set(frame["glac_id"][~frame.is_valid])
    assert {g for f in checked.findings if f.kind == "self-touching ring" for g in f.glaciers} == invalid
    checked = check_inventory(shared_data / faults.SAMPLES["RGI 6, Everest"])
    frame = gpd.read_file(shared_data / faults.SAMPLES["RGI 6, Everest"]).set_index("RGIId").to_crs(32645)
    overlaps = [f for f in checked.findings if f.kind == "overlap"]
    assert len(overlaps) == 7
    for finding in overlaps:
        a, b = (frame.geometry[glacier] for glacier in finding.glaciers)
        assert a.intersection(b).area > 3000
    told = {g for f in checked.findings if f.severity != Severity.NOTE and f.kind != "overlap" for g in f.glaciers}
    assert len(told) <= 0.02 * 86 + 1  # the two sides of one gap


def test_the_point_of_a_finding_lies_at_the_fault() -> None:
    boxes = [shapely.box(500000, 0, 500500, 500), shapely.box(500450, 0, 500900, 500)]
    degrees = gpd.GeoDataFrame({"rgi_id": ["a", "b"]}, geometry=boxes, crs="EPSG:32645").to_crs(4326)
    finding = check_inventory(subject_of(degrees)).findings[0]
    assert finding.kind == "overlap"
    assert (
        boxes[0]
        .intersection(boxes[1])
        .contains(gpd.GeoSeries([shapely.Point(finding.x, finding.y)], crs=4326).to_crs(32645)[0])
    )


def test_a_reference_without_a_crs_is_one_line() -> None:
    boxes = [shapely.box(500000, 0, 500500, 500)]
    mine = subject_of(gpd.GeoDataFrame({"rgi_id": ["a"]}, geometry=boxes, crs="EPSG:32645"))
    theirs = subject_of(gpd.GeoDataFrame({"rgi_id": ["a"]}, geometry=boxes))
    with pytest.raises(GridError, match="tells no CRS"):
        check_inventory(mine, reference=theirs)


def test_the_command_ranks_writes_and_exits(firnline: Run, faults: ModuleType, tmp_path: Path) -> None:
    case = faults.made_up(3)
    good, bad, out = tmp_path / "good.gpkg", tmp_path / "bad.gpkg", tmp_path / "findings.gpkg"
    case.frame.to_file(good, layer="glaciers")
    code, printed, _ = firnline("inventory", "check", good)
    assert code == 0
    assert "0 errors, 0 warnings, 0 notes" in printed
    faults.duplicate(case)
    faults.multipart(case)
    case.frame.to_file(bad, layer="glaciers")
    code, printed, _ = firnline("inventory", "check", bad, "-o", out)
    assert code == 1
    assert printed.startswith("error    duplicate")
    layer = pyogrio.read_dataframe(out, layer="findings")
    assert layer.crs == case.frame.crs
    assert layer["rank"].is_monotonic_decreasing
    assert set(layer["kind"]) >= {"duplicate", "multipart"}
    code, printed, _ = firnline("inventory", "check", bad, "--format", "json")
    assert [json.loads(line)["kind"] for line in printed.splitlines()] == layer["kind"].tolist()


def test_bad_input_is_one_line_and_exit_code_2(firnline: Run, tmp_path: Path) -> None:
    (tmp_path / "text.gpkg").write_text("no vector file")
    for path in (tmp_path / "none.shp", tmp_path / "text.gpkg"):
        code, _, said = firnline("inventory", "check", path)
        assert code == 2
        assert len(said.splitlines()) == 1
        assert path.name in said
