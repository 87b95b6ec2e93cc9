"""The card of a bundle: what a user asks before using a model, read without its weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firnline.models.bundle import DERIVED, DESCRIPTION, MEMBERS, Description, read_description


@dataclass(frozen=True)
class Card:
    """A bundle's description, size on disk, and the precisions that the gate accepted."""

    folder: Path
    description: Description
    bytes: int
    members: tuple[Card, ...] = ()
    accepted: tuple[str, ...] = ()
    """As ``int8-openvino``."""

    @property
    def architecture(self) -> str:
        """The architecture's name."""
        return self.description.architecture.name

    @property
    def scheme(self) -> str:
        """The label scheme."""
        return str(self.description.scheme)

    @property
    def sensors(self) -> tuple[str, ...]:
        """The sensors of the training scenes."""
        return tuple(str(sensor) for sensor in self.description.sensors)

    @property
    def pixels(self) -> str:
        """The pixels of the training scenes, in words."""
        return " and ".join(f"{resolution:g} m" for resolution in self.description.resolutions_m)

    @property
    def megabytes(self) -> float:
        """Its size on disk without derived files."""
        return self.bytes / 1e6

    def lines(self) -> list[str]:
        """The card in lines."""
        said = self.description
        lines = [
            f"{said.name}: {self.architecture}, {self.megabytes:.1f} MB, weights {said.weights_sha256[:16]}",
            f"classes     {', '.join(said.scheme.class_names)} (label scheme '{said.scheme}')",
            f"trained on  {' '.join(self.sensors) or 'sensors that are not told'}, pixels of {self.pixels}",
            f"windows     {said.window} pixels",
        ]
        for band in said.bands:
            read = "; ".join(
                f"{each.level} in {each.unit}, mean {each.mean:.4g}, deviation {each.deviation:.4g}"
                for each in band.readings
            )
            lines.append(f"band        {band.name}{'' if band.required else ' (optional)'}: {read}")
        calibrated = "yes" if said.calibration else "no"
        lines.append(f"calibrated  {calibrated}")
        lines += [f"training    {key}: {_short(value)}" for key, value in said.training.items()]
        lines += [f"metrics     {key}: {_short(value)}" for key, value in said.metrics.items()]
        lines += [f"accepted    {each}" for each in self.accepted]
        for name, member in zip(said.members, self.members, strict=True):
            lines += [f"member {name}", *(f"  {line}" for line in member.lines())]
        return lines


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:197]}..."


def read_card(folder: Path) -> Card:
    """Read a bundle's card.

    Raises
    ------
    ModelError
        When it is not a bundle, or its description is damaged.
    """
    said = read_description(folder)
    members = tuple(read_card(folder / MEMBERS / name) for name in said.members)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and DERIVED not in path.parts)
    notes = sorted((folder / DERIVED / said.weights_sha256[:16]).glob("*-*.json"))
    return Card(folder, said, size, members, tuple(path.stem for path in notes if _is_accepted(path)))


def _is_accepted(note: Path) -> bool:
    try:
        return bool(json.loads(note.read_text(encoding="utf-8"))["gate"]["accepted"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def find_bundles(folder: Path) -> list[Path]:
    """Every bundle in a folder or its subfolders; members of others are not listed.

    Examples
    --------
    >>> import tempfile
    >>> find_bundles(Path(tempfile.mkdtemp()))
    []
    """
    return sorted(_found(folder))


def _found(folder: Path) -> Iterator[Path]:
    for path in folder.rglob(DESCRIPTION):
        inside = path.parent.relative_to(folder).parts
        if MEMBERS not in inside and not any(part.startswith(".") for part in inside):
            yield path.parent
