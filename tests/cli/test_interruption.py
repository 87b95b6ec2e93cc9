"""Work that is cut off, by a kill, by Ctrl-C or by a full disk: nothing half-written, nothing lost."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import geopandas as gpd
import geopandas.testing
import numpy as np
import pytest
import rasterio

RESULTS = ["classes.tif", "glaciers.gpkg", "probabilities.tif", "provenance.json", "report.html"]
MANY_BANDS = ("--runtime", "torch", "--window", "32", "--overlap", "16")
"""Row bands of 16 rows: 29 of them in a scene of 480 rows."""


def _results(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".work") if folder.is_dir() else []


def _journal(out: Path) -> list[str]:
    path = out / ".work" / "journal.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def _wait_for_bands(run, out: Path, bands: int) -> None:
    while len(_journal(out)) < 1 + bands:
        assert Path(f"/proc/{run.pid}").exists()
        time.sleep(0.002)


@pytest.fixture
def tall(make_scene) -> Path:
    return make_scene("tall.tif", shape=(480, 256))


def _require_same(a: Path, b: Path) -> None:
    assert _results(a) == _results(b) == RESULTS
    for name in ("classes.tif", "probabilities.tif"):
        with rasterio.open(a / name) as one, rasterio.open(b / name) as other:
            assert np.array_equal(one.read(), other.read())
            assert len(np.unique(one.read(1))) > 1
    outlines = [gpd.read_file(folder / "glaciers.gpkg", layer="outlines") for folder in (a, b)]
    assert len(outlines[0]) > 0
    geopandas.testing.assert_geodataframe_equal(*outlines)


def test_a_killed_map_goes_on_and_comes_to_the_same(tall: Path, bundle: Path, start, tmp_path: Path) -> None:
    out, whole = tmp_path / "killed", tmp_path / "whole"
    command = ("map", tall, "-m", bundle, *MANY_BANDS)
    run = start(*command, "-o", out)
    _wait_for_bands(run, out, 3)
    run.send(signal.SIGKILL)
    assert run.ended().code == -signal.SIGKILL
    assert _results(out) == []
    done = _journal(out)
    assert 3 <= len(done) - 1 < 29
    kept = {path: path.stat().st_mtime_ns for path in (out / ".work").glob("band_*.npy")}

    # One band is damaged meanwhile: it counts as not done. The last line of the journal is cut off.
    with (out / ".work" / "band_00001.npy").open("r+b") as file:
        file.truncate(200)
    with (out / ".work" / "journal.jsonl").open("ab") as file:
        file.write(b'{"band": 30, "cr')
    run = start(*command, "-o", out)
    _wait_for_bands(run, out, len(done) + 1)
    run.send(signal.SIGKILL)
    run.ended()
    noted = [json.loads(line)["band"] for line in _journal(out)[1:] if line.endswith("}")]
    again = {path for path, when in kept.items() if path.stat().st_mtime_ns != when}
    assert again <= {out / ".work" / "band_00001.npy", out / ".work" / f"band_{len(done) - 1:05d}.npy"}
    assert out / ".work" / "band_00001.npy" in again
    assert noted.count(1) == 2

    assert start(*command, "-o", out).ended().code == 0
    assert start(*command, "-o", whole).ended().code == 0
    _require_same(out, whole)
    assert not (out / ".work").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_says_one_line_and_the_work_goes_on(
    tall: Path, bundle: Path, start, tmp_path: Path, sent: signal.Signals
) -> None:
    out = tmp_path / "out"
    command = ("map", tall, "-m", bundle, "-o", out, *MANY_BANDS)
    run = start(*command)
    _wait_for_bands(run, out, 2)
    run.send(sent)
    ended = run.ended()
    assert (ended.code, ended.err) == (130, "firnline: stopped\n")
    assert _results(out) == []
    assert start(*command).ended().code == 0
    assert _results(out) == RESULTS


def test_what_a_kill_left_while_writing_results_never_gets_among_them(
    tall: Path, bundle: Path, firnline, start, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("map", tall, "-m", bundle, "-o", out, *MANY_BANDS)
    run = start(*command)
    _wait_for_bands(run, out, 2)
    run.send(signal.SIGKILL)
    run.ended()
    results = out / ".work" / "results"
    results.mkdir()
    (results / ".classes.1a2b3c4d.part.tif").write_text("half")
    (results / "glaciers.geojson").write_text("of a run with another --format")
    assert firnline(*command)[0] == 0
    assert _results(out) == RESULTS


def test_unfinished_work_with_other_settings_is_kept_until_told_to_restart(
    tall: Path, bundle: Path, firnline, mistake, start, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("map", tall, "-m", bundle, "-o", out, "--runtime", "torch", "--window", "32")
    run = start(*command, "--overlap", "16")
    _wait_for_bands(run, out, 2)
    run.send(signal.SIGKILL)
    run.ended()
    before = sorted((out / ".work").iterdir())
    assert "holds unfinished work that was begun with another scene, model or setting; finish" in mistake(
        *command, "--overlap", "8"
    )
    assert sorted((out / ".work").iterdir()) == before
    assert firnline(*command, "--overlap", "8", "--restart")[0] == 0
    assert _results(out) == RESULTS
    assert json.loads((out / "provenance.json").read_text())["settings"]["overlap"] == 8


def test_a_beginning_without_a_finished_band_is_in_nobodys_way(
    make_scene, bundle: Path, firnline, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / ".work").mkdir(parents=True)
    (out / ".work" / "journal.jsonl").write_text('{"identity": "of another sce')
    assert firnline("map", make_scene(), "-m", bundle, "-o", out, "--runtime", "torch")[0] == 0


@pytest.mark.parametrize("limit", [100, 3_000, 12_000, 60_000, 120_000, 100_000_000])
def test_a_full_disk_is_one_line_and_leaves_no_result(
    make_scene, bundle: Path, start, tmp_path: Path, limit: int
) -> None:
    # A limit on the size of files stands in for the full disk: it fails in the journal, in a row band, in a COG,
    # in the GeoPackage, in the report.
    out = tmp_path / "out"
    command = ("map", make_scene(shape=(128, 64)), "-m", bundle, "-o", out, "--runtime", "torch", "--window", "32")
    ended = start(*command, file_limit=limit).ended()
    if ended.code == 0:
        assert limit == 100_000_000
        assert _results(out) == RESULTS
        return
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "could not be written" in ended.err
    assert "free space" in ended.err
    assert _results(out) == []
    assert start(*command).ended().code == 0
    assert _results(out) == RESULTS
