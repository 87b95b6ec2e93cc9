"""A made-up mountain range with known truth, for tests, the demo and benchmarks; never a measure of quality."""

from firnline.synthetic.mountains import SyntheticRange, make_range

__all__ = ["SyntheticRange", "make_range"]
