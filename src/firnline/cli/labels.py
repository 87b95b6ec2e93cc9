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
    from firnline.labels import Outlines, Role, Truth
    from firnline.labels.dates import FirmDates

_CLASS_WORDS = ("clean", "debris", "glacier", "rock")


@dataclass(frozen=True)
class _Given:
    """The files of outlines named on the command line, each kind in one file or several."""

    outlines: list[Path]
    clean: list[Path]
    glaciers: list[Path]
    debris: list[Path]

    def require_one_way(self, class_column: str | None, classes: str | None) -> None:
        named = tuple(bool(paths) for paths in (self.outlines, self.clean, self.glaciers, self.debris))
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
        if not self.outlines and (class_column or classes):
            raise ConfigError("tell about --outlines only", where="--class-column and --classes", do="leave them out")

    def truth(self, grid: Grid, class_column: str | None, classes: dict[str, Role], date_column: str | None) -> Truth:
        from firnline.labels import DebrisOnly, Parts, Role, joined, read_outlines, truth_of

        def read(paths: list[Path], role: Role, dates: str | None) -> Outlines:
            return joined([read_outlines(path, grid=grid, role=role, date_column=dates) for path in paths])

        if self.outlines:
            several = [
                read_outlines(path, grid=grid, class_column=class_column, classes=classes, date_column=date_column)
                for path in self.outlines
            ]
            return truth_of(joined(several))
        # Debris beside whole glaciers comes from another source, so the column named need not be in it.
        debris = read(self.debris, Role.DEBRIS, None if self.glaciers else date_column) if self.debris else None
        if self.glaciers:
            return truth_of(read(self.glaciers, Role.GLACIER, date_column), debris)
        assert debris is not None
        return Parts(read(self.clean, Role.CLEAN, date_column), debris) if self.clean else DebrisOnly(debris)


def command(
    scene: Path = typer.Argument(help="Any raster on the wanted grid."),
    out: Path = typer.Option(..., "--output", "-o", help="The class raster to write (GeoTIFF)."),
    outlines: list[Path] = typer.Option(
        [], help="With a class column (ICIMOD, GLIMS, firnline), or of whole glaciers (RGI)."
    ),
    clean: list[Path] = typer.Option([], help="Clean parts of glaciers; with --debris, the other parts."),
    glaciers: list[Path] = typer.Option([], help="Whole glaciers; with --debris, debris mapped apart from them."),
    debris: list[Path] = typer.Option([], help="Debris-covered parts, or supraglacial debris."),
    border: Path | None = typer.Option(None, help="The region that was mapped; outside of it is unknown."),
    class_column: str | None = typer.Option(None, help="The column of --outlines that tells the class."),
    classes: str | None = typer.Option(None, help="What its values mean: 'VALUE=clean,VALUE=debris'."),
    all_touched: bool = typer.Option(False, help="Every pixel touched, not those whose centre is inside."),
    date_column: str | None = typer.Option(None, help="The column with the dates of the images."),
    date: str | None = typer.Option(None, help="The scene's day, where neither it nor its sidecar says it."),
    firm: str | None = typer.Option(None, help="Outlines dated otherwise become unknown: 2000-10-01/2000-10-31."),
    firm_within: int | None = typer.Option(None, min=0, help="The same, by days from the scene's date."),
    unknown_rim: int = typer.Option(0, help="Pixels on both sides of a boundary to leave unknown."),
) -> None:
    """Turn outlines into a class raster on a scene's grid.

    Any file may be FILE:LAYER. --outlines, --clean, --glaciers and --debris may be given several times.
    """
    from firnline import __version__
    from firnline.classraster import read_grid, write_classes
    from firnline.labels import date_of_raster, rasterise, read_border

    given = _Given(outlines, clean, glaciers, debris)
    given.require_one_way(class_column, classes)
    grid = read_grid(scene)
    scene_date = date_of_raster(scene) if date is None else _day(date)
    firm_dates = _firm_dates(firm, firm_within, scene_date, scene)
    truth = given.truth(grid, class_column, _meanings(classes), date_column)
    result = rasterise(
        grid,
        truth,
        border=None if border is None else read_border(border, grid=grid),
        all_touched=all_touched,
        firm_dates=firm_dates,
        unknown_rim=unknown_rim,
        scene_date=scene_date,
    )
    tags = {
        "OUTLINES": " ".join(dict.fromkeys(str(path) for each in truth.outlines for path in each.paths)),
        "OUTLINE_DATES": result.report.dates(),
        "BORDER": str(border or "none"),
        "GRID_OF": str(scene),
        "BURNT": "every pixel touched" if all_touched else "pixels whose centre is inside",
        "FIRM_DATES": "all" if firm_dates is None else "/".join(map(str, dict.fromkeys(firm_dates))),
        "UNKNOWN_RIM": str(unknown_rim),
        "FIRNLINE_VERSION": __version__,
        "FIRNLINE_CREATED": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    write_classes(out, result.classes, grid, result.scheme, tags)
    typer.echo("\n".join([*result.report.lines(), f"written: {out}"]))


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"'{text}' is not a day", where="--date", do="write it as 2000-10-30") from None


def _firm_dates(firm: str | None, within: int | None, scene_date: dt.date | None, scene: Path) -> FirmDates | None:
    from firnline.labels import firm_within, parse_firm_dates

    if firm is not None and within is not None:
        raise ConfigError("say the same in two ways", where="--firm and --firm-within", do="give one of them")
    if within is not None:
        return firm_within(within, scene_date, scene)
    return None if firm is None else parse_firm_dates(firm)


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
