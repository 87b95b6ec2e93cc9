"""`firnline labels`: outlines to a class raster on a scene's grid."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from firnline.errors import ConfigError

if TYPE_CHECKING:
    from firnline.grid import Grid
    from firnline.labels import Role, Truth

_CLASS_WORDS = ("clean", "debris", "glacier", "rock")


@dataclass(frozen=True)
class _Given:
    """The files of outlines named on the command line."""

    outlines: Path | None
    clean: Path | None
    glaciers: Path | None
    debris: Path | None

    def require_one_way(self, class_column: str | None, classes: str | None) -> None:
        named = tuple(path is not None for path in (self.outlines, self.clean, self.glaciers, self.debris))
        if named not in (
            (True, False, False, False),
            (False, True, False, True),
            (False, False, True, False),
            (False, False, True, True),
            (False, False, False, True),
        ):
            raise ConfigError(
                "these options do not say which outlines to burn",
                do="give --outlines, or --clean and --debris, or --glaciers (and --debris), or --debris alone",
            )
        if self.outlines is None and (class_column or classes):
            raise ConfigError("tell about --outlines only", where="--class-column and --classes", do="leave them out")

    def truth(self, grid: Grid, class_column: str | None, classes: dict[str, Role], date_column: str | None) -> Truth:
        from firnline.labels import DebrisOnly, Parts, Role, read_outlines, truth_of

        if self.outlines is not None:
            return truth_of(
                read_outlines(
                    self.outlines, grid=grid, class_column=class_column, classes=classes, date_column=date_column
                )
            )
        # Debris beside whole glaciers comes from another source, so the column named need not be in it.
        debris_dates = None if self.glaciers is not None else date_column
        debris = (
            None
            if self.debris is None
            else read_outlines(self.debris, grid=grid, role=Role.DEBRIS, date_column=debris_dates)
        )
        if self.glaciers is not None:
            glaciers = read_outlines(self.glaciers, grid=grid, role=Role.GLACIER, date_column=date_column)
            return truth_of(glaciers, debris)
        assert debris is not None
        if self.clean is None:
            return DebrisOnly(debris)
        return Parts(read_outlines(self.clean, grid=grid, role=Role.CLEAN, date_column=date_column), debris)


def command(
    scene: Path = typer.Argument(help="Any raster on the wanted grid."),
    out: Path = typer.Option(..., "--output", "-o", help="The class raster to write (GeoTIFF)."),
    outlines: Path | None = typer.Option(
        None, help="One file: with a class column (ICIMOD, GLIMS, firnline), or of whole glaciers (RGI)."
    ),
    clean: Path | None = typer.Option(None, help="Clean parts of glaciers; with --debris, the other parts."),
    glaciers: Path | None = typer.Option(None, help="Whole glaciers; with --debris, debris mapped apart from them."),
    debris: Path | None = typer.Option(None, help="Debris-covered parts, or supraglacial debris."),
    border: Path | None = typer.Option(None, help="The region that was mapped; outside of it is unknown."),
    class_column: str | None = typer.Option(None, help="The column of --outlines that tells the class."),
    classes: str | None = typer.Option(None, help="What its values mean: 'VALUE=clean,VALUE=debris'."),
    all_touched: bool = typer.Option(False, help="Every pixel touched, not those whose centre is inside."),
    date_column: str | None = typer.Option(None, help="The column with the dates of the images."),
    firm: str | None = typer.Option(None, help="Outlines dated otherwise become unknown: 2000-10-01/2000-10-31."),
    unknown_rim: int = typer.Option(0, help="Pixels on both sides of a boundary to leave unknown."),
) -> None:
    """Turn outlines into a class raster on a scene's grid.

    Any file may be FILE:LAYER.
    """
    from firnline import __version__
    from firnline.classraster import read_grid, write_classes
    from firnline.labels import parse_firm_dates, rasterise, read_border

    given = _Given(outlines, clean, glaciers, debris)
    given.require_one_way(class_column, classes)
    firm_dates = None if firm is None else parse_firm_dates(firm)
    grid = read_grid(scene)
    truth = given.truth(grid, class_column, _meanings(classes), date_column)
    result = rasterise(
        grid,
        truth,
        border=None if border is None else read_border(border, grid=grid),
        all_touched=all_touched,
        firm_dates=firm_dates,
        unknown_rim=unknown_rim,
    )
    tags = {
        "OUTLINES": " ".join(dict.fromkeys(str(each.path) for each in truth.outlines)),
        "BORDER": str(border or "none"),
        "GRID_OF": str(scene),
        "BURNT": "every pixel touched" if all_touched else "pixels whose centre is inside",
        "FIRM_DATES": firm or "all",
        "UNKNOWN_RIM": str(unknown_rim),
        "FIRNLINE_VERSION": __version__,
        "FIRNLINE_CREATED": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    write_classes(out, result.classes, grid, result.scheme, tags)
    typer.echo("\n".join([*result.report.lines(), f"written: {out}"]))


def _meanings(text: str | None) -> dict[str, Role]:
    from firnline.labels import Role

    meanings = {}
    for part in text.split(",") if text else []:
        value, equals, word = part.rpartition("=")
        if not equals or word.strip().lower() not in _CLASS_WORDS:
            raise ConfigError(
                f"'{part}' says no class", where="--classes", do=f"write VALUE=CLASS, of {' '.join(_CLASS_WORDS)}"
            )
        meanings[value] = Role[word.strip().upper()]
    return meanings
