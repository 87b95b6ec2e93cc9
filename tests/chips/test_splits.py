"""The promise: a split is what its settings say, the same for every order of rows, and never leaks unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet
import pytest
import shapely
from tests.chips.tables import grid, row, table

from firnline.chips.splitting.audit import audit
from firnline.chips.splitting.split_settings import split_settings
from firnline.chips.splitting.splits import split_table
from firnline.chips.table import ChipTable, read_table, write_table
from firnline.errors import ConfigError

Run = Callable[..., tuple[int, str, str]]


def split(made: ChipTable, folder: Path = Path(), **values: Any) -> ChipTable:
    return split_table(made, split_settings(values), folder)


def sides(made: ChipTable, column: str = "split") -> dict[str, Any]:
    values = made.frame[column].astype(object)
    return dict(zip(made.frame["id"], values.where(values.notna(), None), strict=True))


def counts(made: ChipTable, column: str = "split") -> dict[Any, int]:
    values = list(sides(made, column).values())
    return {value: values.count(value) for value in set(values)}


def scattered(seed: int, count: int = 160) -> ChipTable:
    """Chips of several scenes, dates and two UTM zones, some over the same ground, with glaciers across them."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        at = (int(rng.integers(0, 60)) * 100, int(rng.integers(0, 60)) * 100)
        zone = int(rng.integers(0, 2))
        # 780 km east in zone 45 is the ground of some 198 km in zone 46.
        corner = (650_000.0, 3_300_000.0) if zone == 0 else (150_000.0, 3_300_000.0)
        ids = [f"{at[0] // 500}-{at[1] // 500}-{zone}"] if rng.random() < 0.5 else []
        scene = f"{zone}{'abc'[rng.integers(3)]}.tif"
        ice = float(rng.random()) if ids else 0.0
        values = {"glacier": ice, "clean": 0.8 * ice, "debris": 0.2 * ice, "glaciers": ids, "id": f"{number:03d}"}
        crs = f"EPSG:{32645 + zone}"
        rows.append(row(scene, at, size=int(rng.choice([64, 128])), corner=corner, crs=crs, **values))
    return table(rows)


def halves(folder: Path, crs: int = 4326) -> Path:
    """Regions: train in the north, test in the south, validation a strip; drawn in degrees."""
    west, east = 80.0, 100.0
    shapes = [
        shapely.box(west, 29.2, east, 40),
        shapely.box(west, 28.9, east, 29.2),
        shapely.box(west, 20, east, 28.9),
    ]
    frame = geopandas.GeoDataFrame({"split": ["train", "val", "Test"]}, geometry=shapes, crs=4326)
    path = folder / "regions.gpkg"
    frame.to_crs(crs).to_file(path)
    return path


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "values",
    [
        {"kind": "block", "block_km": 25, "buffer_m": 500},
        {"kind": "block", "block_km": 40, "buffer_m": 0},
        {"kind": "block", "block_km": 30, "buffer_m": 2000, "folds": 3},
        {"kind": "glacier", "overlaps": "drop"},
        {"kind": "glacier", "overlaps": "drop", "folds": 4},
        {"kind": "region", "file": Path("regions.gpkg")},
    ],
    ids=str,
)
def test_kinds_that_keep_apart_never_leak(seed: int, values: dict[str, Any], tmp_path: Path) -> None:
    if values["kind"] == "region":
        halves(tmp_path)
    made = split(scattered(seed), tmp_path, seed=seed, **values)
    found = audit(made)
    assert len(found.between) >= 3
    assert found.leaks == made.about.leaks == ()
    if values.get("buffer_m"):
        assert min(pair.distance_m for pair in found.between) >= values["buffer_m"] * (1 - 1e-3)


def test_glaciers_and_the_chips_that_overlap_stay_on_one_side() -> None:
    rows = []
    for n in range(40):
        corner = (300_000.0, 3_300_000.0 - 50_000.0 * n)
        rows += [row(f"{n}.tif", corner=corner, glaciers=[f"G{n}"]), row(f"{n}.tif", (0, 500), corner=corner)]
        rows += [row(f"{n}x.tif", (0, 5000), corner=corner, glaciers=[f"G{n}", f"H{n}"])]
    made = split(table(rows), kind="glacier")
    assert made.about.leaks == ()
    assert counts(made) == {"train": 84, "validation": 12, "test": 24}
    for n in range(40):
        assert len({side for key, side in sides(made).items() if key.split("_")[0].rstrip("x") == str(n)}) == 1


def test_ice_without_ids_stays_together_over_the_edge_of_two_scenes() -> None:
    """Tiles a and b lie edge to edge; a#1 and b#1 touch over the edge and may be one glacier. In c are others."""
    right, far = (300_000.0 + 2 * 512 * 30, 3_300_000.0), (300_000.0, 3_000_000.0)
    rows = grid(1, 2, glaciers=[["a#2"], ["a#1"]])
    rows += grid(1, 2, scene="b.tif", corner=right, glaciers=[["b#1"], ["b#2"]])
    rows += grid(1, 2, scene="c.tif", corner=far, glaciers=[["c#1"], ["c#2"]])
    dealt = [sides(split(table(rows), kind="glacier", folds=2, seed=seed), "fold") for seed in range(6)]
    assert all(done["a_r0_c512"] == done["b_r0_c0"] for done in dealt)
    assert any(done["a_r0_c0"] != done["a_r0_c512"] for done in dealt), "within a scene names tell"


def test_the_papers_way_leaks_and_says_so() -> None:
    made = split(table(grid(10, 10, stride=506)), kind="random", preset="paper-text")
    assert counts(made) == {"train": 70, "validation": 10, "test": 10, None: 10}
    assert made.about.split == "random, 70/10/10, 10 % in none, seed 0; 10 of 100 chips on no side"
    assert len(made.about.leaks) == 3
    code = split(table(grid(10, 10, stride=506)), kind="random", preset="paper-code")
    assert counts(code) == {"train": 70, "validation": 10, "test": 20}


def test_strata_are_shared_out() -> None:
    rows = grid(20, 50, stride=512)
    for n, each in enumerate(rows):
        each.update(glacier=0.5 if n < 300 else 0.0, clean=0.5 if n < 300 else 0.0, debris=0.1 if n < 100 else 0.0)
    made = split(table(rows), kind="random", stratified=True).frame
    with_debris, with_ice = made[made["debris"] > 0], made[(made["debris"] == 0) & (made["glacier"] > 0)]
    for part, count in ((with_debris, 100), (with_ice, 200), (made, 1000)):
        assert abs((part["split"] == "validation").sum() - 0.1 * count) <= 2
        assert abs((part["split"] == "train").sum() - 0.7 * count) <= 2


@pytest.mark.parametrize("kind", ["random", "block", "glacier"])
def test_the_order_of_rows_does_not_matter_and_the_seed_does(kind: str) -> None:
    made = scattered(0)
    values: dict[str, Any] = {"kind": kind, **({"overlaps": "drop"} if kind == "glacier" else {})}
    first = sides(split(made, **values))
    shuffled = made.with_frame(made.frame.sample(frac=1, random_state=1))
    assert sides(split(shuffled, **values)) == first
    assert list(split(shuffled, **values).frame["id"]) == list(shuffled.frame["id"])
    assert any(sides(split(made, **values, seed=seed)) != first for seed in (1, 2, 3))


def test_blocks_hold_together_and_balance_the_ice() -> None:
    rows = grid(40, 40, stride=128, size=128)
    rng = np.random.default_rng(0)
    for each in rows:
        ice = 0.9 if each["row"] < 1280 else 0.0
        each.update(glacier=ice, clean=ice * rng.random(), debris=0.0)
    made = split(table(rows), kind="block", block_km=10, buffer_m=0)
    found = {side.name: side for side in audit(made).sides}
    total = sum(side.glacier_km2 or 0 for side in found.values())
    for name, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        assert found[name].chips / 1600 == pytest.approx(share, abs=0.05)
        assert (found[name].glacier_km2 or 0) / total == pytest.approx(share, abs=0.06)
    frame = made.frame
    x = np.floor((frame["left"] + frame["right"]) / 2 / 10_000)
    y = np.floor((frame["bottom"] + frame["top"]) / 2 / 10_000)
    assert (frame["split"].groupby([x, y]).nunique() == 1).all()


def test_a_buffer_drops_chips_of_training_and_no_others() -> None:
    made = table(grid(40, 40, stride=128, size=128))
    bare = sides(split(made, kind="block", block_km=25, buffer_m=0))
    kept = sides(split(made, kind="block", block_km=25, buffer_m=4000))
    assert all(kept[key] in (bare[key], None) for key in bare)
    boxes = {r.id: shapely.box(r.left, r.bottom, r.right, r.top) for r in made.frame.itertuples()}
    test = shapely.union_all([boxes[key] for key, side in bare.items() if side == "test"])
    validation = [key for key, side in bare.items() if side == "validation"]
    assert {key: kept[key] for key in validation} == {
        key: None if boxes[key].distance(test) < 4000 else "validation" for key in validation
    }
    held = shapely.union_all([boxes[key] for key, side in kept.items() if side in ("validation", "test")])
    for key in (key for key, side in bare.items() if side == "train"):
        assert kept[key] == (None if boxes[key].distance(held) < 4000 else "train")


def test_chips_of_background_are_free_but_not_their_pixels() -> None:
    rows = [row(f"{n}.tif", (0, 1000 * n), glacier=0.0, clean=0.0, debris=0.0) for n in range(10)]
    made = split(table(rows), kind="glacier")
    assert counts(made) == {"train": 7, "validation": 1, "test": 2}


@pytest.mark.parametrize("crs", [4326, 32645])
def test_a_chip_over_the_edge_of_a_region_is_in_none(crs: int, tmp_path: Path) -> None:
    made = split(scattered(3), tmp_path, kind="region", file=halves(tmp_path, crs))
    for chip in made.frame.itertuples():
        south, north = chip.geometry.bounds[1], chip.geometry.bounds[3]
        fits = [
            name
            for name, low, high in (("train", 29.2, 40), ("validation", 28.9, 29.2), ("test", 20, 28.9))
            if low <= south and north <= high
        ]
        if crs == 4326 and not fits:
            assert not isinstance(chip.split, str)
        if isinstance(chip.split, str) and crs == 4326:
            assert [chip.split] == fits
    assert set(counts(made)) == {"train", "validation", "test", None}


def test_one_file_of_regions_a_side(tmp_path: Path) -> None:
    frame = geopandas.read_file(halves(tmp_path))
    files = {}
    for name, side in (("train", "train"), ("val", "validation"), ("Test", "test")):
        frame[frame["split"] == name].to_file(tmp_path / f"{side}.geojson")
        files[side] = f"{side}.geojson"
    by_files = split(scattered(3), tmp_path, kind="region", files=files)
    by_column = split(scattered(3), tmp_path, kind="region", file="regions.gpkg")
    assert sides(by_files) == sides(by_column)


def test_regions_are_dealt_into_folds(tmp_path: Path) -> None:
    halves(tmp_path)
    made = split(scattered(3), tmp_path, kind="region", file="regions.gpkg", folds=3)
    assert set(counts(made, "fold")) == {0, 1, 2, None}
    assert made.about.leaks == ()


def test_scenes_over_the_same_ground_stay_together() -> None:
    rows = [r for n in range(10) for r in grid(2, 2, scene=f"{n}.tif", corner=(3e5, 3.3e6 - 2e5 * (n // 2)))]
    made = split(table(rows), kind="scene", folds=5)
    assert made.about.leaks == ()
    assert counts(made, "fold") == dict.fromkeys(range(5), 8)
    apart = split(table(rows), kind="scene", together="nothing", folds=10)
    assert len(apart.about.leaks) == 10


def test_scenes_named_for_a_side() -> None:
    rows = [r for n in range(4) for r in grid(1, 2, scene=f"tiles/0{n}_x.tif", corner=(3e5, 3.3e6 - 2e5 * n))]
    made = split(table(rows), kind="scene", sides={"train": ["0[01]_*"], "test": ["03_*"]})
    assert counts(made) == {"train": 4, "test": 2, None: 2}
    with pytest.raises(ConfigError, match=r"no scene is named '09_\*'"):
        split(table(rows), kind="scene", sides={"train": ["09_*"]})
    with pytest.raises(ConfigError, match="named for train and test"):
        split(table(rows), kind="scene", sides={"train": ["0*"], "test": ["03_*"]})


def test_a_table_may_know_nothing_of_classes() -> None:
    rows = grid(6, 6, stride=600, glacier=None, clean=None, scheme="debris")
    for values in ({"kind": "block", "block_km": 30}, {"kind": "random", "stratified": True}, {"kind": "glacier"}):
        made = split(table(rows), **values)
        assert set(counts(made)) >= {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "scene"}, "split by block"),
        ({"kind": "block", "block_km": 500}, "smaller blocks"),
        ({"kind": "block", "block_km": 500, "folds": 5}, "1, for 5 folds"),
        ({"kind": "block", "block_km": 20, "buffer_m": 60_000}, "leaves no chip in train"),
        ({"kind": "random", "shares": {"train": 0.7, "validation": 0.1, "test": 0.1}}, "add to 0.9, not to 1"),
        ({"kind": "random", "shares": {"train": 0.0, "validation": 0.5, "test": 0.5}}, "train has no share"),
        ({"kind": "random", "preset": "paper-code", "folds": 3}, "preset"),
        ({"kind": "random", "folds": 1}, "folds"),
        ({"kind": "stripes"}, "stripes"),
        ({"kind": "random", "block_km": 3}, "not a known key"),
        ({"kind": "region", "file": "none.gpkg"}, "does not exist"),
        ({"kind": "region"}, "give a file"),
        ({"kind": "region", "file": "regions.gpkg", "column": "side"}, "no column 'side'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_in_a_line(values: dict[str, Any], words: str, tmp_path: Path) -> None:
    halves(tmp_path)
    with pytest.raises(ConfigError) as error:
        split(table(grid(4, 4)), tmp_path, **values)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_regions_elsewhere_and_sides_unknown(tmp_path: Path) -> None:
    elsewhere = geopandas.GeoDataFrame({"split": ["train"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    elsewhere.to_file(tmp_path / "far.gpkg")
    with pytest.raises(ConfigError, match="no chip lies whole in a region"):
        split(table(grid(2, 2)), tmp_path, kind="region", file="far.gpkg")
    elsewhere.assign(split="dve").to_file(tmp_path / "odd.gpkg")
    with pytest.raises(ConfigError, match="'dve' is not a side"):
        split(table(grid(2, 2)), tmp_path, kind="region", file="odd.gpkg")


def test_chips_that_cannot_be_split(tmp_path: Path) -> None:
    made = table(grid(2, 2))
    with pytest.raises(ConfigError, match="no chips"):
        split(made.with_frame(made.frame.iloc[:0]), kind="random")
    with pytest.raises(ConfigError, match="two chips"):
        split(made.with_frame(made.frame.assign(id="x")), kind="random")
    with pytest.raises(ConfigError, match="EPSG:4326 is not projected"):
        split(made.with_frame(made.frame.assign(crs="EPSG:4326")), kind="block")


def test_the_command_writes_a_split_and_keeps_what_was_there(firnline: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "chips.parquet", tmp_path / "other" / "split.parquet"
    write_table(ChipTable(path, table(grid(20, 20, stride=512)).frame))
    before = path.read_bytes()
    code, text, err = firnline(
        "chips", "split", path, "--kind", "block", "--block-km", "40", "--seed", "3", "-o", out
    )
    assert (code, err) == (0, "")
    assert text.startswith("blocks of 40 km, buffer 1000 m, 70/10/20, seed 3; ")
    assert path.read_bytes() == before
    made = read_table(out)
    assert made.about.split == text.splitlines()[0]
    assert made.resolve(made.frame["scene"].iloc[0]) == tmp_path / "a.tif"
    assert made.frame["dem"].isna().all()
    assert {chip.split for chip in made.chips()} == {"train", "validation", "test", None}
    assert firnline("chips", "split", path, "--kind", "random", "--folds", "5", "-o", path)[0] == 0
    assert sorted({chip.fold for chip in read_table(path).chips()}) == [0, 1, 2, 3, 4]


def test_what_is_no_table_is_never_replaced_by_one(firnline: Run, tmp_path: Path) -> None:
    path = tmp_path / "chips.parquet"
    write_table(table(grid(2, 2), path))
    (tmp_path / "scene.tif").write_bytes(b"pixels")
    code, _, err = firnline("chips", "split", path, "--kind", "random", "-o", tmp_path / "scene.tif")
    assert (code, err.count("\n")) == (2, 1)
    assert (tmp_path / "scene.tif").read_bytes() == b"pixels"


@pytest.mark.parametrize("said", [b"no JSON", b"[]", b"{}", b'{"leaks": 3, "notes": []}'])
def test_a_table_that_does_not_say_what_it_is_is_one_line(firnline: Run, tmp_path: Path, said: bytes) -> None:
    path = tmp_path / "chips.parquet"
    write_table(table(grid(2, 2), path))
    arrow = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(arrow.replace_schema_metadata({**arrow.schema.metadata, b"firnline": said}), path)
    code, _, err = firnline("chips", "audit", path)
    assert (code, err.count("\n")) == (2, 1)
    assert "is not a table of chips" in err


def test_the_command_takes_a_file_of_settings(firnline: Run, tmp_path: Path) -> None:
    path, config = tmp_path / "chips.parquet", tmp_path / "split.yaml"
    write_table(ChipTable(path, table(grid(5, 5)).frame))
    config.write_text("kind: random\nshares: {train: 0.6, validation: 0.2, test: 0.2}\n")
    assert firnline("chips", "split", path, config, "-o", path)[1].startswith("random, 60/20/20, seed 0")
    assert firnline("chips", "split", path, "--kind", "random", "--shares", "60/20/20", "-o", path)[0] == 0
    for arguments in ((), (config, "--seed", "1"), ("--kind", "random", "--shares", "60"), (tmp_path / "no.yaml",)):
        code, _, err = firnline("chips", "split", path, *arguments, "-o", tmp_path / "new.parquet")
        assert code == 2
        assert err.count("\n") == 1
    assert not (tmp_path / "new.parquet").exists()
