"""Good scenes pass, corrupted ones are refused: made-up ones, and the real data."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from firnline.bands import Level
from firnline.features import FeatureSource
from firnline.grid import Grid, Window
from firnline.preflight.check import check_scene
from firnline.preflight.order import check_order
from firnline.preflight.sample import Sample
from firnline.scene import Scene, SceneBand, open_scene

NOT_TOLD = (
    "swir16 and swir22 swapped",
    "blue and green swapped",
    "heights mirrored",
    "heights 10 pixels off",
    "heights in feet, low mountains, no slope stored",
    "blue and red swapped",  # not in scenes as small as these
    "offset not taken off",  # a caution where no snow proves it
    "offset not taken off, nothing but pixels",
)
"""Kinds of which the check finds some or none: docs/checks.md says how many."""


def test_a_made_up_scene_passes(made: Path) -> None:
    found = check_scene(FeatureSource(open_scene(made)))
    assert found.refusals == ()
    assert found.marks == ()
    assert found.sampled_share == 1


def test_corrupted_made_up_scenes_are_refused(made: Path, corrupting: ModuleType, tmp_path: Path) -> None:
    copy = corrupting.take_apart(open_scene(made), made.parent.name)
    assert check_scene(copy.write(tmp_path)).refusals == (), "the copy itself is good"
    tried = 0
    for kind, corrupt in corrupting.CORRUPTIONS.items():
        bad = corrupt(copy)
        if bad is None or kind in NOT_TOLD:
            continue
        tried += 1
        assert check_scene(bad.write(tmp_path)).is_refused, kind
    assert tried >= 10


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "name", "sidecar"),
    [
        ("landsat8-zanskar", "02_07_image.tif", None),
        ("landsat8-zanskar", "07_13_image.tif", None),
        ("sentinel2-himalaya", "113_image.tif", "sentinel2-himalaya.yaml"),
        ("landsat7-everest", "LE07_140041_20001030_image.tif", "everest.yaml"),
        ("lila-hkh-sample/raster_data", "LE07_134040_20070922_clip.tif", None),
    ],
)
def test_corrupted_real_scenes_are_refused(
    shared_data: Path, corrupting: ModuleType, tmp_path: Path, folder: str, name: str, sidecar: str | None
) -> None:
    notes = None if sidecar is None else corrupting.ROOT / "examples" / "sidecars" / sidecar
    path = shared_data / folder / name
    dem = path.with_name("aw3d_dem_50m.tif")
    copy = corrupting.take_apart(open_scene(path, sidecar=notes), path.parent.name, dem if dem.exists() else None)
    assert check_scene(copy.write(tmp_path)).refusals == ()
    kinds = {
        "green and swir16 swapped",
        "red and nir08 swapped",
        "swir16 and lwir11 swapped",
        "digital numbers called surface reflectance",
        "offset taken off twice, nothing but pixels",
        "Sentinel-2 05.09, offset not taken off",
        "thermal in Celsius, plain numbers",
        "thermal digital numbers called kelvin",
        "heights in feet",
        "ndsi with its sign flipped",
        "stripes filled with 0",
    }
    bad = {kind: corrupting.CORRUPTIONS[kind](copy) for kind in sorted(kinds)}
    refused = {kind: check_scene(each.write(tmp_path)).is_refused for kind, each in bad.items() if each is not None}
    assert len(refused) >= 3
    assert all(refused.values()), [kind for kind, is_refused in refused.items() if not is_refused]


@pytest.mark.real
def test_no_good_scene_is_refused(shared_data: Path) -> None:
    """As they are, and with the sidecars that the examples use."""
    sidecars = Path(__file__).parents[2] / "examples" / "sidecars"
    told: list[tuple[Path, Path | None]] = [
        (path, sidecars / "sentinel2-himalaya.yaml" if path.parent.name.startswith("sentinel2") else None)
        for path in sorted(shared_data.glob("*/*_image.tif"))
    ]
    told += [(shared_data / "sentinel2-himalaya" / "113_image.tif", None)]
    told += [(path, None) for path in sorted(shared_data.glob("lila-hkh-sample/raster_data/*.tif"))]
    assert len(told) == 33
    for path, sidecar in told:
        found = check_scene(FeatureSource(open_scene(path, sidecar=sidecar)))
        assert found.refusals == (), path


@pytest.mark.real
def test_ground_without_shadow_and_snow_is_not_refused(
    shared_data: Path, corrupting: ModuleType, tmp_path: Path
) -> None:
    """A corner of a good tile without a dark pixel: as bright as where an offset was not taken off."""
    sidecar = corrupting.ROOT / "examples" / "sidecars" / "sentinel2-himalaya.yaml"
    tile = corrupting.take_apart(
        open_scene(shared_data / "sentinel2-himalaya/163_image.tif", sidecar=sidecar), "tile"
    )
    corner = replace(tile, stored=tile.stored[:, :256, :256], grid=tile.grid.of_window(Window(0, 0, 256, 256)))
    found = check_scene(corner.write(tmp_path))
    assert found.refusals == ()
    assert [each.severity for each in found.findings if "darkest" in each.what] == ["caution"]


@pytest.mark.real
def test_winter_tiles_are_marked_and_snow_poor_ones_are_not(shared_data: Path) -> None:
    def marks(name: str, sidecar: Path | None = None) -> tuple[str, ...]:
        return check_scene(FeatureSource(open_scene(shared_data / name, sidecar=sidecar))).marks

    sidecar = Path(__file__).parents[2] / "examples" / "sidecars" / "sentinel2-himalaya.yaml"
    for tile in ("02_07", "05_10", "08_13"):
        assert marks(f"landsat8-zanskar/{tile}_image.tif") == ("not inventory-grade: seasonal snow",)
    for tile in ("100", "125", "3"):
        assert marks(f"sentinel2-himalaya/{tile}_image.tif", sidecar) == ()


# The order of bands, against spectra of another continent that no threshold was chosen on

LANDSAT = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
SENTINEL = ("B2", "B3", "B4", "B8", "B11", "B12")
NAMES = ("blue", "green", "red", "nir08", "swir16", "swir22")
BLIND = ({"swir16", "swir22"}, {"blue", "nir08"}, {"nir08", "swir22"})


@pytest.mark.real
@pytest.mark.parametrize(
    ("table", "columns", "offset"), [("Landsat", LANDSAT, -0.2), ("Sentinel-2_SR", SENTINEL, 0.0)]
)
def test_spectra_of_alaska(shared_data: Path, table: str, columns: tuple[str, ...], offset: float) -> None:
    with (shared_data / "spectra" / f"{table}_training_data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    bands = {
        name: np.array([float(row[column] or "nan") + offset for row in rows], np.float32)
        for name, column in zip(NAMES, columns, strict=True)
    }
    scene = _scene_of(NAMES)
    assert not _refused(scene, bands)
    for a, b in itertools.combinations(NAMES, 2):
        if {a, b} not in BLIND:
            assert _refused(scene, {**bands, a: bands[b], b: bands[a]}), (a, b)


def _scene_of(names: tuple[str, ...]) -> Scene:
    from affine import Affine
    from rasterio.crs import CRS

    grid = Grid(CRS.from_epsg(32605), Affine(30, 0, 0, 0, -30, 0), (1, 1))
    bands = tuple(SceneBand(name, i, 1.0, 0.0, None, Level.SURFACE_REFLECTANCE) for i, name in enumerate(names, 1))
    return Scene(Path("spectra.tif"), grid, bands, None, None)


def _refused(scene: Scene, bands: dict[str, np.ndarray]) -> bool:
    return any(finding.severity == "refuse" for finding in check_order(scene, Sample(bands, None, None, None)))
