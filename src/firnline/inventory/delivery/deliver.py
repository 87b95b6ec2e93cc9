"""An inventory delivered: the files of a form, with their notes and provenance, whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Final

from firnline import __version__
from firnline.errors import ConfigError, OutputError
from firnline.files import new_folder, sync
from firnline.inventory.delivery import glims, oggm, plain, rgi7
from firnline.inventory.delivery.submission import Submission
from firnline.inventory.inventory import Inventory


class Form(StrEnum):
    """The forms that inventories are delivered in: a folder of files each, but for ``gpkg``, which is one file."""

    RGI7 = "rgi7"
    GLIMS = "glims"
    OGGM = "oggm"
    SHAPEFILE = "shp"
    GEOJSON = "geojson"
    GEOPARQUET = "geoparquet"
    FLATGEOBUF = "fgb"
    GEOPACKAGE = "gpkg"


_SUFFIX: Final = {
    Form.SHAPEFILE: "shp",
    Form.GEOJSON: "geojson",
    Form.GEOPARQUET: "parquet",
    Form.FLATGEOBUF: "fgb",
}
_NOTES: Final = {
    Form.RGI7: rgi7.NOTES,
    Form.GLIMS: glims.NOTES,
    Form.OGGM: oggm.NOTES,
    Form.SHAPEFILE: plain.NOTES + plain.SHAPEFILE_NOTES,
}


def deliver(
    inventory: Inventory,
    out: str | Path,
    form: Form | str,
    *,
    submission: Submission | None = None,
    region: str | None = None,
) -> tuple[Path, ...]:
    """Write an inventory in a form that others take.

    Parameters
    ----------
    inventory
        The inventory.
    out
        The folder to make, or the file of ``gpkg``. Nothing may be there: a delivery is never overwritten.
    form
        One of `Form`.
    submission
        What ``glims`` asks for beside the outlines; no other form takes it.
    region
        The second-order region of RGI 7.0, as ``15-03``, of glaciers whose region is not known; for ``rgi7``,
        ``glims`` and ``oggm``.

    Returns
    -------
    The files written.

    Raises
    ------
    ConfigError
        When an option is missing, or is not for this form; when a glacier lacks what the form requires.
    OutputError
        When something is there already, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from firnline.inventory.columns import OWN, RGI7, empty
    >>> nothing = Inventory(empty({**OWN, **RGI7}, "EPSG:32645"))
    >>> out = Path(tempfile.mkdtemp()) / "everest"
    >>> [path.name for path in deliver(nothing, out, "geojson")][:2]
    ['README.txt', 'glaciers.geojson']
    """
    out, chosen = Path(os.path.abspath(out)), Form(form)  # noqa: PTH100 # "." has no name, and resolve() follows links
    _require_options(chosen, submission, region)
    _require_ids(inventory)
    if chosen == Form.GEOPACKAGE:
        if out.suffix != ".gpkg":
            raise OutputError("is no name of a GeoPackage", where=out, do="end it in .gpkg")
        if os.path.lexists(out):
            raise OutputError("is there already", where=out, do="name a new file")
        plain.write_styled(inventory, out)
        return (out,)
    with new_folder(out) as folder:
        _write(inventory, folder, chosen, out.name, submission, region)
        _write_notes(inventory, folder, chosen)
        for path in folder.iterdir():
            sync(path)
    return tuple(sorted(out.iterdir()))


def _require_options(form: Form, submission: Submission | None, region: str | None) -> None:
    if form == Form.GLIMS and submission is None:
        do = "give --submission FILE.yaml (examples/delivery/submission.yaml is one)"
        raise ConfigError("GLIMS asks who made the outlines, how, and from which images", do=do)
    if form != Form.GLIMS and submission is not None:
        raise ConfigError("is for --to glims only", where="--submission", do="leave it out")
    if region is not None and form not in (Form.RGI7, Form.GLIMS, Form.OGGM):
        raise ConfigError("is for --to rgi7, glims and oggm only", where="--region", do="leave it out")


def _require_ids(inventory: Inventory) -> None:
    """Each glacier has an id of its own, or no layer could be joined to it by those who get the files."""
    ids = inventory.glaciers["glacier_id"]
    if ids.isna().any() or ids.duplicated().any():
        which = "one glacier has none" if ids.isna().any() else f"'{ids[ids.duplicated()].iloc[0]}' is there twice"
        raise ConfigError(f"glaciers cannot be told apart: {which}", where="glacier_id", do="run `inventory check`")


def _write(
    inventory: Inventory, folder: Path, form: Form, name: str, submission: Submission | None, region: str | None
) -> None:
    match form:
        case Form.RGI7:
            rgi7.write_rgi7(inventory, folder, name, region=region)
        case Form.GLIMS:
            assert submission is not None
            glims.write_glims(inventory, submission, folder, region=region)
        case Form.OGGM:
            oggm.write_oggm(inventory, folder, region=region)
        case _:
            plain.write_layers(inventory, folder, _SUFFIX[form])


def _write_notes(inventory: Inventory, folder: Path, form: Form) -> None:
    """README.txt for people, provenance.json for programs."""
    made = {
        "form": str(form),
        "firnline_version": __version__,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "inventory": dict(inventory.provenance),
    }
    text = json.dumps(made, default=str, ensure_ascii=False, indent=2)
    (folder / "provenance.json").write_text(text + "\n", encoding="utf-8")
    glaciers = inventory.glaciers
    bounds = int(glaciers["is_lower_bound"].sum())
    lines = [
        f"{len(glaciers)} glaciers, {glaciers['area_km2'].sum():.3f} km2; the areas of {bounds} are lower bounds,",
        "as they touch or hold what is not known, or reach the scene's edge.",
        "Areas are on the ellipsoid, whatever the coordinates.",
        _NOTES.get(form, plain.NOTES).strip(),
        f"Written by firnline {__version__}; provenance.json says from what.",
    ]
    (folder / "README.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
