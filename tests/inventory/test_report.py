"""The page of an inventory: it stands alone, shows the numbers it is given, and calls unknown what is unknown."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image
from tests.inventory.inventories import CRS, IDS, glaciers, inventory

from firnline.errors import ConfigError, GridError
from firnline.inventory.columns import OWN, RGI7, empty
from firnline.inventory.inventory import Inventory, write_inventory
from firnline.inventory.report_facts import facts_of
from firnline.report.backdrop import open_backdrop
from firnline.report.content import Severity
from firnline.report.inventory_facts import InventoryFacts
from firnline.report.inventory_page import write_inventory_report
from firnline.report.inventory_plots import areas_by_class, areas_of_table
from firnline.scene import open_scene

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def facts() -> InventoryFacts:
    return facts_of(inventory(), "Made-up <glaciers>")


@pytest.fixture(scope="module")
def page(facts: InventoryFacts, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_inventory_report(tmp_path_factory.mktemp("page") / "report.html", facts, sheets=2)
    return path.read_text(encoding="utf-8")


def words(page: str) -> str:
    """What a reader sees, without tags and pictures."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


class Tags(HTMLParser):
    """All tags, and those that are not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    tags = Tags(page)
    assert tags.open == []
    assert tags.found.isdisjoint({"script", "link", "iframe", "object", "embed"})
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "Made-up &lt;glaciers&gt;" in page, "what users say is escaped"
    pictures = re.findall(r'src="data:image/\w+;base64,([^"]+)"', page)
    assert len(pictures) == 4 + 2 * 2, "overview, heights, aspects, sizes, and two pictures on each sheet"
    assert all(max(Image.open(io.BytesIO(base64.b64decode(each))).size) < 1700 for each in pictures)


def test_sums_come_with_both_models_of_error(page: str) -> None:
    seen = words(page)
    independent, correlated = (2 * 0.1**2 + 0.02**2) ** 0.5, 0.22
    assert f"{independent:.2f} km² where errors of glaciers are independent" in seen
    assert f"{correlated:.2f} km² where all err alike" in seen


def test_lower_bounds_come_first_and_mark_their_areas(facts: InventoryFacts, page: str) -> None:
    assert facts.limits[0].heading == "Areas that are lower bounds"
    assert facts.limits[0].severity == Severity.WARNING
    assert facts.limits[0].text.startswith("2 glaciers with")
    assert "1 touch unknown ground, 1 reach the scene's edge" in facts.limits[0].text
    assert page.index("lower bounds") < page.index("<table")
    row = re.search(rf'<th scope="row">{IDS[0]}</th>.*?</tr>', page, flags=re.DOTALL)
    other = re.search(rf'<th scope="row">{IDS[1]}</th>.*?</tr>', page, flags=re.DOTALL)
    assert row is not None
    assert other is not None
    assert "≥ " in row[0]
    assert "≥ " not in other[0]


def test_what_is_not_known_is_called_so(page: str) -> None:
    """The second glacier has no name and no length; the third no heights; 9 of RGI's code lists is not assigned."""
    second = page[page.index(f"<h3>{IDS[1]}</h3>") :]
    for column in ("glac_name", "lmax_m", "rgi_id", "surge_type", "conn_lvl", "term_type", "is_rgi6"):
        assert re.search(rf'<th scope="row">{column}</th><td class="unknown">not known</td>', second), column
    assert re.search(r'<th scope="row">utm_zone</th><td>45</td>', second)
    third = re.search(rf'<th scope="row">{IDS[2]}</th>(.*?)</tr>', page, flags=re.DOTALL)
    assert third is not None
    assert third[1].count("not known") == 7, "debris, three heights, slope, aspect, unknown share"
    assert "nan" not in words(page).lower().split()
    assert "&lt;NA&gt;" not in page


def test_every_glacier_is_listed_and_the_largest_has_its_name(page: str) -> None:
    assert all(page.count(name) for name in IDS)
    assert "Ghulkin à côté" in page


def test_heights_of_the_table_add_up_to_the_areas(facts: InventoryFacts) -> None:
    found = areas_of_table(facts)[""]
    area = facts.glaciers.set_index("glacier_id")["area_km2"]
    assert found.to_dict() == pytest.approx({5000: 0.4 * area[IDS[0]], 5050: 0.6 * area[IDS[0]], 5150: area[IDS[1]]})


def test_heights_by_class_on_a_plane(facts: InventoryFacts, tmp_path: Path) -> None:
    """A plane that rises one metre in ten to the north: debris lies on its lowest kilometre, two bands of 50 m."""
    dem = tmp_path / "dem.tif"
    rows = np.arange(3104500 - 5, 3099500, -10, dtype=np.float32)
    plane = np.repeat(5000 + (rows - 3100000)[:, None] / 10, 1400, axis=1)
    with rasterio.open(
        dem, "w", driver="GTiff", dtype="float32", count=1, height=plane.shape[0], width=1400, crs=CRS,
        transform=rasterio.Affine(10, 0, 477000, 0, -10, 3104500),
    ) as file:  # fmt: skip
        file.write(plane, 1)
    found = areas_by_class(facts, dem)
    assert found is not None
    debris, clean = found["debris-covered ice"], found["clean ice"]
    assert set(debris.index) == {5000, 5050}
    assert debris.sum() == pytest.approx(
        facts.parts.loc[facts.parts["class"] == "debris-covered ice", "area_km2"].sum()
    )
    assert debris[5000] == pytest.approx(debris[5050], rel=0.06), "its sides lean by 7 %"
    assert set(clean.index) == set(range(5000, 5400, 50))
    assert clean.sum() == pytest.approx(facts.parts.loc[facts.parts["class"] == "clean ice", "area_km2"].sum())


def write_scene(path: Path, crs: str = CRS, size: int = 600) -> Path:
    """Grey everywhere, white in the 20 x 20 pixels from row 100 and column 200 on; 10 m pixels."""
    bands = np.full((3, size, size), 100, np.uint8)
    bands[:, 0, 0], bands[:, 0, 1] = 0, 255
    bands[:, 100:120, 200:220] = 255
    bands[:, ::50, :] = np.arange(size, dtype=np.uint16)[None, None, :] % 200  # something to stretch by
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=3, height=size, width=size, crs=crs,
        transform=rasterio.Affine(10, 0, 480000, 0, -10, 3104000),
    ) as file:  # fmt: skip
        file.descriptions = ["red", "green", "blue"]
        file.write(bands)
    return path


@pytest.mark.parametrize("most", [1000, 300])
def test_a_scene_lies_beneath_where_it_is_and_paper_beyond_it(most: int, tmp_path: Path) -> None:
    scene = open_scene(write_scene(tmp_path / "scene.tif"))
    with open_backdrop(rasterio.CRS.from_string(CRS), scene, None) as backdrop:
        image, grid = backdrop.image((479000, 3101000, 483000, 3105000), most)
    step = grid.shape[0] // image.shape[0]
    assert max(image.shape) <= most
    assert grid.bounds == (479000, 3101000, 483000, 3105000)
    assert len(np.unique(image[: 90 // step].reshape(-1, 3), axis=0)) == 1, "the scene begins 1000 m below the top"
    white = image[(100 + 105) // step, (100 + 210) // step]
    assert white.min() > 240
    assert image[(100 + 140) // step, (100 + 210) // step].max() < 200


def test_hillshade_is_brighter_towards_the_light(tmp_path: Path) -> None:
    dem = tmp_path / "dem.tif"
    ridge = np.tile(1000 - 5.0 * np.abs(np.arange(200) - 100), (200, 1)).astype(np.float32)
    with rasterio.open(
        dem, "w", driver="GTiff", dtype="float32", count=1, height=200, width=200, crs=CRS,
        transform=rasterio.Affine(10, 0, 480000, 0, -10, 3104000),
    ) as file:  # fmt: skip
        file.write(ridge, 1)
    with open_backdrop(rasterio.CRS.from_string(CRS), None, dem) as backdrop:
        image, _ = backdrop.image((480200, 3102200, 481800, 3103800), 400)
    assert image[200, 100].mean() > image[200, 300].mean() + 20


def test_clouds_in_a_glacier_are_drawn_apart_from_rock(facts: InventoryFacts, tmp_path: Path) -> None:
    def overview(given: InventoryFacts) -> np.ndarray:
        page = write_inventory_report(tmp_path / "page.html", given, sheets=0).read_text(encoding="utf-8")
        picture = re.search(r'src="data:image/jpeg;base64,([^"]+)"', page)
        assert picture is not None
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture[1]))).convert("RGB")).astype(int)

    rock_alone = replace(facts, holes=facts.holes[facts.holes["kind"] == "rock"])
    none = replace(facts, holes=facts.holes.iloc[:0])
    legend = slice(0, overview(none).shape[0] - 60)
    assert np.abs(overview(rock_alone) - overview(none))[legend].max() == 0, "rock is what the outline leaves out"
    assert (np.abs(overview(facts) - overview(none))[legend].max(axis=-1) > 40).sum() > 300


def test_marks_of_the_scene_and_missing_heights_are_limits() -> None:
    marked = facts_of(inventory(glaciers=glaciers(quality=["not inventory-grade: seasonal snow", None, None])), "x")
    headings = [limit.heading for limit in marked.limits]
    assert headings[:3] == ["Areas that are lower bounds", "The scene was marked", "Heights are missing"]
    assert "seasonal snow" in marked.limits[1].text


def test_what_cannot_be_shown_is_refused_in_one_line(facts: InventoryFacts, tmp_path: Path) -> None:
    nothing = facts_of(Inventory(empty({**OWN, **RGI7}, CRS)), "nothing")
    with pytest.raises(ConfigError, match="holds no glacier"):
        write_inventory_report(tmp_path / "page.html", nothing)
    scene = open_scene(write_scene(tmp_path / "scene.tif", "EPSG:32644"))
    with pytest.raises(GridError, match="the scene is in EPSG:32644"):
        write_inventory_report(tmp_path / "page.html", facts, scene)
    assert not (tmp_path / "page.html").exists()


def test_the_command_writes_the_page(tmp_path: Path, firnline: Cli) -> None:
    file = write_inventory(inventory(), tmp_path / "inventory.gpkg")
    scene = write_scene(tmp_path / "scene.tif")
    code, out, err = firnline(
        "inventory", "report", file, "-o", tmp_path / "page.html", "--scene", scene, "--sheets", 1, "--title", "Ours"
    )
    assert (code, err) == (0, ""), out + err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>Ours</h1>" in page
    assert "Beneath: the scene scene.tif (red, green and blue: red, green and blue)" in page
    code, _, err = firnline("inventory", "report", tmp_path / "no.gpkg", "-o", tmp_path / "page.html")
    assert code == 2
    assert "does not exist" in err
    assert err.count("\n") == 1


def test_a_table_without_heights_says_so(facts: InventoryFacts, tmp_path: Path) -> None:
    bare = replace(facts, hypsometry=pd.DataFrame({"glacier_id": [], "from_m": [], "per_mille": []}))
    page = write_inventory_report(tmp_path / "page.html", bare, sheets=1).read_text(encoding="utf-8")
    assert f"No heights are known of {facts.sums.area_km2:.2f} km²" in page
