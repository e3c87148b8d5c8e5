"""Measures that several benchmarks take: how cost grows with size, and the most memory that a process had."""

import math
import resource
from collections.abc import Mapping
from statistics import linear_regression


def growth_exponent(cost: Mapping[int, float]) -> float:
    """Return the slope of logarithmic cost over logarithmic size, by least squares: 1 is linear; of one size NaN."""
    points = [(math.log(size), math.log(value)) for size, value in cost.items()]
    return linear_regression(*zip(*points, strict=True)).slope if len(points) > 1 else math.nan


def peak_bytes() -> int:
    """Return the most memory that this process ever had (Linux: `ru_maxrss` is in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
