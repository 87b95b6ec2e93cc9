"""What the page of an inventory shows, gathered from the inventory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import geopandas as gpd

from firnline.inventory.area_error import regional_sum
from firnline.inventory.delivery.divides import divides
from firnline.inventory.inventory import Inventory
from firnline.report.content import Limit, Severity
from firnline.report.inventory_facts import InventoryFacts, Sums

_MUCH: Final = 0.2
"""From this share of the area on, lower bounds and missing heights are a warning."""


def facts_of(inventory: Inventory, title: str) -> InventoryFacts:
    """Gather the facts of an inventory for `firnline.report.inventory_page.write_inventory_report`.

    Examples
    --------
    >>> from firnline.inventory.columns import OWN, RGI7, empty
    >>> facts_of(Inventory(empty({**OWN, **RGI7}, "EPSG:32645")), "None").sums.glaciers
    0
    """
    sums = regional_sum(inventory.glaciers)
    return InventoryFacts(
        title,
        inventory.glaciers,
        inventory.parts,
        inventory.holes,
        inventory.lakes,
        divides(inventory.glaciers).to_crs(str(inventory.glaciers.crs)).geometry,
        inventory.hypsometry,
        Sums(sums.glaciers, sums.area_km2, sums.independent_km2, sums.correlated_km2, sums.lower_bounds),
        tuple(_limits(inventory.glaciers)),
        inventory.provenance,
    )


def _limits(glaciers: gpd.GeoDataFrame) -> Iterator[Limit]:
    """What a reader must know, lower bounds first."""
    area = float(glaciers["area_km2"].sum())
    if area == 0:
        return
    yield from _of_bounds(glaciers, area)
    marks = sorted({mark for marks in glaciers["quality"].dropna() for mark in str(marks).split("; ") if mark})
    if marks:
        yield Limit(
            "The scene was marked",
            f"The check of the scene found: {'; '.join(marks)}.",
            Severity.WARNING,
        )
    blind = glaciers["zmed_m"].isna()
    if blind.any():
        share = float(glaciers.loc[blind, "area_km2"].sum()) / area
        yield Limit(
            "Heights are missing",
            f"Of {_glaciers(int(blind.sum()))} ({100 * share:.0f} % of the area) no heights are known: they are in "
            "no plot by height or aspect.",
            Severity.CAUTION if share > _MUCH else Severity.NOTE,
        )
    beyond = int(glaciers["beyond_reference"].sum())
    if beyond:
        yield Limit(
            "Ice outside the reference",
            f"To {_glaciers(beyond)} ice was added that the reference inventory does not have: a comparison with it "
            "shows that as growth.",
            Severity.CAUTION,
        )
    by_flow = int((glaciers["divided_by"] == "flow").sum())
    if by_flow:
        yield Limit(
            "Divides by flow",
            f"No reference tells the divides of {_glaciers(by_flow)}: where they adjoin others, they were divided by "
            "heights alone. Look at the divides before comparing single glaciers with other inventories.",
            Severity.NOTE,
        )
    yield from _of_debris(glaciers, area)


def _of_bounds(glaciers: gpd.GeoDataFrame, area: float) -> Iterator[Limit]:
    bound = glaciers["is_lower_bound"]
    if not bound.any():
        return
    own = float(glaciers.loc[bound, "area_km2"].sum())
    why = [
        f"{int(glaciers[column].sum())} {words}"
        for column, words in (("touches_unknown", "touch unknown ground"), ("touches_edge", "reach the scene's edge"))
        if glaciers[column].any()
    ]
    holding = int((glaciers["unknown_frac"] > 0).sum())
    why += [f"{holding} enclose unknown ground"] if holding else []
    yield Limit(
        "Areas that are lower bounds",
        f"{_glaciers(int(bound.sum()))} with {own:.2f} km² ({100 * own / area:.0f} % of the area) may be larger than "
        f"mapped: {', '.join(why) or 'as the file says'}.",
        Severity.WARNING if own > _MUCH * area else Severity.CAUTION,
    )


def _of_debris(glaciers: gpd.GeoDataFrame, area: float) -> Iterator[Limit]:
    debris = glaciers["debris_km2"]
    if debris.isna().all():
        yield Limit(
            "Debris is not told apart",
            "The map does not tell clean from debris-covered ice.",
            Severity.NOTE,
        )
    elif debris.sum() > 0.05 * area:
        yield Limit(
            "Debris",
            f"{100 * float(debris.sum()) / area:.0f} % of the area is debris-covered. Where debris ends is a matter "
            "of interpretation, which the errors of area leave out.",
            Severity.CAUTION,
        )


def _glaciers(count: int) -> str:
    return "1 glacier" if count == 1 else f"{count:,} glaciers"
