"""Contact sheets of chips: image, classes and what is unknown, side by side, with what the table says of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from firnline.chips.cuts import grouped, require_files
from firnline.chips.reader import OpenScene, OpenScenes
from firnline.chips.table import Chip, ChipTable, require_same_truth
from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import BandError
from firnline.files import replaced
from firnline.report.colours import CLASS_COLOURS, rgb
from firnline.report.falsecolour import choose_bands, class_picture, fit_stretch, step_for, to_rgb

_COLUMNS: Final = 2
_ROWS: Final = 5
CHIPS_A_SHEET: Final = _COLUMNS * _ROWS
_PANEL: Final = 1.85
"""Side of a picture, inches."""
_GAP, _BETWEEN, _MARGIN, _CAPTION, _HEAD, _FOOT = 0.06, 0.34, 0.3, 0.42, 0.62, 0.42
_LEGEND: Final = 7.2
"""Width of the legend, inches."""
_DOTS: Final = 170
_LARGEST: Final = 512
_INK, _FAINT = "#222222", "#666666"

_KNOWN: Final = "#e9e9e9"
UNKNOWN_COLOURS: Final = {
    "truth unknown": "#CC79A7",
    "a band unknown": "#E69F00",
    "both unknown": "#4a4a4a",
}
"""Reddish purple and orange of Okabe & Ito (2008): neither is the colour of a class."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class _Panels:
    """Three pictures of a chip, uint8 (row, column, 3), and the bands of the first."""

    image: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    unknown: NDArray[np.uint8]
    bands: tuple[str, str, str]
    scheme: LabelScheme


def draw_sheets(
    table: ChipTable,
    folder: Path,
    *,
    bands: tuple[str, str, str] | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Path]:
    """Draw every chip of a table, ten to a sheet, as ``sheet_01.png`` and so on.

    Each chip is three pictures: the image in false colour, each band stretched from its 2nd to its 98th percentile
    within the chip; the classes over the same image in grey; and which pixels are unknown, in the truth or in a
    measured band. Chips are read one at a time.

    Parameters
    ----------
    table
        The chips, in the order in which they shall appear.
    folder
        Where the sheets go.
    bands
        Features for red, green and blue; without them, the best false colour that each scene allows.
    progress
        Told how many chips of how many are drawn.

    Returns
    -------
    The sheets.

    Raises
    ------
    SceneError, BandError, GridError, LabelError
        When a scene is not where the table says, lacks a band, or does not fit its truth; nothing is written then.
    OutputError
        When a sheet cannot be written.
    """
    chips = list(table.chips())
    require_files(chips, table.path)
    require_same_truth(table)
    if bands is not None:
        _require_bands(chips, bands)
    records = table.frame.to_dict("records")
    sheets, count = [], ceil(len(chips) / CHIPS_A_SHEET)
    for number in range(count):
        first, last = number * CHIPS_A_SHEET, (number + 1) * CHIPS_A_SHEET

        def told(done: int, before: int = first) -> None:
            progress(before + done, len(chips))

        panels = _read(chips[first:last], bands, told)
        title = table.path.name + (f", sheet {number + 1} of {count}" if count > 1 else "")
        path = folder / f"sheet_{number + 1:02d}.png"
        _draw(path, title, [(record, panels[record["id"]]) for record in records[first:last]])
        sheets.append(path)
    return sheets


def _require_bands(chips: Sequence[Chip], bands: Sequence[str]) -> None:
    for cut, _ in grouped(chips):
        source = cut.source()
        missing = source.missing(bands)
        if missing:
            raise BandError(f"has no {' '.join(missing)}", where=cut.scene, do=f"it has {' '.join(source.available)}")


def _read(
    chips: Sequence[Chip], bands: tuple[str, str, str] | None, told: Callable[[int], None]
) -> dict[str, _Panels]:
    panels: dict[str, _Panels] = {}
    with OpenScenes(limit=1) as scenes:
        for cut, group in grouped(chips):
            scene = scenes.opened(cut)
            scene.require_in_place(group)
            for chip in group:
                panels[chip.id] = _panels(scene, chip, bands or choose_bands(scene.source.scene))
                told(len(panels))
    return panels


def _panels(scene: OpenScene, chip: Chip, bands: tuple[str, str, str]) -> _Panels:
    step = step_for(chip.window.shape, _LARGEST)
    truth = scene.truth(chip.window)[::step, ::step]
    values = scene.bands(bands, chip.window)[:, ::step, ::step]
    measured = scene.bands(scene.source.scene.band_names, chip.window)[:, ::step, ::step]
    image = to_rgb(values, fit_stretch(bands, values))
    return _Panels(
        image=image,
        classes=class_picture(image, truth, chip.scheme),
        unknown=_unknown_picture(truth, measured),
        bands=bands,
        scheme=chip.scheme,
    )


def _unknown_picture(truth: Classes, measured: NDArray[np.float32]) -> NDArray[np.uint8]:
    in_truth, in_bands = truth == UNKNOWN, ~np.isfinite(measured).all(axis=0)
    picture: NDArray[np.uint8] = np.full((*truth.shape, 3), rgb(_KNOWN), np.uint8)
    alone, bands, both = (rgb(colour) for colour in UNKNOWN_COLOURS.values())
    picture[in_truth & ~in_bands] = alone
    picture[in_bands & ~in_truth] = bands
    picture[in_truth & in_bands] = both
    return picture


def _draw(path: Path, title: str, drawn: Sequence[tuple[dict[Any, Any], _Panels]]) -> None:
    columns = min(_COLUMNS, len(drawn))
    rows = ceil(len(drawn) / columns)
    across = 3 * _PANEL + 2 * _GAP
    width = max(columns * across + (columns - 1) * _BETWEEN, _LEGEND) + 2 * _MARGIN
    height = _HEAD + rows * (_PANEL + _CAPTION) + _FOOT
    # A figure of its own, not pyplot's: pyplot keeps figures, and wants a display in some settings.
    figure = Figure(figsize=(width, height), dpi=_DOTS)
    FigureCanvasAgg(figure)
    figure.text(_MARGIN / width, 1 - 0.17 / height, title, fontsize=12, weight="bold", color=_INK, va="top")
    subtitle = f"Image ({_bands_in_words([panels.bands for _, panels in drawn])}) · classes · unknown"
    figure.text(_MARGIN / width, 1 - 0.39 / height, subtitle, fontsize=8.5, color=_FAINT, va="top")
    for number, (record, panels) in enumerate(drawn):
        row, column = divmod(number, columns)
        left = _MARGIN + column * (across + _BETWEEN)
        top = height - _HEAD - row * (_PANEL + _CAPTION)
        _write_caption(figure, record, left / width, (top - 0.02) / height)
        for position, picture in enumerate((panels.image, panels.classes, panels.unknown)):
            x, y = left + position * (_PANEL + _GAP), top - _CAPTION - _PANEL + 0.06
            axes = figure.add_axes((x / width, y / height, _PANEL / width, _PANEL / height))
            _show(axes, picture)
    _write_legend(figure, [panels.scheme for _, panels in drawn], _MARGIN / width)
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", facecolor="white")


def _show(axes: Axes, picture: NDArray[np.uint8]) -> None:
    axes.imshow(picture, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(linewidth=0.5, color="#9a9a9a")


def _write_caption(figure: Figure, record: dict[Any, Any], x: float, y: float) -> None:
    name = str(record["id"])
    where = [_text(record["date"]) or "no date", _text(record["split"]) or "in no split"]
    shares = [f"known {_per_cent(record['valid'])}"]
    shares += [f"{key} {_per_cent(record[key])}" for key in ("clean", "debris") if _is_number(record[key])]
    if len(shares) == 1 and _is_number(record["glacier"]):
        shares.append(f"glacier {_per_cent(record['glacier'])}")
    shown = name if len(name) <= 64 else f"{name[:30]}…{name[-32:]}"
    figure.text(x, y, shown, fontsize=8, weight="bold", color=_INK, va="top")
    line = "   ".join([*where, *shares])
    figure.text(x, y - 0.15 / figure.get_figheight(), line, fontsize=7.5, color=_FAINT, va="top")


def _write_legend(figure: Figure, schemes: Sequence[LabelScheme], left: float) -> None:
    names = dict.fromkeys(name for scheme in schemes for name in scheme.class_names[1:])
    handles = [Patch(facecolor=CLASS_COLOURS[name], label=name) for name in names]
    handles.append(Patch(facecolor="#e8e8e8", edgecolor="#b0b0b0", hatch="////", label="unknown"))
    handles += [Patch(facecolor=colour, label=name) for name, colour in UNKNOWN_COLOURS.items()]
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(left, 0.06 / figure.get_figheight()),
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        labelcolor=_INK,
        borderaxespad=0.0,
        handlelength=1.3,
        columnspacing=1.4,
    )


def _bands_in_words(bands: Sequence[tuple[str, str, str]]) -> str:
    """Which bands are red, green and blue; of scenes with different bands, all combinations."""
    kinds = dict.fromkeys(bands)
    return "; ".join(f"grey: {red}" if red == blue else f"{red}, {green}, {blue}" for red, green, blue in kinds)


def _per_cent(share: float) -> str:
    """A share for people: small ones are not rounded to nothing.

    Examples
    --------
    >>> _per_cent(0.5), _per_cent(0.0004), _per_cent(0.0), _per_cent(0.99999)
    ('50 %', '0.04 %', '0 %', '>99.9 %')
    """
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.{0 if share in (0, 1) or share >= 0.1 else 1 if share >= 0.001 else 2}f} %"


def _is_number(value: Any) -> bool:
    return isinstance(value, (float, int)) and value == value


def _text(value: Any) -> str:
    return "" if value is None or value != value or str(value) in ("NaT", "<NA>") else str(value)
