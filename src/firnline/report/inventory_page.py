"""The page of an inventory: one HTML file that needs nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
from rasterio.crs import CRS

from firnline.errors import ConfigError
from firnline.files import replaced
from firnline.report.backdrop import Backdrop, open_backdrop
from firnline.report.content import Picture
from firnline.report.inventory_facts import InventoryFacts
from firnline.report.inventory_maps import overview, sheet_map
from firnline.report.inventory_plots import SECTORS, aspect_rose, hypsometry, sheet_hypsometry, size_distribution
from firnline.report.page import fill
from firnline.scene import Scene

NOT_KNOWN: Final = "not known"
SHEETS: Final = 12
"""Glaciers that have a sheet of their own, the largest ones."""
_OPEN: Final = 30
_MOST: Final = 2000
"""Rows of the table that are shown, and that are on the page at all."""
_COLUMNS: Final = (
    "glacier", "area, km²", "± km²", "debris, %", "lowest, m", "median, m", "highest, m", "slope, °", "faces",
    "unknown, %",
)  # fmt: skip
_NOT_ASSIGNED: Final = {"primeclass": None, "conn_lvl": 9, "surge_type": 9, "term_type": 9}


@dataclass(frozen=True)
class Sheet:
    """What is shown of one glacier."""

    heading: str
    facts: tuple[str, ...]
    pictures: tuple[Picture, ...]
    attributes: tuple[tuple[str, str], ...]


def write_inventory_report(
    path: str | Path,
    facts: InventoryFacts,
    scene: Scene | None = None,
    dem: Path | None = None,
    *,
    sheets: int = SHEETS,
) -> Path:
    """Write the page of an inventory: limits, sums, maps, plots, a table, and sheets of the largest glaciers.

    Pictures are drawn at the size of the page, whatever the size of scene and DEM, so memory stays bounded. No
    script, and nothing is fetched from a network. What is not known is called so, and never shown as a number.

    Parameters
    ----------
    path
        Where the page shall be.
    facts
        What it shows.
    scene
        The scene that was mapped, to lie beneath the maps; in the CRS of the inventory.
    dem
        Heights in metres: hillshade beneath the maps where there is no scene, and area by height by class.
    sheets
        How many of the largest glaciers have a sheet of their own.

    Returns
    -------
    The path.

    Raises
    ------
    ConfigError
        When the inventory holds no glacier, or the number of sheets is negative.
    GridError
        When the scene is in another CRS than the inventory.
    SceneError, BandError
        When the scene or the DEM cannot be read.
    OutputError
        When the page cannot be written.
    """
    path = Path(path)
    if facts.glaciers.empty:
        raise ConfigError("the inventory holds no glacier", do="there is nothing to report")
    if sheets < 0:
        raise ConfigError(f"{sheets} sheets make no sense", where="--sheets", do="give 0 or more")
    page = render(facts, scene, dem, sheets)
    with replaced(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(facts: InventoryFacts, scene: Scene | None, dem: Path | None, sheets: int) -> str:
    """Draw the pictures and fill the template."""
    order = facts.glaciers["area_km2"].to_numpy(float).argsort(kind="stable")[::-1]
    rows = [_row(facts.glaciers.iloc[at]) for at in order[:_MOST]]
    with open_backdrop(CRS.from_user_input(str(facts.glaciers.crs)), scene, dem) as backdrop:
        pictures = (
            overview(facts, backdrop), hypsometry(facts, dem), aspect_rose(facts), size_distribution(facts),
        )  # fmt: skip
        drawn = [_sheet(facts, int(at), backdrop) for at in order[:sheets]]
    return fill(
        "firnline.report",
        "inventory.html",
        facts=facts,
        dates=_dates(facts.glaciers),
        sums=_sums(facts),
        pictures=pictures,
        columns=_COLUMNS,
        rows=rows[:_OPEN],
        more_rows=rows[_OPEN:],
        left_out=max(0, len(order) - _MOST),
        sheets=drawn,
        unknown=NOT_KNOWN,
    )


def shown(value: Any, form: str = "{}") -> str:
    """A value in words: null as "not known", true and false as yes and no.

    Examples
    --------
    >>> shown(1.25, "{:.1f}"), shown(float("nan"), "{:.1f}"), shown(None), shown(True)
    ('1.2', 'not known', 'not known', 'yes')
    """
    if value is None or value is pd.NA or (not isinstance(value, str) and pd.isna(value)):
        return NOT_KNOWN
    if str(value) in ("True", "False"):
        return "yes" if str(value) == "True" else "no"
    return form.format(value)


def _percent(value: Any) -> str:
    return NOT_KNOWN if pd.isna(value) else f"{100 * float(value):.0f}"


def _faces(sector: Any) -> str:
    if pd.isna(sector):
        return NOT_KNOWN
    return SECTORS[int(sector) - 1] if 1 <= int(sector) <= len(SECTORS) else "none"


def _row(glacier: pd.Series) -> tuple[str, ...]:
    bound = "≥ " if bool(glacier["is_lower_bound"]) else ""
    return (
        str(glacier["glacier_id"]),
        f"{bound}{float(glacier['area_km2']):,.3f}",
        shown(glacier["area_error_km2"], "{:.3f}"),
        _percent(glacier["debris_frac"]),
        *(shown(glacier[name], "{:,.0f}") for name in ("zmin_m", "zmed_m", "zmax_m")),
        shown(glacier["slope_deg"], "{:.0f}"),
        # Without heights a sector of 9 does not say that there is none.
        _faces(glacier["aspect_sec"]) if pd.notna(glacier["zmed_m"]) else NOT_KNOWN,
        _percent(glacier["unknown_frac"]),
    )


def _dates(glaciers: pd.DataFrame) -> str:
    first, last = glaciers["src_date_from"].dropna(), glaciers["src_date_to"].dropna()
    if first.empty or last.empty:
        return "date not known"
    return str(first.min()) if first.min() == last.max() else f"{first.min()} to {last.max()}"


def _sums(facts: InventoryFacts) -> list[tuple[str, str]]:
    glaciers, sums = facts.glaciers, facts.sums
    found = [
        (f"{sums.glaciers:,}", "glaciers"),
        (f"{sums.area_km2:,.2f} km²", "area"),
        (f"{sums.lower_bounds:,}", "of the areas are lower bounds"),
    ]
    for column, words in (("clean_km2", "clean ice"), ("debris_km2", "debris-covered ice")):
        known = glaciers[column].dropna()
        found.append((f"{known.sum():,.2f} km²" if len(known) else NOT_KNOWN, words))
    lakes = facts.lakes
    if len(lakes):
        found.append((f"{len(lakes):,}", f"lakes on or touching the ice, {lakes['area_km2'].sum():.2f} km²"))
    return found


def _sheet(facts: InventoryFacts, at: int, backdrop: Backdrop) -> Sheet:
    glacier = facts.glaciers.iloc[at]
    name = glacier["glac_name"]
    heading = str(glacier["glacier_id"]) if pd.isna(name) else f"{name} ({glacier['glacier_id']})"
    bound = "at least " if bool(glacier["is_lower_bound"]) else ""
    error = "" if pd.isna(glacier["area_error_km2"]) else f" ± {float(glacier['area_error_km2']):.3f}"
    known = [f"{bound}{float(glacier['area_km2']):,.3f}{error} km²"]
    if pd.notna(glacier["debris_frac"]):
        known.append(f"{_percent(glacier['debris_frac'])} % under debris")
    if pd.notna(glacier["zmin_m"]) and pd.notna(glacier["zmax_m"]):
        known.append(f"{float(glacier['zmin_m']):,.0f} to {float(glacier['zmax_m']):,.0f} m")
    lakes = facts.lakes[facts.lakes["glacier_id"] == glacier["glacier_id"]]
    if len(lakes):
        known.append(f"{len(lakes)} {'lake' if len(lakes) == 1 else 'lakes'}")
    return Sheet(
        heading,
        tuple(known),
        (sheet_map(facts, at, backdrop), sheet_hypsometry(facts, at)),
        tuple((name, _attribute(name, glacier[name])) for name in facts.glaciers.columns if name != "geometry"),
    )


def _attribute(column: str, value: Any) -> str:
    """An attribute in words; the 9 of RGI's code lists is "not assigned"."""
    if column in _NOT_ASSIGNED and pd.notna(value) and int(value) == _NOT_ASSIGNED[column]:
        return NOT_KNOWN
    if isinstance(value, float) and pd.notna(value):
        return f"{value:.4f}" if column in ("cenlon", "cenlat", "termlon", "termlat") else f"{value:.6g}"
    return shown(value)
