"""The paper's own numbers (Baraka et al. 2020), to stand beside: they are of another data set, and not comparable."""

from __future__ import annotations

from typing import Final

from firnline.experiments.outcome import Table

ANOTHER: Final = (
    "Baraka et al. 2020, on Landsat 7 patches of the Hindu Kush Himalaya: another data set, another split. These "
    "numbers say in which order the paper found things, not what to expect here."
)

TABLE_1: Final = Table(
    "paper-table-1",
    "The paper's Table 1 (another data set)",
    ("model", "IoU clean ice", "IoU debris"),
    (
        ("random forest", 0.5807, 0.2024),
        ("gradient boosting", 0.5663, 0.1930),
        ("multi-layer perceptron", 0.5452, 0.1781),
        ("U-Net", 0.5829, 0.3707),
    ),
    ANOTHER,
)

TABLE_2: Final = Table(
    "paper-table-2",
    "The paper's Table 2 (another data set)",
    ("model", "IoU glacier", "IoU clean ice", "IoU debris"),
    (
        ("binary", 0.476, None, None),
        ("multiclass", 0.473, 0.456, 0.291),
        ("two binary models", 0.48, 0.476, 0.31),
    ),
    ANOTHER,
)

TABLE_3: Final = Table(
    "paper-table-3",
    "The paper's Table 3 (another data set)",
    ("patches with debris", "share of patches", "IoU binary", "IoU multiclass"),
    (
        ("> 0 %", 1.00, 0.476, 0.473),
        ("> 1 %", 0.77, 0.523, 0.532),
        ("> 2 %", 0.52, 0.524, 0.544),
        ("> 5 %", 0.18, 0.497, 0.571),
        ("> 10 %", 0.06, 0.46, 0.603),
    ),
    ANOTHER,
)
