"""The reliability plot: what was said, and how often it came true, before and after calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from firnline.classes import LabelScheme
from firnline.evaluation.calibration import Calibration, Reliability
from firnline.files import replaced


def draw_reliability(
    path: Path, before: Mapping[LabelScheme, Calibration], after: Mapping[LabelScheme, Calibration], remark: str = ""
) -> None:
    """Draw a panel for each class of each label scheme, on pixels that nothing was fitted on.

    Below each curve is how many pixels were given each probability, on a logarithmic scale. A `remark` stands above.
    """
    from matplotlib.figure import Figure

    panels = [(scheme, value) for scheme in before for value in range(scheme.class_count)]
    figure = Figure(figsize=(3.2 * len(panels), 5), layout="constrained")
    axes = figure.subplots(2, len(panels), squeeze=False, sharex=True, height_ratios=(3, 1))
    for column, (scheme, value) in enumerate(panels):
        curves, pixels = axes[:, column]
        curves.plot((0, 1), (0, 1), color="0.7", linewidth=1, zorder=0)
        errors = []
        for label, measured, colour in (("before", before, "#d55e00"), ("after", after, "#0072b2")):
            bins = measured[scheme].reliability[value]
            curves.plot(bins.mean_forecast, bins.frequency, "o-", color=colour, markersize=3, label=label)
            pixels.step(_middles(bins), bins.weights, where="mid", color=colour, linewidth=1)
            errors.append(f"{bins.error:.3f} {label}")
        curves.set(xlim=(0, 1), ylim=(0, 1))
        curves.set_title(f"{scheme.class_names[value]} ({scheme})\nECE {', '.join(errors)}", fontsize="medium")
        pixels.set(yscale="log", xlabel="probability")
    axes[0, 0].set_ylabel("how often it was so")
    axes[1, 0].set_ylabel("pixels")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    if remark:
        figure.suptitle(remark)
    with replaced(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _middles(bins: Reliability) -> list[float]:
    count = len(bins.weights)
    return [(number + 0.5) / count for number in range(count)]
