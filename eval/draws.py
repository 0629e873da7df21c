"""How intervals are made, and the figure that comes with one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
from numpy.typing import ArrayLike

from quoth.eval import scores


class Figure(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval; None where not defined.

    The percentile bootstrap's over articles, but for an ECE and the accuracy of bins, see
    `quoth.eval.calibration`.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Draws:
    """Resamples of articles, and the seed they are drawn with."""

    resamples: int = 2000
    seed: int = 0

    def figure(self, counts: ArrayLike, metric: scores.Metric) -> Figure:
        """counts, metric: as `quoth.eval.scores.bootstrap` takes them."""
        interval = scores.bootstrap(counts, metric, self.resamples, self.seed)
        return Figure(known(interval.value), known(interval.low), known(interval.high))


def known(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
