"""What a set of outlines says about the ground: the ways in which inventories tell ice from debris."""

from __future__ import annotations

from dataclasses import dataclass

from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.labels.outlines import Outlines, Role


@dataclass(frozen=True, eq=False)
class Parts:
    """Clean and debris-covered parts side by side, which together make the glaciers (ICIMOD's HKH inventory).

    A debris polygon is a piece of glacier wherever it lies; where the two overlap it is debris.
    """

    clean: Outlines
    debris: Outlines

    scheme = LabelScheme.CLASS

    @property
    def outlines(self) -> tuple[Outlines, ...]:
        """All that it is made of."""
        return self.clean, self.debris


@dataclass(frozen=True, eq=False)
class GlaciersWithDebris:
    """Whole glaciers, and debris mapped apart from them: debris on a glacier is debris-covered ice, the rest of
    the glacier clean ice; debris outside every glacier is a contradiction, and so unknown."""

    glaciers: Outlines
    debris: Outlines

    scheme = LabelScheme.CLASS

    @property
    def outlines(self) -> tuple[Outlines, ...]:
        """All that it is made of."""
        return self.glaciers, self.debris


@dataclass(frozen=True, eq=False)
class Glaciers:
    """Whole glaciers of which nothing is known about debris (RGI)."""

    glaciers: Outlines

    scheme = LabelScheme.GLACIER

    @property
    def outlines(self) -> tuple[Outlines, ...]:
        """All that it is made of."""
        return (self.glaciers,)


@dataclass(frozen=True, eq=False)
class DebrisOnly:
    """Supraglacial debris alone: what is not debris may be clean ice or no ice."""

    debris: Outlines

    scheme = LabelScheme.DEBRIS

    @property
    def outlines(self) -> tuple[Outlines, ...]:
        """All that it is made of."""
        return (self.debris,)


Truth = Parts | GlaciersWithDebris | Glaciers | DebrisOnly


def truth_of(outlines: Outlines, debris: Outlines | None = None) -> Truth:
    """What outlines say, by the roles of their polygons; `debris` is a file of debris beside one of glaciers.

    Raises
    ------
    LabelError
        When a file mixes whole glaciers with clean parts, or holds debris and another file of it is given.
    """
    roles = outlines.roles
    if {Role.GLACIER, Role.CLEAN} <= roles:
        raise LabelError(
            "outlines both whole glaciers and clean ice", where=outlines.where, do="keep either, or split the file"
        )
    if debris is not None and Role.DEBRIS in roles:
        raise LabelError("outlines debris itself", where=outlines.where, do=f"leave out {debris.where}")
    if debris is not None:
        return GlaciersWithDebris(outlines.of(Role.GLACIER), debris)
    if roles == {Role.DEBRIS}:
        return DebrisOnly(outlines)
    if Role.DEBRIS in roles and Role.GLACIER in roles:
        return GlaciersWithDebris(outlines.of(Role.GLACIER), outlines.of(Role.DEBRIS))
    if Role.GLACIER in roles:
        return Glaciers(outlines)
    return Parts(outlines.of(Role.CLEAN), outlines.of(Role.DEBRIS))
