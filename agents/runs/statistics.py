"""What the scores of a few runs say of an agent, and how surely.

Scores come in strata: one array for each task, a number in it for each run. Source: arXiv:2108.13264.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

RESAMPLES = 2000
INTERVAL = (2.5, 97.5)  # percentiles between which 95 % lie

Strata = Sequence[Float[np.ndarray, " _"]]
Statistic = Callable[[list[np.ndarray]], float | np.ndarray]
"""Takes strata and gives a number, or an array of them."""


def interquartile_mean(values: Float[np.ndarray, " N"]) -> float:
    """The mean of the middle half: ⌊N/4⌋ values are dropped at each end.

    Of several tasks, the values are the normalised scores of all runs of all of them together.
    Source: arXiv:2108.13264 §4.3.
    """
    return float(interquartile_curve(values[:, None])[0])


def interquartile_curve(curves: Float[np.ndarray, "N T"]) -> Float[np.ndarray, " T"]:
    """`interquartile_mean` of N curves at each of their T points."""
    dropped = len(curves) // 4
    return np.sort(curves, 0)[dropped : len(curves) - dropped].mean(0)


def bootstrap_interval(
    values: Float[np.ndarray, " N"], generator: np.random.Generator
) -> tuple[float, float]:
    """The interval of 95 % of the mean, by the percentiles of resampled means. Source: Efron (1979)."""
    low, high = np.percentile(_resampled(values, generator).mean(1), INTERVAL)
    return float(low), float(high)


def stratified_interval(
    strata: Strata, statistic: Statistic, generator: np.random.Generator
) -> Float[np.ndarray, "2 ..."]:
    """The interval of 95 % of a statistic; each task's runs are drawn again from that task's runs alone.

    The percentiles of `statistic(strata*)` over `RESAMPLES` draws of strata*, N_t runs with replacement for a
    task of N_t runs. Its two ends have the shape of the statistic. Source: arXiv:2108.13264 §4.1.
    """
    drawn = [_resampled(stratum, generator) for stratum in strata]
    values = [statistic([stratum[index] for stratum in drawn]) for index in range(RESAMPLES)]
    return np.percentile(np.array(values), INTERVAL, axis=0)


def probability_of_improvement(x: Float[np.ndarray, " N"], y: Float[np.ndarray, " M"]) -> float:
    """P(X > Y) = 1/(NM) Σᵢ Σⱼ S(xᵢ, yⱼ), with S = 1 where xᵢ > yⱼ, ½ where they are equal, else 0.

    Mann and Whitney's U over NM. Of several tasks, the mean over tasks. Source: arXiv:2108.13264 §4.3.
    """
    differences = x[:, None] - y[None, :]
    return float((np.sign(differences).mean() + 1) / 2)


def performance_profile(strata: Strata, thresholds: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """F(τ) = 1/M Σ_m 1/N_m Σ_n 1[x_mn > τ]: the share of runs with a score above τ, every task alike.

    Source: arXiv:2108.13264 §4.2.
    """
    shares = [(stratum[:, None] > thresholds).mean(0) for stratum in strata]
    return np.mean(shares, axis=0)


def normalised(scores: Float[np.ndarray, " N"], chance: float, solved: float) -> Float[np.ndarray, " N"]:
    """(x − chance) / (solved − chance): 0 is what random actions get, 1 is a task solved.

    Raises:
        ValueError: a solved task is worth no more than chance.
    """
    if not solved > chance:
        raise ValueError(f"solved is {solved}; it must be above chance, {chance}")
    return (scores - chance) / (solved - chance)


def _resampled(values: Float[np.ndarray, " N"], generator: np.random.Generator) -> Float[np.ndarray, "R N"]:
    return generator.choice(values, (RESAMPLES, len(values)))
