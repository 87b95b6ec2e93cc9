"""Failures that a user can do something about, each told in one line."""

from __future__ import annotations

from pathlib import Path


class FirnlineError(Exception):
    """A user's mistake or a bad input: what is wrong, where, and what to do about it.

    Parameters
    ----------
    what
        What is wrong, without a full stop.
    where
        The file or setting it is wrong in.
    do
        What the user can do about it.

    Examples
    --------
    >>> print(FirnlineError("no CRS", where="scene.tif", do="assign one with gdal_edit -a_srs"))
    scene.tif: no CRS; assign one with gdal_edit -a_srs
    """

    def __init__(self, what: str, *, where: str | Path | None = None, do: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.do = do
        message = what if where is None else f"{where}: {what}"
        super().__init__(" ".join((message if do is None else f"{message}; {do}").split()))

    @property
    def placeless(self) -> str:
        """What is wrong and what to do, without where: a path of this machine is not everybody's business.

        Examples
        --------
        >>> FirnlineError("no CRS", where="scene.tif", do="assign one").placeless
        'no CRS; assign one'
        """
        return self.what if self.do is None else f"{self.what}; {self.do}"


class SceneError(FirnlineError):
    """A raster that cannot be opened or read as a scene."""


class BandError(FirnlineError):
    """A band that is missing, unnamed, or named twice."""


class GridError(FirnlineError):
    """A grid that is not usable, or two grids that should be the same and are not."""


class LabelError(FirnlineError):
    """Outlines or a class raster that cannot be used as truth."""


class ModelError(FirnlineError):
    """A model bundle that is broken, or that does not fit the scene."""


class ConfigError(FirnlineError):
    """A setting that is unknown or has a value that makes no sense."""


class OutputError(FirnlineError):
    """A result that could not be written: disk full, no permission, a path in the way."""


class EditError(FirnlineError):
    """A correction that cannot be made as it was asked for."""
