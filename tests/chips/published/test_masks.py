"""Conventions of masks are told from their sums; what cannot be told is not guessed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firnline.chips.published.masks import Convention, MaskFile, look_at_mask, recognise, settle, to_classes
from firnline.errors import LabelError

CLASSES = np.zeros((40, 50), np.uint8)
CLASSES[5:15, 5:20], CLASSES[15:20, 5:20] = 1, 2


def channels(*kinds: str, classes: NDArray[np.uint8] = CLASSES) -> NDArray[np.uint8]:
    """A mask with these channels."""
    known = {"any": (classes == 1) | (classes == 2), "clean": classes == 1, "debris": classes == 2}
    known |= {"background": classes == 0, "nothing": classes == 99}
    return np.stack([known[kind] for kind in kinds], axis=2).astype(np.uint8)


def looked_at(folder: Path, masks: Sequence[NDArray[np.uint8]]) -> list[MaskFile]:
    files = []
    for number, mask in enumerate(masks):
        np.save(folder / f"{number}.npy", mask)
        files.append(look_at_mask(folder / f"{number}.npy"))
    return files


@pytest.mark.parametrize(
    ("kinds", "convention"),
    [
        (("any", "clean", "debris"), Convention.ANY_CLEAN_DEBRIS),
        (("clean", "debris", "background"), Convention.CLEAN_DEBRIS_BACKGROUND),
        (("background", "clean", "debris"), Convention.BACKGROUND_CLEAN_DEBRIS),
        (("clean", "debris"), Convention.CLEAN_DEBRIS),
    ],
)
def test_a_convention_is_told_and_read(tmp_path: Path, kinds: tuple[str, ...], convention: Convention) -> None:
    (file,) = looked_at(tmp_path, [channels(*kinds)])
    assert recognise([file]) == convention
    np.testing.assert_array_equal(to_classes(channels(*kinds), convention), CLASSES)


def test_a_folder_is_judged_as_a_whole(tmp_path: Path) -> None:
    empty = np.zeros((40, 50, 3), np.uint8)
    assert recognise(looked_at(tmp_path, [empty, empty])) == Convention.AMBIGUOUS
    assert recognise(looked_at(tmp_path, [empty, channels("any", "clean", "debris")])) == Convention.ANY_CLEAN_DEBRIS


def test_clean_and_debris_with_an_empty_third_channel_is_not_taken_for_background(tmp_path: Path) -> None:
    """Clean ice has most of the set pixels there; read as one-hot it would become the background."""
    masks = [channels("clean", "debris", "nothing")]
    assert recognise(looked_at(tmp_path, masks)) == Convention.AMBIGUOUS


def test_a_contradicting_file_is_found_among_many(tmp_path: Path) -> None:
    masks = [channels("any", "clean", "debris")] * 10 + [channels("clean", "debris", "background")]
    convention, odd = settle(looked_at(tmp_path, masks))
    assert convention == Convention.ANY_CLEAN_DEBRIS
    assert [path.name for path in odd] == ["10.npy"]


def test_half_of_each_is_not_recognised(tmp_path: Path) -> None:
    masks = [channels("any", "clean", "debris"), channels("clean", "debris", "background")]
    assert settle(looked_at(tmp_path, masks))[0] == Convention.UNRECOGNISED


def test_where_both_are_set_it_is_debris() -> None:
    assert to_classes(np.array([[[1, 1, 1]]], np.uint8), Convention.ANY_CLEAN_DEBRIS).tolist() == [[2]]


def test_an_unknown_convention_is_not_read() -> None:
    with pytest.raises(LabelError, match="ambiguous"):
        to_classes(channels("any", "clean", "debris"), Convention.AMBIGUOUS)
