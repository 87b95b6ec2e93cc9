"""What was found and repaired in the published archive: in lines, and as JSON beside the table."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from statistics import median
from typing import Any, Final

from firnline.files import replaced

_LISTED_AT_MOST: Final = 5


@dataclass
class Report:
    """Findings, gathered while the archive is read. Everything that was left out, and why, stands in it."""

    root: str = ""
    scenes: int = 0
    clips: list[str] = field(default_factory=list)
    """Scene files that are not the published scene: footprints are not taken from them, nor pixels."""
    patches: int = 0
    footprints_from: Counter[str] = field(default_factory=Counter)
    moved_m: list[float] = field(default_factory=list)
    """Metres by which each published footprint was off, those of the tables' rows."""
    without_published_footprint: int = 0
    nowhere: int = 0
    """Published footprints that lie nowhere in the CRS that they say."""
    crs_declared: str = ""
    crs_corrected: int = 0
    crs: Counter[str] = field(default_factory=Counter)
    dates: int = 0
    mask_conventions: dict[str, str] = field(default_factory=dict)
    image_forms: dict[str, str] = field(default_factory=dict)
    standardised: int = 0
    ndsi_pixels: int = 0
    """Pixels on which the sign of ndsi, turned, was compared with the bands that it is made of."""
    ndsi_scenes: int = 0
    truth_from: Counter[str] = field(default_factory=Counter)
    """Scenes by what their truth is made of."""
    unknown_outside_border: bool = False
    holes_px: int = 0
    """Pixels that published masks call glacier and the outlines, holes kept, do not."""
    missed_px: int = 0
    """Pixels that the outlines call glacier and published masks do not."""
    compared_px: int = 0
    overlap_px: int = 0
    overlap_differs_px: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What contradicts itself or cannot be read, and what was done about it."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Patches that are not in the table, and why."""
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Note a problem, once."""
        line = " ".join(text.split())
        if line not in self.problems:
            self.problems.append(line)

    def lines(self) -> list[str]:
        """The report in plain lines; what did not occur is left out."""
        lines = [f"archive: {self.root}", f"patches: {self.patches} of {self.scenes} scenes"]
        lines += self._footprint_lines()
        if self.dates:
            lines.append(f"dates given from the scenes' names: {self.dates}")
        lines += [f"masks in {folder}: {text}" for folder, text in sorted(self.mask_conventions.items())]
        lines += [f"images in {folder}: {text}" for folder, text in sorted(self.image_forms.items())]
        lines += self._pixel_lines()
        if self.splits:
            lines.append("split as published: " + ", ".join(f"{n} {side}" for side, n in self.splits.items()))
        lines += [f"the published split leaks: {line}" for line in self.leaks]
        lines += [f"note: {line}" for line in self.notes]
        lines += [f"problem: {line}" for line in _capped(self.problems)]
        lines += [f"not here: {line}" for line in self.missing]
        reasons = Counter(self.left_out.values())
        lines += [f"left out: {count} patches: {reason}" for reason, count in reasons.items()]
        return lines

    def _footprint_lines(self) -> list[str]:
        lines = [f"footprints from {how}: {count}" for how, count in sorted(self.footprints_from.items())]
        if self.moved_m:
            middle, most = median(self.moved_m), max(self.moved_m)
            moved = sum(value > 0.01 for value in self.moved_m)
            lines.append(f"footprints moved: {moved}, by {middle:.0f} m (median), {most:.0f} m at most")
        if self.without_published_footprint:
            lines.append(f"footprints given to patches that had none: {self.without_published_footprint}")
        if self.nowhere:
            lines.append(f"published footprints that lie nowhere in their CRS: {self.nowhere}")
        if self.crs_declared:
            true = ", ".join(f"{count} {crs}" for crs, count in sorted(self.crs.items()))
            lines.append(f"CRS corrected: {self.crs_corrected}; declared {self.crs_declared}, true {true}")
        return lines

    def _pixel_lines(self) -> list[str]:
        lines = []
        if self.ndsi_pixels:
            where = f"{self.ndsi_scenes} scenes, compared with green and swir16 on {self.ndsi_pixels} pixels"
            lines.append(f"sign of ndsi turned: {where}")
        lines += [f"truth from {source}: {count} scenes" for source, count in sorted(self.truth_from.items())]
        if self.compared_px:
            lines.append(
                f"holes kept: {self.holes_px} pixels that the published masks call glacier are not "
                f"({self.missed_px} the other way, of {self.compared_px} compared)"
            )
        if self.overlap_px:
            lines.append(
                f"masks compared where patches overlap: {self.overlap_px} pixels, {self.overlap_differs_px} differ"
            )
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; of `moved_m` its count, median and maximum."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values = {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
        moved = values.pop("moved_m")
        values["footprints_moved"] = sum(value > 0.01 for value in moved)
        values["moved_m_median"] = median(moved) if moved else None
        values["moved_m_max"] = max(moved) if moved else None
        return values

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        with replaced(path) as temporary:
            temporary.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")


def _capped(lines: list[str]) -> list[str]:
    if len(lines) <= _LISTED_AT_MOST:
        return lines
    return [*lines[:_LISTED_AT_MOST], f"and {len(lines) - _LISTED_AT_MOST} more, in the JSON report"]
