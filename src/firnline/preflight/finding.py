"""Findings: what the check of a scene found, how much it weighs, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Measured = Mapping[str, float | int | str | None]


class Severity(StrEnum):
    """How much a finding weighs; `REFUSE` is what would mislead a model."""

    REFUSE = "refuse"
    CAUTION = "caution"
    NOTE = "note"
    OK = "ok"


_ORDER: Final = tuple(Severity)


@dataclass(frozen=True)
class Finding:
    """One thing found about a scene.

    Parameters
    ----------
    check
        The question that was asked, as "level and scale".
    severity
        How much it weighs.
    what
        What was found, a phrase without a full stop.
    do
        What to do about it; empty where there is nothing to do.
    measured
        The numbers behind it.
    mark
        What results from the scene shall carry; empty for most findings.
    """

    check: str
    severity: Severity
    what: str
    do: str = ""
    measured: Measured = field(default_factory=dict)
    mark: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        said: dict[str, Any] = {"check": self.check, "severity": str(self.severity), "what": self.what}
        if self.do:
            said["do"] = self.do
        if self.mark:
            said["mark"] = self.mark
        return {**said, "measured": dict(self.measured)}


@dataclass(frozen=True)
class Preflight:
    """What a scene really is, as far as a sample of its pixels and its metadata tell.

    Examples
    --------
    >>> finding = Finding("DEM", Severity.REFUSE, "heights are in feet", "convert them to metres")
    >>> found = Preflight("scene.tif", (Finding("cloud", Severity.OK, "clear"), finding), 0.25, 16)
    >>> [str(each.severity) for each in found.sorted()], found.is_refused, found.marks
    (['refuse', 'ok'], True, ())
    """

    scene: str
    findings: tuple[Finding, ...]
    sampled_share: float
    """The share of the scene's pixels that lie in the blocks looked at."""
    blocks: int

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What would mislead a model."""
        return tuple(finding for finding in self.findings if finding.severity == Severity.REFUSE)

    @property
    def is_refused(self) -> bool:
        """Whether anything would mislead a model."""
        return bool(self.refusals)

    @property
    def marks(self) -> tuple[str, ...]:
        """What results from the scene carry, each once."""
        return tuple(dict.fromkeys(finding.mark for finding in self.findings if finding.mark))

    def sorted(self) -> tuple[Finding, ...]:
        """The findings, the heaviest first."""
        return tuple(sorted(self.findings, key=lambda finding: _ORDER.index(finding.severity)))

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "scene": self.scene,
            "refused": self.is_refused,
            "marks": list(self.marks),
            "sample": {"blocks": self.blocks, "share_of_pixels": round(self.sampled_share, 4)},
            "findings": [finding.as_json() for finding in self.sorted()],
        }
