"""The promise: an audit finds what two sides share, however it is hidden, and nothing where they share nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Geod, Transformer
from tests.chips.tables import grid, row, table

from firnline.chips.splitting.audit import Audit, Between, audit
from firnline.chips.table import ChipTable, write_table

Run = Callable[..., tuple[int, str, str]]


def of(train: list[dict[str, Any]], validation: list[dict[str, Any]]) -> ChipTable:
    sides = [{**r, "split": side} for side, rows in (("train", train), ("validation", validation)) for r in rows]
    for number, each in enumerate(sides):
        each["id"] = f"{number}_{each['id']}"
    return table(sides)


def between(audited: Audit) -> Between:
    assert len(audited.between) == 1
    return audited.between[0]


def kinds(audited: Audit) -> set[str]:
    return {f"{finding.severity}: {finding.kind}" for finding in audited.findings}


NAMED = {"glaciers": ["A"]}
OTHER = {"glaciers": ["B"]}


def test_a_clean_split_has_no_finding() -> None:
    far = (300_000.0, 3_200_000.0)
    found = audit(of([row(**NAMED)], [row("b.tif", corner=far, **OTHER)]))
    assert found.findings == ()
    assert between(found).distance_m == 100_000 - 512 * 30


def test_chips_that_overlap_by_six_pixels_leak() -> None:
    found = audit(of([row(**NAMED)], [row(at=(0, 506), **OTHER)]))
    assert kinds(found) == {"leak: pixels", "warning: scenes"}
    assert between(found).shared_km2 == pytest.approx(6 * 512 * 0.0009)
    assert found.leaks == (
        "train and validation share pixels: 1 pair of chips (1 of train, 1 of validation), 2.765 km2",
    )


def test_one_shared_pixel_leaks_and_an_edge_does_not() -> None:
    assert between(audit(of([row()], [row(at=(511, 511))]))).shared_km2 == pytest.approx(0.0009)
    found = audit(of([row(**NAMED)], [row(at=(0, 512), **OTHER)]))
    assert kinds(found) == {"warning: touch", "warning: scenes"}
    assert between(found).touching_pairs == 1


def test_origins_that_differ_in_the_last_digits_touch_and_do_not_overlap() -> None:
    other = row("b.tif", corner=(300_000.0 + 512 * 30 - 1e-4, 3_300_000.0), **OTHER)
    assert kinds(audit(of([row(**NAMED)], [other]))) == {"warning: touch"}


def test_a_glacier_in_scenes_far_apart_leaks() -> None:
    far = row("b.tif", corner=(400_000.0, 3_300_000.0), glaciers=["X", "A"])
    found = audit(of([row(**NAMED)], [far]))
    assert kinds(found) == {"leak: glaciers"}
    assert found.leaks == ("train and validation share 1 glacier: A",)


def test_a_chip_copied_under_another_scene_file_leaks() -> None:
    found = audit(of([row("a.tif", source_id="LE07_X", **NAMED)], [row("copy.tif", source_id="LE07_X", **OTHER)]))
    assert kinds(found) == {"leak: pixels", "warning: products"}
    assert between(found).products == ("LE07_X",)
    assert between(found).shared_km2 == pytest.approx(512 * 512 * 0.0009)


def in_next_zone(chip: dict[str, Any], scene: str, east: float = 0.0) -> dict[str, Any]:
    """A chip in UTM zone 46 whose corner is `east` metres beside that of a chip in zone 45."""
    to_next = Transformer.from_crs(chip["crs"], "EPSG:32646", always_xy=True)
    corner = to_next.transform(chip["left"] + east, chip["top"])
    return row(scene, corner=corner, crs="EPSG:32646")


def test_the_same_ground_in_another_utm_zone_leaks() -> None:
    chip = row(corner=(780_000.0, 3_300_000.0), **NAMED)
    found = audit(of([chip], [{**in_next_zone(chip, "b.tif"), **OTHER}]))
    assert kinds(found) == {"leak: pixels"}
    # The other zone's north is turned by some 3 degrees: most of the chip is shared.
    assert 0.85 < between(found).shared_km2 / (512 * 512 * 0.0009) < 0.99


def test_distance_over_a_zone_border_is_the_one_on_the_ground() -> None:
    chip = row(corner=(780_000.0, 3_300_000.0), **NAMED)
    other = {**in_next_zone(chip, "b.tif", east=60_000.0), **OTHER}
    found = between(audit(of([chip], [other])))
    points = []
    for each in (chip, other):
        steps = np.linspace(0, 1, 400)
        right, left = each["right"], each["left"]
        x = right if each is chip else left
        to_degrees = Transformer.from_crs(each["crs"], 4326, always_xy=True)
        points.append(to_degrees.transform(np.full(400, x), each["bottom"] + steps * (each["top"] - each["bottom"])))
    (lon_a, lat_a), (lon_b, lat_b) = points
    pairs = [np.repeat(lon_a, 400), np.repeat(lat_a, 400), np.tile(lon_b, 400), np.tile(lat_b, 400)]
    truth = Geod(ellps="WGS84").inv(*pairs)[2].min()
    assert found.distance_m == pytest.approx(truth, rel=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_every_pair_compared_by_shapely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 40))
    rows = []
    for number in range(count):
        at = tuple(int(v) for v in rng.integers(0, 12, 2) * 64)
        ids = [f"G{g}" for g in rng.integers(0, 30, rng.integers(0, 3))]
        scene = f"{'ab'[rng.integers(2)]}.tif"
        rows.append(row(scene, at, size=int(rng.choice([64, 70, 128])), glaciers=ids, id=str(number)))
        rows[-1]["split"] = [None, "train", "validation", "test"][rng.integers(4)]
    found = audit(table(rows))
    boxes = [shapely.box(r["left"], r["bottom"], r["right"], r["top"]) for r in rows]
    for pair in found.between:
        a = [n for n in range(count) if rows[n]["split"] == pair.a]
        b = [n for n in range(count) if rows[n]["split"] == pair.b]
        areas = {(i, j): shapely.area(shapely.intersection(boxes[i], boxes[j])) for i, j in product(a, b)}
        apart = {key: shapely.distance(boxes[key[0]], boxes[key[1]]) for key in areas}
        shared = {key for key, area in areas.items() if area > 0}
        assert pair.pairs == len(shared)
        assert (pair.chips_a, pair.chips_b) == (len({i for i, _ in shared}), len({j for _, j in shared}))
        assert pair.shared_km2 == pytest.approx(sum(areas.values()) / 1e6)
        assert pair.touching_pairs == sum(apart[key] == 0 and key not in shared for key in apart)
        assert pair.distance_m == pytest.approx(min(apart.values()))
        ids = [{g for n in side for g in rows[n]["glaciers"]} for side in (a, b)]
        assert set(pair.glaciers) == ids[0] & ids[1]
        assert set(pair.scenes) == {rows[n]["scene"] for n in a} & {rows[n]["scene"] for n in b}


def test_what_each_side_holds() -> None:
    rows = [
        row(valid=0.5, glacier=0.4, clean=0.3, debris=0.1, glaciers=["A", "B"], split="train"),
        row(at=(0, 512), valid=1.0, glacier=None, clean=None, debris=0.2, scheme="debris", split="train"),
        row("b.tif", at=(9000, 0), glacier=0.1, clean=None, debris=None, scheme="glacier", split="test"),
        row("b.tif", at=(9000, 512), valid=0.0),
    ]
    found = audit(table(rows))
    train, test = found.sides
    chip = 512 * 512 * 0.0009
    assert (train.chips, train.scenes, train.glaciers, found.unused) == (2, 1, 2, 1)
    assert train.valid_pixels == 1.5 * 512 * 512
    assert train.glacier_km2 == pytest.approx(0.2 * chip)
    assert train.debris_km2 == pytest.approx(0.25 * chip)
    assert test.clean_km2 is None
    assert test.glacier_km2 == pytest.approx(0.1 * chip)
    assert "test holds no debris-covered ice" in found.warnings


def test_ice_without_names_is_told() -> None:
    near = audit(of([row()], [row("b.tif", at=(600, 0))]))
    assert kinds(near) == {"warning: unnamed"}
    far = audit(of([row()], [row("b.tif", corner=(300_000.0, 3_100_000.0))]))
    assert far.findings == ()


def test_ice_named_within_its_scene_alone_is_told_where_scenes_differ() -> None:
    """One glacier over the edge of two tiles is a#1 in the one and b#1 in the other."""
    first = row(glaciers=["a#1"])
    assert kinds(audit(of([first], [row("b.tif", at=(600, 0), glaciers=["b#1"])]))) == {"warning: unnamed"}
    assert kinds(audit(of([first], [row(at=(600, 0), glaciers=["a#2"])]))) == {"warning: scenes"}
    assert kinds(audit(of([first], [row("b.tif", at=(600, 0), **OTHER)]))) == set(), "an id is no name of a scene"


def test_areas_are_of_pixels_where_a_chip_reaches_beyond_its_scene() -> None:
    """Half of the window is beyond the scene; what is known is half of what is in it, all of it ice."""
    beyond = row(valid=0.25, glacier=1.0, clean=0.75, debris=0.25, **NAMED)
    beyond["bottom"] += 256 * 30
    below = row("b.tif", at=(256, 0), **OTHER)
    found = audit(of([beyond], [below]))
    assert kinds(found) == {"warning: touch"}, "what is beyond a scene is in no chip of it"
    assert found.sides[0].km2 == pytest.approx(512 * 256 * 0.0009)
    assert found.sides[0].valid_km2 == pytest.approx(0.25 * 512 * 512 * 0.0009)
    assert found.sides[0].debris_km2 == pytest.approx(0.25 * 0.25 * 512 * 512 * 0.0009)


def test_each_fold_is_held_against_the_rest() -> None:
    rows = [{**r, "fold": n, **NAMED} for n, r in enumerate(grid(1, 3, stride=506))]
    found = audit(table(rows))
    assert [(pair.a, pair.b, pair.pairs) for pair in found.between] == [
        ("fold 0", "the rest", 1),
        ("fold 1", "the rest", 2),
        ("fold 2", "the rest", 1),
    ]


def test_the_command_reports_and_is_strict_on_request(firnline: Run, tmp_path: Path) -> None:
    made = of([row(**NAMED)], [row(at=(0, 506), **NAMED)])
    path = tmp_path / "chips.parquet"
    write_table(ChipTable(path, made.frame))
    code, out, _ = firnline("chips", "audit", path)
    assert code == 0
    assert "LEAK     train and validation share 1 glacier: A" in out
    code, out, _ = firnline("chips", "audit", path, "--json")
    assert [len(json.loads(out)[key]) for key in ("leaks", "sides", "between")] == [2, 2, 1]
    code, _, err = firnline("chips", "audit", path, "--strict")
    assert code == 2
    assert err.count("\n") == 1
    assert "share pixels" in err


def test_a_table_without_a_split_says_so(firnline: Run, tmp_path: Path) -> None:
    path = tmp_path / "chips.parquet"
    write_table(ChipTable(path, table([row()]).frame))
    assert "not split" in firnline("chips", "audit", path)[1]
    assert firnline("chips", "audit", path, "--strict")[0] == 2


def test_an_unknown_side_is_named(firnline: Run, tmp_path: Path) -> None:
    path = tmp_path / "chips.parquet"
    write_table(ChipTable(path, table([row(split="dev")]).frame))
    code, _, err = firnline("chips", "audit", path)
    assert code == 2
    assert "'dev' is not a side" in err


@pytest.mark.real
def test_rows_07_and_08_of_the_landsat_tiles_touch(shared_data: Path) -> None:
    rows = []
    for path in sorted((shared_data / "landsat8-zanskar").glob("*_image.tif")):
        with rasterio.open(path) as tile:
            side = "validation" if path.name.startswith("08_") else "train"
            corner = (tile.transform.c, tile.transform.f)
            rows.append(row(path.name, corner=corner, crs=tile.crs.to_string(), pixel=tile.transform.a, split=side))
            assert tile.shape == (512, 512)
    found = audit(table(rows))
    # 08_12 meets 07_11 in a corner and 08_13 07_13 along an edge; so do 08_12 07_13 and 08_14 07_13 in corners.
    assert between(found).touching_pairs == 4
    assert found.leaks == ()
    assert "train and validation touch: 4 pairs of chips with a common edge or corner" in found.warnings
