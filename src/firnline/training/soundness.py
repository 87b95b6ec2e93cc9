"""Are the scenes what they say they are? A model learns from whatever it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from firnline.features import FeatureSource
from firnline.preflight.check import check_scene
from firnline.preflight.finding import Preflight
from firnline.preflight.require import require_sound


def require_sound_scenes(
    sources: Iterable[FeatureSource], *, force: bool, warn: Callable[[str], None]
) -> dict[Path, Preflight]:
    """Check each scene once; give what was found by path.

    Parameters
    ----------
    sources
        The scenes; one that comes twice is checked once.
    force
        Go on where a scene is refused; `warn` is told.
    warn
        Called with a line for each refusal that was overruled, and for each mark.

    Raises
    ------
    SceneError
        When a scene would mislead the model, and `force` is not set.
    """
    found: dict[Path, Preflight] = {}
    for source in sources:
        path = source.scene.path
        if path in found:
            continue
        found[path] = check_scene(source)
        require_sound(found[path], force=force)
        for finding in found[path].refusals:
            warn(f"{path}: refused by its check, and used all the same: {finding.what}")
        for mark in found[path].marks:
            warn(f"{path}: {mark}")
    return found
