"""What is done with findings: refuse what would mislead a model, or go on where a person says so."""

from __future__ import annotations

from firnline.errors import SceneError
from firnline.preflight.finding import Preflight


def require_sound(found: Preflight, *, force: bool = False) -> None:
    """Raise on a scene that would mislead a model, unless forced to go on.

    Raises
    ------
    SceneError
        With the first refusal, how many more there are, and what to do.

    Examples
    --------
    >>> from firnline.preflight.finding import Finding, Severity
    >>> finding = Finding("DEM", Severity.REFUSE, "heights are in feet", "give metres")
    >>> found = Preflight("scene.tif", (finding,), 1.0, 1)
    >>> require_sound(found, force=True)
    >>> try:
    ...     require_sound(found)
    ... except SceneError as error:
    ...     print(error)
    scene.tif: heights are in feet; give metres; or go on all the same with --force (see `firnline scenes check`)
    """
    if force or not found.is_refused:
        return
    first, *others = found.refusals
    more = f" (and {len(others)} more)" if others else ""
    raise SceneError(
        f"{first.what}{more}",
        where=found.scene,
        do=f"{first.do}; or go on all the same with --force (see `firnline scenes check`)",
    )
