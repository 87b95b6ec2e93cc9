from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from firnline.errors import LabelError, OutputError
from firnline.files import replaced


def _write_half(final: Path, error: BaseException) -> None:
    with replaced(final) as temporary:
        temporary.write_text("half")
        temporary.with_name(temporary.name + "-journal").write_text("of a driver")
        raise error


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    final = tmp_path / "map.gpkg"
    final.write_text("old")
    with pytest.raises(ZeroDivisionError):
        _write_half(final, ZeroDivisionError())
    assert final.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["map.gpkg"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _write_half(tmp_path / "map.tif", KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_file_has_the_suffix_by_which_formats_are_known(tmp_path: Path) -> None:
    with replaced(tmp_path / "map.tif") as temporary:
        assert temporary.suffix == ".tif"
        assert temporary.parent == tmp_path
        temporary.write_text("whole")


def test_a_failure_of_writing_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"map\.tif: could not be written: No space left on device; free space"):
        _write_half(tmp_path / "map.tif", OSError(28, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


def test_a_users_mistake_inside_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"^wrong$"):
        _write_half(tmp_path / "map.tif", LabelError("wrong"))


def test_a_folder_in_the_way_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder; name a file"), replaced(tmp_path):
        pytest.fail("the block must not run")


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="could not be written"), replaced(tmp_path / "out" / "map.tif"):
        pytest.fail("the block must not run")


_WRITE = """
import resource, signal, sys
import numpy as np
from affine import Affine
from pathlib import Path
from rasterio.crs import CRS
from firnline.classes import LabelScheme
from firnline.classraster import write_classes
from firnline.errors import OutputError
from firnline.grid import Grid

path, limit, side = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
classes = np.random.default_rng(0).integers(0, 3, (side, side), np.uint8)
grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), classes.shape)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    write_classes(path, classes, grid, LabelScheme.CLASS)
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "side"), [(100_000, 2000), (2_000, 200)], ids=["while writing", "while closing"])
def test_a_disk_that_fills_up_is_told_and_leaves_nothing(tmp_path: Path, limit: int, side: int) -> None:
    # A limit on the size of files stands in for the full disk: GDAL hears of both in the same way.
    final = tmp_path / "classes.tif"
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, final, str(limit), str(side)], capture_output=True, text=True, check=True
    )
    assert "classes.tif: could not be written" in done.stdout
    assert "free space" in done.stdout
    assert list(tmp_path.iterdir()) == []
