"""Figure 6: where the model puts glaciers by elevation and slope, with and without terrain among what it sees."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from matplotlib.axes import Axes
from pydantic import Field, field_validator

from firnline.chips.entries import open_source
from firnline.evaluation.bootstrap import LEAST_UNITS
from firnline.evaluation.distributions import Estimate
from firnline.evaluation.paired import LEAST_SEEDS
from firnline.experiments.arms import Arm
from firnline.experiments.config import Settings, section
from firnline.experiments.figures import COLOURS, GREY, canvas, png_of
from firnline.experiments.outcome import Cell, Figure, Outcome, Table
from firnline.experiments.paper_numbers import ANOTHER
from firnline.experiments.placement import AXES, ELEVATION, NEEDS, SLOPE, Axis, Placement, placements
from firnline.experiments.scoring import differences_table, found, iou_table
from firnline.experiments.study import Study
from firnline.features import TERRAIN

NAME: Final = "terrain"
WITH, WITHOUT = "with-terrain", "without-terrain"
_STEEP: Final = 30.0
_LOW: Final = 0.01

FIGURE_6: Final = Table(
    "paper-figure-6",
    "The paper's Figure 6 and section 4 (another data set)",
    ("what", "the paper says"),
    (
        ("elevation and slope as input", "an improvement of 10-14% IoU"),
        ("where glaciers are not", "low elevation and steep areas typically do not contain glaciers"),
        ("clean ice", "tends to be found at high elevation"),
        ("debris-covered glaciers", "are found in valleys"),
        ("steep slopes", "neither type of glacier is found there"),
    ),
    f"{ANOTHER} The paper shows maps and no numbers of where its models put glaciers.",
)


class TerrainSettings(Settings):
    """What of the terrain the one arm sees, and how wide the classes of the histograms are."""

    inputs: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Without it the features of terrain that the model takes anyway; where it takes none, the paper's two."""
    elevation_m: Annotated[int, Field(ge=10, le=1000, multiple_of=10)] = 100
    slope_degrees: Annotated[int, Field(ge=1, le=30)] = 5

    @field_validator("inputs")
    @classmethod
    def _of_terrain(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        allowed = [name for name in TERRAIN if name != "aspect"]
        for name in names or ():
            if name not in allowed:
                raise ValueError(f"'{name}' is not a feature of terrain; there are {', '.join(allowed)}")
        return names


def run(study: Study) -> Outcome:
    """Train and test with and without terrain as input, and compare where both put glaciers.

    Raises
    ------
    ConfigError
        When no test scene has heights, a scene lacks a feature that the model shall take, or it takes nothing else.
    """
    own = section(study.config, NAME, TerrainSettings)
    arms = terrain_arms(study, own)
    _require_heights(study, arms[0])
    trials = study.trials(arms)
    counted = placements(trials, study.config.block)
    widths = {ELEVATION.name: own.elevation_m, SLOPE.name: own.slope_degrees}
    tables = (
        differences_table(trials, against=WITHOUT),
        iou_table(study, trials),
        _distance_table(counted.of),
        _where_table(counted.of),
        *(_histogram(counted.of, axis, widths[axis.name]) for axis in AXES),
        FIGURE_6,
    )
    sentences = [*found(trials, against=WITHOUT), *(s for each in counted.of for s in _sentences(each))]
    if counted.without_heights:
        sentences.append(f"Not in the histograms, as they have no heights: {', '.join(counted.without_heights)}.")
    return Outcome(
        "Terrain: where the model puts glaciers",
        "Does a model that sees the terrain put glaciers at the heights and on the slopes where they are?",
        tables,
        (_figure(counted.of, widths),),
        tuple(sentences),
        {"model": study.config.model, **own.model_dump(), "terrain seen": _terrain_of(arms[0])},
        trials,
    )


def terrain_arms(study: Study, own: TerrainSettings) -> list[Arm]:
    """The model with terrain among its bands, and without.

    Raises
    ------
    ConfigError
        When nothing is left without terrain.
    """
    config = study.arm(study.config.model).config
    bands, optional = (tuple(n for n in names if n not in TERRAIN) for names in (config.bands, config.optional))
    if not bands:
        raise study.refusal("without terrain, no band is left that every scene has", "name more bands")
    model = study.config.model
    if own.inputs is None and any(name in TERRAIN for name in config.layout.bands):
        seen = study.arm(model, name=WITH)
    else:
        seen = study.arm(model, name=WITH, bands=(*bands, *(own.inputs or NEEDS)), optional=optional)
    return [seen, study.arm(model, name=WITHOUT, bands=bands, optional=optional)]


def _terrain_of(arm: Arm) -> list[str]:
    return [name for name in arm.config.layout.bands if name in TERRAIN]


def _require_heights(study: Study, arm: Arm) -> None:
    """Raise ConfigError, before anything is trained, when a scene lacks what the arm takes or no test has heights."""
    for scene in (scene for fold in study.folds for scene in (*fold.train, *fold.test)):
        source = open_source(scene.entry, scene.path, scene.folder)
        missing = source.missing([name for name in arm.config.bands if name in TERRAIN])
        if missing:
            why = ", ".join(f"{name} ({source.why_missing(name)})" for name in missing)
            raise study.refusal(f"{scene.name} lacks {why}", "name a DEM, or make terrain optional")
    if all(test.source.missing(NEEDS) for fold in study.folds for test in fold.tests()):
        raise study.refusal("no test scene has heights", "store elevation in the scene, or name a DEM (dem)")


def _distance_table(counted: tuple[Placement, ...]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in counted:
        both = [each.distances(axis, WITH, WITHOUT) for axis in AXES]
        for number, arm in enumerate((WITH, WITHOUT, f"{WITH} less {WITHOUT}")):
            cells = [_rounded(found[number], digits) for found, digits in zip(both, (0, 1), strict=True)]
            says = "; ".join(
                f"{axis.name}: {_verdict(f[2], each)}" for axis, f in zip(AXES, both, strict=True) if number == 2
            )
            rows.append((each.question, arm, *cells[0], *cells[1], says or None))
    columns = ("class", "of", *_with_ends("elevation, m"), *_with_ends("slope, degrees"), "found")
    note = (
        "How far the mapped area must be moved, on average, to lie where the true area does: Wasserstein's "
        "distance of order 1 between the two distributions, whatever their totals. Low and high: the 95 % "
        "bootstrap interval over blocks and seeds, drawn again at once; it is about these scenes. A distance is "
        "never below zero, so that drawing again lengthens short ones: the intervals of distances lean upwards, "
        "that of their difference does not. A map is called closer or further only where the interval of the "
        f"difference excludes zero, from {LEAST_SEEDS} seeds and {LEAST_UNITS} blocks on."
    )
    return Table("distance", "Distance of the distributions from the truth", columns, tuple(rows), note)


def _with_ends(quantity: str) -> tuple[str, str, str]:
    return quantity, f"{quantity}: low", f"{quantity}: high"


def _rounded(found: Estimate, digits: int) -> tuple[Cell, Cell, Cell]:
    def cell(value: float | None) -> Cell:
        return None if value is None else f"{value:.{digits}f}"

    return cell(found.value), cell(found.low), cell(found.high)


def _verdict(gap: Estimate, each: Placement) -> str:
    if gap.low is None or gap.high is None or len(each.seeds) < LEAST_SEEDS:
        return "too few to say"
    if gap.high < 0:
        return "closer"
    return "further" if gap.low > 0 else "no difference found"


def _where_table(counted: tuple[Placement, ...]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in counted:
        true_heights = each.true_areas(ELEVATION)
        low = ELEVATION.quantile(true_heights, _LOW)
        sides = {"truth": (true_heights, each.true_areas(SLOPE))}
        sides |= {arm: (each.mapped_areas(ELEVATION, arm), each.mapped_areas(SLOPE, arm)) for arm in each.arms}
        for name, (heights, slopes) in sides.items():
            middle, gentle = ELEVATION.quantile(heights, 0.5), SLOPE.share_below(slopes, _STEEP)
            rows.append(
                (
                    *(each.question, name, float(heights.sum()), None if middle is None else round(middle)),
                    None if low is None else ELEVATION.share_below(heights, low),
                    None if gentle is None else 1 - gentle,
                )
            )
    shares = ("share lower than 99 % of the true", f"share steeper than {_STEEP:g}°")
    columns = ("class", "of", "area, km²", "median elevation, m", *shares)
    note = "Over the pixels that the truth and every map know and that have heights; areas are means over seeds."
    return Table("where", "Where they lie", columns, tuple(rows), note)


def _histogram(counted: tuple[Placement, ...], axis: Axis, width: float) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in counted:
        edges, areas = _coarse(each, axis, width)
        for number in np.flatnonzero(areas.sum(axis=0)):
            rows.append((each.question, int(edges[number]), int(edges[number + 1]), *areas[:, number].tolist()))
    columns = ("class", f"from, {axis.unit}", f"to, {axis.unit}", "truth, km²", f"{WITH}, km²", f"{WITHOUT}, km²")
    note = "Classes without any area are left out; areas of maps are means over seeds."
    return Table(axis.name, f"Area by {axis.name}", columns, tuple(rows), note)


def _coarse(each: Placement, axis: Axis, width: float) -> tuple[np.ndarray, np.ndarray]:
    """(edges, areas of the truth and of both arms) in classes so wide."""
    found = [each.true_areas(axis), *(each.mapped_areas(axis, arm) for arm in (WITH, WITHOUT))]
    coarse = [axis.coarser(areas, width) for areas in found]
    return coarse[0][0], np.stack([areas for _, areas in coarse])


def _sentences(each: Placement) -> list[str]:
    if not each.true_areas(ELEVATION).any():
        return [f"{each.question}: the truth holds none, so that there is nothing to compare the maps with."]
    said = []
    for axis, digits in ((ELEVATION, 0), (SLOPE, 1)):
        first, second, gap = each.distances(axis, WITH, WITHOUT)
        silent = [arm for arm, found in ((WITH, first), (WITHOUT, second)) if found.value is None]
        if silent:
            said.append(f"{each.question}, {axis.name}: nothing to compare, as {' and '.join(silent)} maps none.")
            continue
        said.append(
            f"{each.question}, {axis.name}: the map lies {first.text(digits)} {axis.unit} from the truth with "
            f"terrain, {second.text(digits)} without; difference {gap.text(digits)}: {_verdict(gap, each)}."
        )
    if each.lost_km2:
        said.append(
            f"{each.question}: {each.lost_km2:.1f} km² of it, unknown in a map or in heights, is not counted."
        )
    return said


def _figure(counted: tuple[Placement, ...], widths: dict[str, int]) -> Figure:
    """Small multiples: a row a class, elevation and slope side by side."""
    figure = canvas(9.0, 0.7 + 2.1 * max(1, len(counted)))
    panels = figure.subplots(max(1, len(counted)), 2, squeeze=False)
    for row, each in zip(panels, counted, strict=False):
        for one, axis in zip(row, AXES, strict=True):
            _panel(one, each, axis, widths[axis.name])
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower right", ncols=3, frameon=False, fontsize=8)
    caption = (
        f"Area by elevation (classes of {widths[ELEVATION.name]} m) and slope ({widths[SLOPE.name]} degrees): "
        "grey, the truth; lines, the maps of both arms, means over seeds."
    )
    return Figure("by-terrain", "Area by elevation and slope, mapped and true", caption, png_of(figure))


def _panel(one: Axes, each: Placement, axis: Axis, width: float) -> None:
    edges, (truth, *maps) = _coarse(each, axis, width)
    held = np.flatnonzero(truth + sum(maps))
    if len(held):
        part = slice(max(0, int(held[0]) - 1), int(held[-1]) + 2)
        ends = edges[part.start : part.stop + 1]
        one.stairs(truth[part], ends, fill=True, color=GREY, alpha=0.45, label="truth")
        for areas, arm, colour, width in zip(maps, (WITH, WITHOUT), COLOURS[:2], (3.2, 1.4), strict=True):
            one.stairs(areas[part], ends, color=colour, linewidth=width, label=arm)  # both seen where they are one
    one.set(xlabel=f"{axis.name}, {axis.unit}", ylabel="km²", title=each.question)
    one.spines[["top", "right"]].set_visible(False)
