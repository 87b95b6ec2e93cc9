"""The paper's published data set (Baraka et al. 2020, LILA BC "HKH Glacier Mapping"), taken as it is."""

from firnline.chips.published.table import Adopted, adopt

__all__ = ["Adopted", "adopt"]
