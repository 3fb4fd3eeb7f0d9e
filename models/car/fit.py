"""Loss polynomials from efficiency tables. Read once when data are prepared, never in a run."""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from models.car.converter import Loss


class Fit(NamedTuple):
    """A fitted loss and how far the efficiency it gives lies from the table at worst [-]."""

    loss: Loss
    worst_efficiency_error: float


def fit_loss(rows: Iterable[tuple[float, float]], *, upstream: bool) -> Fit:
    """Least-squares loss a + b P + c P^2 with a, b, c >= 0 for rows of (power [W], efficiency [-]).

    `upstream`: the table's power lies behind the loss (DC power of a station, grid = P / efficiency); otherwise
    before it (AC power of an on-board charger, cells = P x efficiency). The residual is loss / P, which is nearly the
    error of the efficiency, so every row counts alike whatever its power.

    With three unknowns the constrained optimum is found by trying every set of terms and keeping the best one whose
    coefficients are not negative. Raises ValueError for a power or an efficiency that is not positive.
    """
    table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 2)
    if table.shape[0] == 0 or not (table > 0.0).all():
        raise ValueError("an efficiency table needs rows of positive power and efficiency")
    power, efficiency = table[:, 0], table[:, 1]
    lost_share = 1.0 / efficiency - 1.0 if upstream else 1.0 - efficiency
    terms = np.stack([1.0 / power, np.ones_like(power), power], axis=1)
    best, least = np.zeros(3), float(np.sum(lost_share**2))
    for count in (1, 2, 3):
        for chosen in combinations(range(3), count):
            columns = list(chosen)
            some, *_ = np.linalg.lstsq(terms[:, columns], lost_share, rcond=None)
            error = float(np.sum((terms[:, columns] @ some - lost_share) ** 2))
            if (some >= 0.0).all() and error < least:
                best, least = np.zeros(3), error
                best[columns] = some
    fitted_share = terms @ best
    fitted = 1.0 / (1.0 + fitted_share) if upstream else 1.0 - fitted_share
    worst = float(np.max(np.abs(fitted - efficiency)))
    return Fit(Loss(float(best[0]), float(best[1]), float(best[2])), worst)
