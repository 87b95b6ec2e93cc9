"""Figure 3: image, labels and the maps of several models side by side, at places that a rule chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from pydantic import Field

from firnline.classes import LabelScheme
from firnline.evaluation.blocks import Unit, UnitCounts, blocks
from firnline.evaluation.scores import scores
from firnline.experiments.arms import Arm
from firnline.experiments.classes import class_arms
from firnline.experiments.config import Settings, section
from firnline.experiments.figures import INK, canvas, png_of
from firnline.experiments.mapped_scenes import MappedScene, mapped_scenes
from firnline.experiments.measure import Question
from firnline.experiments.outcome import Cell, Figure, Outcome, Table
from firnline.experiments.paper_numbers import ANOTHER
from firnline.experiments.results import Trials
from firnline.experiments.scoring import iou_table
from firnline.experiments.study import Study
from firnline.grid import Window
from firnline.report.canvas import nice_length
from firnline.report.colours import CLASS_COLOURS
from firnline.report.falsecolour import choose_bands, class_picture, fit_stretch, to_rgb

NAME: Final = "gallery"
_PANEL: Final = 2.1
"""Side of a picture, inches."""

FIGURE_3: Final = Table(
    "paper-figure-3",
    "The paper's Figure 3 (another data set)",
    ("panel", "the paper says"),
    (
        (
            "one class",
            "a model trained to recognize the union of clean ice or debris-covered glaciers fails to recognize major "
            "debris-covered glaciers",
        ),
        ("two classes, and two binary models", "multiclass and combined binary models give comparable predictions"),
    ),
    f"{ANOTHER} The paper does not say how its places were chosen.",
)


class GallerySettings(Settings):
    """Which models are shown, and among which places is chosen."""

    models: Annotated[tuple[str, ...], Field(min_length=1)] | Literal["classes"] = ("forest", "unet", "firn")
    """Models by name, the first of which chooses; or ``classes``: the paper's one class, two classes, and two binary
    models."""
    question: Question | None = None
    """Whose IoU chooses; without it that of all glacier where the truth tells it, else of the one class it tells."""
    least_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Blocks with less of the class than this, as a share of their known pixels, are not chosen."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Which of several equally good, or bad, blocks is taken."""
    labels: bool = True
    """Show the truth beside the maps; false where its licence does not let the picture be passed on."""


@dataclass(frozen=True)
class Place:
    """A block that was chosen: why, in which fold, which block, and its IoU by arm (None where it has no value)."""

    why: str
    fold: str
    unit: Unit
    iou: dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A place's pictures, uint8 (row, column, 3), by title; the bands of the first, its width in metres."""

    place: Place
    pictures: dict[str, NDArray[np.uint8]]
    schemes: tuple[LabelScheme, ...]
    bands: tuple[str, str, str]
    metres: float


def run(study: Study) -> Outcome:
    """Train and test the models, choose the places, and draw them.

    Raises
    ------
    ConfigError
        When a model is not known, or no block holds enough of the class that chooses.
    """
    own = section(study.config, NAME, GallerySettings)
    trials = study.trials(_arms(study, own))
    question = own.question or trials.questions[0]
    places = choose_places(trials, question, own)
    if not places:
        raise study.refusal(
            f"no block of {study.config.block} pixels that {trials.arms[0]} was tested on holds "
            f"{100 * own.least_share:g} % {question}",
            "choose a smaller least_share, a larger block, or another question",
        )
    drawn = _draw_all(trials, places, study.config.block, labels=own.labels)
    return Outcome(
        "Gallery: image, labels and maps side by side",
        "What do the maps look like where they are best, middling and worst?",
        (_places_table(trials, places, question), iou_table(study, trials), FIGURE_3),
        (_figure(trials, drawn, question),),
        (_rule(trials, question, own, study.config.block),),
        own.model_dump() | {"question": question},
        trials,
    )


def _arms(study: Study, own: GallerySettings) -> list[Arm]:
    if own.models == "classes":
        study.require_classes()
        return class_arms(study)
    for model in own.models:
        study.require_model(model, "settings.gallery.models")
    return [study.arm(model) for model in own.models]


def choose_places(trials: Trials, question: Question, own: GallerySettings) -> tuple[Place, ...]:
    """The best, the median and the worst block of the first arm and seed; fewer where there are fewer blocks."""
    seed, first = trials.seeds[0], trials.arms[0]
    ranked = []
    for trial in trials.only(arm=first, seed=seed):
        for unit in trial.units(question):
            known, score = sum(unit.true_pixels), scores(unit.confusion, 1).iou
            if known and unit.true_pixels[1] >= own.least_share * known and score is not None:
                ranked.append((score, trial.fold, unit.unit))
    order = np.random.default_rng(own.seed).permutation(len(ranked))  # decides between blocks that are equal
    ranked = sorted((ranked[number] for number in order), key=lambda each: -each[0])
    wanted = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    taken = {number: why for why, number in reversed(wanted.items()) if ranked}
    by_place = {(t.arm, t.fold, u.unit): u for t in trials.only(seed=seed) for u in t.units(question)}
    return tuple(
        Place(why, fold, unit, {arm: _iou(by_place.get((arm, fold, unit))) for arm in trials.arms})
        for number, why in sorted(taken.items())
        for _, fold, unit in [ranked[number]]
    )


def _iou(unit: UnitCounts | None) -> float | None:
    return None if unit is None else scores(unit.confusion, 1).iou


def _rule(trials: Trials, question: Question, own: GallerySettings, side: int) -> str:
    return (
        f"The places were not chosen by hand: they are the best, the median and the worst block of {side} pixels "
        f"by the IoU of {question} of {trials.arms[0]}, seed {trials.seeds[0]}, among those with at least "
        f"{100 * own.least_share:g} % of it in the truth; between equal ones seed {own.seed} decides."
    )


def _places_table(trials: Trials, places: Sequence[Place], question: Question) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (place.why, place.fold, place.unit.name, *(place.iou[arm] for arm in trials.arms)) for place in places
    ]
    columns = ("place", "fold", "scene/row-column of blocks", *(f"IoU {arm}" for arm in trials.arms))
    note = f"IoU of {question} in this one block, seed {trials.seeds[0]}: no measure of a model."
    return Table("places", "The places", columns, tuple(rows), note)


def _draw_all(trials: Trials, places: Sequence[Place], side: int, *, labels: bool) -> list[Drawn]:
    found = {}
    for each in mapped_scenes(trials.only(seed=trials.seeds[0])):
        for number, place in enumerate(places):
            if (place.fold, place.unit.scene) == (each.fold.name, each.scene.name):
                found[number] = _draw(each, place, side, labels=labels)
    return [found[number] for number in range(len(places))]


def _draw(each: MappedScene, place: Place, side: int, *, labels: bool) -> Drawn:
    scene = each.scene
    [window] = [w for i, j, w in blocks(scene.truth.shape, side) if (i, j) == (place.unit.row, place.unit.column)]
    there = Window(window.row + scene.area.row, window.column + scene.area.column, *window.shape)
    bands = choose_bands(scene.source.scene)
    with scene.source.scene.reader() as reader:
        values = reader.read(bands, there)
    image = to_rgb(values, fit_stretch(bands, values))
    below = image.copy()
    below[~np.isfinite(values).all(axis=0)] = 255  # stripes are for what is unknown in the classes
    pictures, schemes = {"image": image}, []
    if labels:
        pictures["labels"] = class_picture(below, scene.truth[window.slices], scene.scheme)
        schemes.append(scene.scheme)
    for trial in each.trials:
        said = each.map_of(trial)
        pictures[trial.arm] = class_picture(below, said.classes[window.slices], said.scheme)
        schemes.append(said.scheme)
    return Drawn(place, pictures, tuple(schemes), bands, window.width * scene.grid.resolution)


def _figure(trials: Trials, drawn: Sequence[Drawn], question: Question) -> Figure:
    """A row a place: image, labels where they are shown, and the map of every model with its IoU below."""
    columns, has_labels = len(drawn[0].pictures), "labels" in drawn[0].pictures
    figure = canvas(0.5 + _PANEL * columns, 0.6 + (_PANEL + 0.35) * len(drawn))
    panels = figure.subplots(len(drawn), columns, squeeze=False)
    for number, (row, each) in enumerate(zip(panels, drawn, strict=True)):
        for one, (title, picture) in zip(row, each.pictures.items(), strict=True):
            one.imshow(picture, interpolation="nearest")
            one.set(xticks=[], yticks=[], title=title if number == 0 else "")
            if title in each.place.iou:
                score = each.place.iou[title]
                one.set_xlabel("IoU -" if score is None else f"IoU {score:.3f}", fontsize=9, color=INK)
        row[0].set_ylabel(f"{each.place.why}\n{each.place.unit.name}", fontsize=8, color=INK)
        _scale_bar(row[0], each)
    names = dict.fromkeys(name for each in drawn for scheme in each.schemes for name in scheme.class_names[1:])
    handles = [Patch(facecolor=CLASS_COLOURS[name], label=name) for name in names]
    handles.append(Patch(facecolor="#e8e8e8", edgecolor="#b0b0b0", hatch="////", label="unknown"))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, fontsize=9)
    shown = "; ".join(dict.fromkeys(", ".join(dict.fromkeys(each.bands)) for each in drawn))
    beside = "labels, and " if has_labels else "and "
    caption = (
        f"Image in false colour ({shown} as red, green and blue, stretched from the 2nd to the 98th percentile of "
        f"the block), {beside}maps of seed {trials.seeds[0]}; below each its IoU of {question} in the block. "
        "Pale grey: not mapped as any class; striped: unknown."
    )
    title = "Image, labels and maps" if has_labels else "Image and maps"
    return Figure("gallery", title, caption, png_of(figure))


def _scale_bar(one: Axes, each: Drawn) -> None:
    """A bar in the lower left corner, with its length above it."""
    rows, columns = each.pictures["image"].shape[:2]
    length = nice_length(each.metres / 3)
    left, right, y = 0.05 * columns, 0.05 * columns + columns * length / each.metres, 0.93 * rows
    for colour, width in (("white", 5.0), (INK, 2.5)):
        one.add_line(Line2D([left, right], [y, y], color=colour, linewidth=width, solid_capstyle="butt"))
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0}
    one.text(left, 0.89 * rows, label, fontsize=8, color=INK, va="bottom", bbox=box)
