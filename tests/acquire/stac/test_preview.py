"""Pictures of what a search found: every date in one stretch, the unknown never as ground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.overview import Overviews, look
from firnline.acquire.catalogue.preview import preview
from firnline.acquire.catalogue.stac_items import ItemError
from firnline.errors import ConfigError

from .conftest import QUICK
from .world import CLEAR_DAY, World

CLEAR_ID = f"LE07_L2SP_140041_{CLEAR_DAY:%Y%m%d}_02_T1"


def test_each_date_and_a_contact_sheet(find: Callable[..., Any], aoi: Aoi, tmp_path: Path) -> None:
    found, passes = find()
    written = preview(found, passes, tmp_path / "pictures", aoi, side=128, patience=QUICK)
    names = [path.name for path in written]
    assert names == ["20011030_landsat7.png", "20010928_landsat7.png", "20020118_landsat7.png", "contact-sheet.png"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == sorted(names)
    clear, cloudy, winter, _ = (imread(path)[..., :3] for path in written)
    is_rock = (np.abs(clear - (0.56, 0.24, 0.18)) < 0.06).all(axis=-1)
    assert 0.1 < is_rock.mean() < 0.8, "rock is brown in false colour"
    assert not (np.abs(winter - (0.56, 0.24, 0.18)) < 0.06).all(axis=-1).any()
    is_blue = (winter[..., 2] > 0.7) & (winter[..., 0] < 0.3)
    assert is_blue.mean() > 0.5, "snow is blue"
    assert (cloudy.min(axis=-1) > 0.95).mean() > (clear.min(axis=-1) > 0.95).mean() + 0.2, "cloud is white"


def test_values_are_those_of_the_pixels(find: Callable[..., Any], aoi: Aoi, world: World) -> None:
    found, passes = find()
    overviews = Overviews.of(found, aoi, QUICK, side=108)
    grid = overviews.grid(passes[0].items[0])
    assert grid.shape == (108, 108)
    values = overviews.values(passes[0].items, ("red",), grid)[0]
    expected = world.pixels[CLEAR_ID, "red"][196:304, 196:304] * 2.75e-05 - 0.2
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_cloud_that_no_band_tells_stays_what_the_maker_says(find: Callable[..., Any], aoi: Aoi, world: World) -> None:
    cloudy = next(item for item in world.items if item["properties"].get("eo:cloud_cover") == 80)
    del cloudy["assets"]["qa_pixel"]
    found, passes = find()
    looked = {each.items[0].id: each for each in look(found, passes, aoi, QUICK)}
    seen = looked[cloudy["id"]].look
    assert seen is not None
    assert (seen.seen, seen.clear) == (1.0, None)
    assert looked[cloudy["id"]].parts.clear == pytest.approx(0.2)
    assert looked[CLEAR_ID].look.clear == 1.0


def test_what_cannot_be_drawn_is_told(find: Callable[..., Any], aoi: Aoi, world: World, tmp_path: Path) -> None:
    found, passes = find()
    with pytest.raises(ConfigError, match="choose false or true"):
        preview(found, passes, tmp_path, aoi, colours="infrared", patience=QUICK)
    del world.item(CLEAR_ID)["assets"]["swir16"]
    found, passes = find()
    with pytest.raises(ItemError, match=f"{CLEAR_ID}: has no swir16"):
        preview(found, passes, tmp_path / "pictures", aoi, patience=QUICK)
    assert not (tmp_path / "pictures").exists()
