"""Figures of splits: where their sides lie, how IoU is distributed, and IoU against density."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, cos, radians
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from firnline.chips.table import SPLITS, TEST, TRAIN, VALIDATION
from firnline.experiments.figures import COLOURS, GREY, canvas, png_of
from firnline.experiments.outcome import Figure
from firnline.experiments.region_splits import BY_REGION, KINDS, Split

if TYPE_CHECKING:
    from firnline.experiments.regions import Score

_OF_SIDE: Final = {TRAIN: COLOURS[0], VALIDATION: COLOURS[4], TEST: COLOURS[1]}
_MARKERS: Final = dict(zip(KINDS, ("o", "s"), strict=True))
_LEAST: Final = 0.012
"""An outline smaller than this share of the map is also marked by a dot."""


def split_maps(splits: Sequence[Split]) -> Figure:
    """The outlines of all sides of each split, in degrees."""
    columns = min(5, max(sum(split.kind == kind for split in splits) for kind in KINDS))
    by_kind = [[split for split in splits if split.kind == kind] for kind in KINDS]
    rows = [ceil(len(own) / columns) for own in by_kind]
    bounds = _bounds(splits)
    height = min(4.0, max(1.0, 2.4 * (bounds[3] - bounds[1]) / (bounds[2] - bounds[0]) * _stretch(bounds)))
    figure = canvas(0.8 + 2.4 * columns, 0.6 + (height + 0.6) * sum(rows))
    axes = figure.subplots(sum(rows), columns, squeeze=False, sharex=True, sharey=True)
    for each in axes.flat:
        each.set_axis_off()
    for first, own in zip((0, rows[0]), by_kind, strict=True):
        for place, split in enumerate(own):
            one = axes[first + place // columns, place % columns]
            one.set_axis_on()
            _map(one, split, bounds)
    handles = [
        Polygon([(0, 0)], facecolor=colour, edgecolor="white", label=side) for side, colour in _OF_SIDE.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    axes[0, 0].set_ylabel("degrees north", fontsize=8)
    axes[-1, 0].set_xlabel("degrees east", fontsize=8)
    caption = (
        "Outlines of scenes or chips by side. By region, the test side lies elsewhere, and validation is drawn at "
        "random from the training region. Dots mark outlines too small to see."
    )
    return Figure("maps", "Where the splits lie", caption, png_of(figure))


def _bounds(splits: Sequence[Split]) -> tuple[float, float, float, float]:
    every = shapely.total_bounds([outline for split in splits for own in split.outlines.values() for outline in own])
    margin = 0.06 * max(every[2] - every[0], every[3] - every[1])
    return every[0] - margin, every[1] - margin, every[2] + margin, every[3] + margin


def _stretch(bounds: tuple[float, float, float, float]) -> float:
    """How much longer a degree of latitude is than one of longitude, towards the poles up to 4."""
    return min(4.0, 1 / max(0.25, cos(radians((bounds[1] + bounds[3]) / 2))))


def _map(axes: Axes, split: Split, bounds: tuple[float, float, float, float]) -> None:
    left, bottom, right, top = bounds
    for side in SPLITS:
        for outline in split.outlines[side]:
            axes.add_patch(
                Polygon(
                    np.asarray(outline.exterior.coords), facecolor=_OF_SIDE[side], edgecolor="white", linewidth=0.4
                )
            )
            west, south, east, north = outline.bounds
            if max(east - west, north - south) < _LEAST * max(right - left, top - bottom):
                axes.plot(*outline.centroid.coords[0], marker="o", markersize=4, color=_OF_SIDE[side], alpha=0.8)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set_aspect(_stretch(bounds), adjustable="box")
    axes.set_title(split.name, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=4)


def distributions(found: Sequence[Score]) -> tuple[Figure, ...]:
    """IoU of both sides of every split, joined by a line; nothing where there is none."""
    questions = list(dict.fromkeys(each.question for each in found))
    if not questions:
        return ()
    figure = canvas(max(7.5, 1.0 + 3.2 * len(questions)), 3.6)
    axes = figure.subplots(1, len(questions), sharey=True, squeeze=False)[0]
    places = {(kind, side): 2.6 * k + s for k, kind in enumerate(KINDS) for s, side in enumerate((VALIDATION, TEST))}
    for one, question in zip(axes, questions, strict=True):
        own = [each for each in found if each.question == question]
        for (kind, side), place in places.items():
            ious = [each.iou for each in own if (each.split.kind, each.side) == (kind, side)]
            if ious:
                one.boxplot([ious], positions=[place], widths=0.5, showfliers=False, medianprops={"color": GREY})
        for split in dict.fromkeys(each.split.name for each in own):
            pair = [each for each in own if each.split.name == split]
            at = [places[each.split.kind, each.side] for each in pair]
            one.plot(at, [each.iou for each in pair], color=GREY, linewidth=0.8, zorder=3)
            colours = [_OF_SIDE[each.side] for each in pair]
            one.scatter(at, [each.iou for each in pair], c=colours, s=28, zorder=4)
            one.scatter(at, [each.density for each in pair], c=colours, s=36, marker="_", zorder=4)
        one.set_xticks(list(places.values()), [f"{side}\n{kind}" for kind, side in places], fontsize=7)
        one.set(title=question, ylim=(0, 1), xlim=(-0.6, max(places.values()) + 0.6))
        one.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("IoU")
    caption = "Every dot is a split (the mean of its seeds), a line joins its sides; bars: everything is the class."
    return (Figure("distributions", "IoU in the same region and in another", caption, png_of(figure)),)


def density_figure(found: Sequence[Score]) -> tuple[Figure, ...]:
    """IoU against the density of the class, with the score of a map that shows nothing else."""
    questions = list(dict.fromkeys(each.question for each in found))
    if not questions:
        return ()
    figure = canvas(max(7.5, 1.0 + 3.1 * len(questions)), 4.2)
    axes = figure.subplots(1, len(questions), sharey=True, squeeze=False)[0]
    for one, question in zip(axes, questions, strict=True):
        own = [each for each in found if each.question == question]
        most = min(1.0, 1.15 * max(each.density for each in own))
        one.plot([0, most], [0, most], color=GREY, linestyle=":", label="everything is the class")
        for kind in KINDS:
            for side in (VALIDATION, TEST):
                these = [each for each in own if (each.split.kind, each.side) == (kind, side)]
                one.scatter(
                    [each.density for each in these],
                    [each.iou for each in these],
                    marker=_MARKERS[kind],
                    s=34,
                    edgecolors=_OF_SIDE[side],
                    facecolors=_OF_SIDE[side] if kind == BY_REGION else "none",
                    label=f"{side}, {kind}",
                )
        one.set(title=question, xlabel="density: share of the class", ylim=(0, 1), xlim=(0, most))
        one.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("IoU")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    caption = (
        "IoU against glacier density, a dot for each side of each split; on the dotted line a map shows nothing else."
    )
    return (Figure("density", "IoU against density", caption, png_of(figure)),)
