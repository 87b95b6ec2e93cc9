"""Files of the folder, imported by hand at the page."""

from __future__ import annotations

import geopandas as gpd
import pytest
import rasterio
import shapely
from playwright.sync_api import Page, expect
from tests.web.person import Person
from tests.web.served import Served


def test_an_inventory_that_comes_as_two_files_is_imported_as_one_layer(page: Page, served: Served) -> None:
    person = Person(page)
    scene = next(served.folder.rglob("*.tif"))
    with rasterio.open(scene) as raster:
        crs, (x, y) = raster.crs.to_wkt(), raster.transform @ (100, 100)
    ice, stones = shapely.box(x, y, x + 1000, y + 1000), shapely.box(x, y, x + 300, y + 1000)
    gpd.GeoDataFrame({"RGIId": ["a"]}, geometry=[ice], crs=crs).to_file(served.folder / "glaciers.geojson")
    gpd.GeoDataFrame({"n": [1]}, geometry=[stones], crs=crs).to_file(served.folder / "stones.geojson")
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog", name="Import outlines")
    expect(dialog.get_by_label("Debris").locator("option").first).to_have_text("none")
    assert dialog.get_by_label("Debris").input_value() == ""
    dialog.get_by_label("File").select_option(label="glaciers.geojson (1 outlines)")
    dialog.get_by_label("Debris").select_option(label="stones.geojson (1 outlines)")
    dialog.get_by_role("button", name="Import").click()
    person.until(lambda: person.ask("firnline.state.active.value?.name") == "glaciers.geojson")
    found = sorted((class_, ground.area) for class_, ground in person.outlines().values())
    assert found == [(1, pytest.approx(700e3, rel=1e-3)), (2, pytest.approx(300e3, rel=1e-3))]
