"""Row bands as tasks: some bands of a scene, each a file with a receipt beside it that says it is whole."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firnline.features import FeatureSource
from firnline.files import replaced
from firnline.inference.journal import Journal
from firnline.inference.predict import PredictionSettings, predict
from firnline.inference.window_model import WindowModel


@dataclass(frozen=True)
class Receipt:
    """A row band that lies whole in the work folder."""

    band: int
    crc32: int
    """Of its file."""
    seconds: float
    """CPU time that it took, all threads of the process together; 0 where it stood already."""


@dataclass
class BandRange:
    """A part of a scene's row bands, as `predict` sees it: the others are done by somebody else.

    The receipt is written after the band, and names the work that the band belongs to: a file without one, or with
    that of other work, counts as not done.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> part = BandRange(folder, "of this work", bands=(1, 2), band_count=4)
    >>> part.done()
    {0, 3}
    >>> part.write(1, np.zeros((2, 4, 3), np.uint8))
    >>> part.done(), [receipt.band for receipt in receipts(folder, "of this work", range(4))]
    ({0, 1, 3}, [1])
    >>> receipts(folder, "of other work", range(4))
    ()
    """

    folder: Path
    identity: str
    """Of the work (`firnline.inference.journal.identity_of`)."""
    bands: tuple[int, ...]
    band_count: int
    _began: float = field(default_factory=time.process_time)

    def done(self) -> set[int]:
        """The bands that need not be computed here."""
        standing = {receipt.band for receipt in receipts(self.folder, self.identity, self.bands)}
        return set(range(self.band_count)) - set(self.bands) | standing

    def write(self, band: int, values: NDArray[np.uint8]) -> None:
        """Keep a band, then its receipt."""
        checksum = Journal(self.folder).keep(band, values)
        now = time.process_time()
        said = {"band": band, "crc32": checksum, "seconds": round(now - self._began, 3), "identity": self.identity}
        self._began = now
        with replaced(_receipt_of(self.folder, band)) as temporary:
            temporary.write_text(json.dumps(said), encoding="utf-8")


def compute_bands(
    source: FeatureSource,
    model: WindowModel,
    cut: PredictionSettings,
    folder: Path,
    identity: str,
    bands: tuple[int, ...],
    band_count: int,
    unchanged: Callable[[], None] = lambda: None,
) -> tuple[Receipt, ...]:
    """Compute row bands of a scene, those that stand with a receipt excepted; the same bytes as `predict` writes.

    Parameters
    ----------
    source, model, cut
        As `firnline.inference.predict.predict` takes them.
    folder
        The scene's work folder.
    identity
        Of the work.
    bands
        Which; neighbours, or else the row of windows above each is computed again.
    band_count
        How many the scene has.
    unchanged
        As `predict` takes it.

    Returns
    -------
    A receipt for each band.

    Raises
    ------
    SceneError
        When the scene is damaged.
    OutputError
        When a band cannot be written.
    """
    predict(source, model, cut, BandRange(folder, identity, bands, band_count), unchanged=unchanged)
    return receipts(folder, identity, bands)


def receipts(folder: Path, identity: str, bands: Iterable[int]) -> tuple[Receipt, ...]:
    """The receipts of those bands that stand whole in a work folder."""
    found = (_read(folder, identity, band) for band in bands)
    return tuple(receipt for receipt in found if receipt is not None)


def _read(folder: Path, identity: str, band: int) -> Receipt | None:
    try:
        said = json.loads(_receipt_of(folder, band).read_text(encoding="utf-8"))
        receipt = Receipt(int(said["band"]), int(said["crc32"]), float(said["seconds"]))
        is_ours = said["identity"] == identity and receipt.band == band
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return receipt if is_ours and Journal(folder).is_whole(band, receipt.crc32) else None


def _receipt_of(folder: Path, band: int) -> Path:
    return Journal(folder).path_of(band).with_suffix(".json")
