"""A submission to GLIMS: the shapefiles session, images, glaciers and segments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import shapely

from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.inventory.delivery.rgi7 import rgi7_table, timestamp
from firnline.inventory.delivery.submission import Person, Submission
from firnline.inventory.delivery.writers import write_shapefile
from firnline.inventory.inventory import Inventory

DEBRIS_CLASSES: Final = frozenset({LabelScheme.CLASS.class_names[2], LabelScheme.DEBRIS.class_names[1]})
LAKE_TYPES: Final = {"on": "supra_lake", "touching": "pro_lake"}
"""The line type of each ``contact`` of a lake."""

_LONGEST_TEXT: Final = 254
_SEE_METHOD: Final = "see method.txt"

NOTES: Final = """\
Laid out for a submission to GLIMS: session, images, glaciers and segments, all in longitude and latitude (WGS 84).
local_id is firnline's own id; glac_id is GLIMS' own where the inventory knows it, else blank: none is made up.
segments.shp: line_type is glac_bound, intrnl_rock, debris_cov, supra_lake or pro_lake; category says the same.
intrnl_rock is rock seen in the image. Holes of unknown (cloud, stripes, no data) are no intrnl_rock: they are inner
rings of glac_bound, and unknown.shp holds them as polygons, which is no file of GLIMS.
area is in km2. Blank is not known. method.txt describes how the outlines were made; submission.json holds all that
was said of the submission, also what has no field in session.shp.
"""


def write_glims(inventory: Inventory, submission: Submission, folder: Path, *, region: str | None = None) -> None:
    """Write a submission into a folder: four shapefiles, that of unknown holes, and the method as text.

    Raises
    ------
    ConfigError
        When there is no glacier, the date of an outline is not known, or is that of no image of the submission.
    """
    if inventory.glaciers.empty:
        raise ConfigError("the inventory holds no glacier", do="submit one that does")
    glaciers = glacier_table(inventory, submission, region)
    write_shapefile(_session(glaciers, submission), folder / "session.shp")
    write_shapefile(_images(submission), folder / "images.shp")
    write_shapefile(glaciers, folder / "glaciers.shp")
    write_shapefile(segments(inventory, submission), folder / "segments.shp")
    unknown = inventory.holes[inventory.holes["kind"] != "rock"]
    write_shapefile(unknown.rename(columns={"glacier_id": "local_id"}).to_crs(4326), folder / "unknown.shp")
    lines = [submission.method.strip(), *(f"Reference: {reference}" for reference in submission.references)]
    (folder / "method.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "submission.json").write_text(submission.model_dump_json(indent=2) + "\n", encoding="utf-8")


def segments(inventory: Inventory, submission: Submission) -> gpd.GeoDataFrame:
    """Everything drawn, told apart by line type, as closed polygons in longitude and latitude.

    ``glac_bound`` is the outline of a glacier with its holes; ``intrnl_rock`` the holes of rock alone, never those of
    unknown; ``debris_cov`` the debris-covered parts; ``supra_lake`` and ``pro_lake`` lakes on and touching the ice.

    Returns
    -------
    local_id, line_type, category, type, loc_unc_x, loc_unc_y, glob_unc_x, glob_unc_y (m).
    """
    holes, parts, lakes = inventory.holes, inventory.parts, inventory.lakes
    drawn = [
        _drawn(inventory.glaciers, "glac_bound"),
        _drawn(holes[holes["kind"] == "rock"], "intrnl_rock"),
        _drawn(parts[parts["class"].isin(DEBRIS_CLASSES)], "debris_cov"),
        *(_drawn(lakes[lakes["contact"] == contact], line_type) for contact, line_type in LAKE_TYPES.items()),
    ]
    table = gpd.GeoDataFrame(pd.concat(drawn, ignore_index=True), crs=inventory.glaciers.crs).to_crs(4326)
    return table.assign(category=table["line_type"], type="measured", **_uncertainty(submission))[
        ["local_id", "line_type", "category", "type", *_uncertainty(submission), "geometry"]
    ]


def _drawn(layer: gpd.GeoDataFrame, line_type: str) -> gpd.GeoDataFrame:
    table = layer[["glacier_id", "geometry"]].rename(columns={"glacier_id": "local_id"})
    return table.assign(line_type=pd.Series(line_type, index=table.index, dtype="string"))


def glacier_table(inventory: Inventory, submission: Submission, region: str | None = None) -> gpd.GeoDataFrame:
    """The attributes of each glacier by GLIMS' names, with its outline in longitude and latitude."""
    rgi = rgi7_table(inventory, region)
    images = [_images_of(row, submission.images) for row in inventory.glaciers.itertuples()]
    return gpd.GeoDataFrame(
        {
            "glac_id": rgi["glims_id"],
            "local_id": inventory.glaciers["glacier_id"],
            "glac_name": rgi["glac_name"],
            "anlys_time": f"{submission.analysis_date}T00:00:00",
            "src_date": rgi["src_date"],
            "orig_id": images,
            "area": rgi["area_km2"],
            "min_elev": rgi["zmin_m"].round().astype("Int64"),
            "mean_elev": rgi["zmean_m"].round().astype("Int64"),
            "max_elev": rgi["zmax_m"].round().astype("Int64"),
            "length": rgi["lmax_m"],
            **{name: rgi[name] for name in ("primeclass", "conn_lvl", "surge_type", "term_type")},
            "gtng_o1reg": rgi["o1region"].astype("Int64"),
            "gtng_o2reg": rgi["o2region"].str[-2:].astype("Int64"),
            **_uncertainty(submission),
        },
        geometry=rgi.geometry,
        crs=rgi.crs,
    )


def _images_of(glacier: Any, images: Sequence[Any]) -> str:
    """The ids of the images that a glacier was drawn from: those of its date, or of its range of dates."""
    first = glacier.src_date if pd.isna(glacier.src_date_from) else glacier.src_date_from
    last = first if pd.isna(glacier.src_date_to) else glacier.src_date_to
    if pd.isna(first):
        do = "GLIMS takes none without: make the inventory from a scene whose date is known"
        raise ConfigError("has no src_date", where=glacier.glacier_id, do=do)
    begin, end = _day(first.split("/")[0]), _day(last.split("/")[-1])
    found = [image.id for image in images if begin <= image.acquired <= end]
    if not found:
        when = f"{begin}" if begin == end else f"{begin} to {end}"
        do = "give it under 'images'"
        raise ConfigError(f"names no image of {when}, the date of {glacier.glacier_id}", where="--submission", do=do)
    text = ";".join(found)
    return text if len(text.encode()) <= _LONGEST_TEXT else "see images.shp"


def _day(text: str) -> dt.date:
    return dt.datetime.fromisoformat(timestamp(text) or "").date()


def _session(glaciers: gpd.GeoDataFrame, submission: Submission) -> gpd.GeoDataFrame:
    """One row: who submits, who analysed, when and how; its geometry is the box round all glaciers."""
    method = " ".join(submission.method.split())
    said = {
        "rc_id": submission.regional_center,
        **_person(submission.submitter, "submit"),
        **_person(submission.analysts[0], "anlst"),
        "analysts": _fitting("; ".join(f"{each.surname}, {each.given_names}" for each in submission.analysts)),
        "anlys_time": f"{submission.analysis_date}T00:00:00",
        "proc_desc": method if len(method.encode()) <= _LONGEST_TEXT else _SEE_METHOD,
        "data_src": _fitting("; ".join(sorted({image.platform for image in submission.images}))),
        "dem": submission.dem or None,
    }
    table = pd.DataFrame([said]).astype({"rc_id": "Int64"})
    return gpd.GeoDataFrame(table, geometry=[shapely.box(*glaciers.total_bounds)], crs=4326)


def _fitting(text: str) -> str:
    return text if len(text.encode()) <= _LONGEST_TEXT else "see submission.json"


def _person(person: Person, prefix: str) -> dict[str, str | None]:
    """A person by the abbreviations of GLIMS' field names (anlst_surn, anlst_givn, anlst_affl, ...)."""
    return {
        f"{prefix}_surn"[:10]: person.surname,
        f"{prefix}_givn"[:10]: person.given_names,
        f"{prefix}_affl"[:10]: person.affiliation,
        f"{prefix}_mail"[:10]: person.email,
        f"{prefix}_url"[:10]: person.url or None,
        f"{prefix}_ccod"[:10]: person.country or None,
    }


def _images(submission: Submission) -> gpd.GeoDataFrame:
    images = submission.images
    table = pd.DataFrame(
        {
            "orig_id": [image.id for image in images],
            "acq_time": [f"{image.acquired}T00:00:00" for image in images],
            "inst_name": [image.instrument for image in images],
            "platform": [image.platform for image in images],
            "imgctrlon": [(image.bounds[0] + image.bounds[2]) / 2 for image in images],
            "imgctrlat": [(image.bounds[1] + image.bounds[3]) / 2 for image in images],
            "orthocorr": [image.orthocorrected for image in images],
        }
    )
    return gpd.GeoDataFrame(table, geometry=[shapely.box(*image.bounds) for image in images], crs=4326)


def _uncertainty(submission: Submission) -> dict[str, float]:
    local, world = submission.uncertainty.local_m, submission.uncertainty.global_m
    return {"loc_unc_x": local, "loc_unc_y": local, "glob_unc_x": world, "glob_unc_y": world}
