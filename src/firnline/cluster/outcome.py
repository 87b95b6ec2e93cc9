"""What became of each scene of a list: a table, and a file of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firnline.cluster.scene_list import SUMMARY, ListedScene
from firnline.cluster.tasks import Done
from firnline.files import replaced


@dataclass(frozen=True)
class Outcome:
    """What became of a scene."""

    listed: ListedScene
    out_dir: Path
    done: Done | None = None
    reason: str = ""
    """Why it failed, in one line."""
    stood_already: bool = False
    """Whether an earlier run had done it."""

    @property
    def status(self) -> str:
        """``done`` or ``failed``."""
        return "failed" if self.done is None else "done"

    def as_json(self) -> dict[str, Any]:
        """As the summary holds it."""
        said: dict[str, Any] = {"id": self.listed.id, "scene": self.listed.scene, "status": self.status}
        if self.done is None:
            return {**said, "reason": self.reason}
        return {
            **said,
            "folder": str(self.out_dir),
            "area_km2": self.done.areas_km2,
            "unknown_share": round(self.done.unknown_share, 6),
            "marks": list(self.done.marks),
            "cpu_seconds": round(self.done.seconds, 1),
        }


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines that say what became of each scene, those that failed last.

    Examples
    --------
    >>> a = ListedScene("a", "/a.tif", "line 1")
    >>> b = ListedScene("b", "/b.tif", "line 2")
    >>> done = Done({"glacier": 12.5}, 0.25, (), 60.0)
    >>> print(*table([Outcome(a, Path("a"), reason="a.tif: no CRS"), Outcome(b, Path("b"), done)]), sep="\\n")
    done    b     12.50 km2   25.0% unknown
    failed  a  a.tif: no CRS
    1 of 2 scenes are done
    """
    width = max(len(each.listed.id) for each in outcomes)
    lines = []
    for each in sorted(outcomes, key=lambda outcome: outcome.done is None):
        begin = f"{each.status:<6}  {each.listed.id:<{width}}"
        if each.done is None:
            lines.append(f"{begin}  {each.reason}")
        else:
            area = sum(each.done.areas_km2.values())
            lines.append(f"{begin}{area:10.2f} km2 {each.done.unknown_share:7.1%} unknown")
    done = sum(each.done is not None for each in outcomes)
    return [*lines, f"{done} of {len(outcomes)} scenes are done"]


def write_summary(folder: Path, outcomes: Sequence[Outcome], cpus: Sequence[str]) -> Path:
    """Write what became of all scenes; raises OutputError when it cannot be written."""
    path = folder / SUMMARY
    said = {
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cpus": list(cpus),
        "scenes": [outcome.as_json() for outcome in outcomes],
    }
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
