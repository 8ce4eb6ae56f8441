"""The hierarchical Poisson model again, slowly: a random-walk Metropolis chain, and a dense sum.

Run as a module to write ``hierarchical_chain.csv`` (about two minutes):
``python -m tests.reference.hierarchical_twin``.
"""

import csv
import math
from pathlib import Path

import numpy as np
from numba import njit

FILE = Path(__file__).with_name("hierarchical_chain.csv")
SWEEPS, SEED, THIN, BATCHES = 6_000_000, 20261124, 20, 60

EIGHT = ([0, 2, 1, 5, 0, 3, 8, 1], [1.2, 1.5, 0.8, 2.5, 0.9, 3.1, 4.0, 1.1])
# 31 invented countries: person-years of very different size, half of them without a case or two
_LAMBDA = [0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0]
_LAMBDA += [2.2, 2.5, 2.8, 3.1, 3.5, 4.0, 4.5, 5.0, 6.0, 7.5, 9.0, 12.0, 15.0, 20.0, 28.0]
_CASES = [0, 1, 0, 0, 2, 0, 1, 3, 0, 0, 1, 4, 0, 1, 2, 0, 6, 1, 2, 5, 1, 9, 3, 2, 11, 4, 7, 20]
_CASES += [8, 15, 37]
EXAMPLES = {"eight": EIGHT, "thirty-one": (_CASES, _LAMBDA)}
BOUNDS = (0.01, 1.5)


@njit
def _sweep(random, y, lam, a, s, theta, size, lower, upper):
    """One round of plain Metropolis steps; theta is changed in place."""
    for c in range(len(y)):  # each country's log ratio
        new = theta[c] + size * random.normal()
        gain = y[c] * (new - theta[c]) - lam[c] * (math.exp(new) - math.exp(theta[c]))
        gain -= ((new - a) ** 2 - (theta[c] - a) ** 2) / (2 * s * s)
        if math.log(random.random()) < gain:
            theta[c] = new
    for move in range(4):
        # a, s with the log ratios as they are; then with them carried along, a + s·z
        new_a = a + (0.5 * size * random.normal() if move in (0, 2) else 0.0)
        new_s = s + (0.5 * random.normal() if move in (1, 3) else 0.0)
        if not lower < new_s < upper:
            continue
        gain = 0.0
        for c in range(len(y)):
            z = (theta[c] - a) / s
            if move < 2:
                other = (theta[c] - new_a) / new_s
                gain += (z * z - other * other) / 2 - math.log(new_s / s)
            else:
                new = new_a + new_s * z
                gain += y[c] * (new - theta[c]) - lam[c] * (math.exp(new) - math.exp(theta[c]))
        if math.log(random.random()) < gain:
            if move >= 2:
                for c in range(len(y)):
                    theta[c] = new_a + new_s * (theta[c] - a) / s
            a, s = new_a, new_s
    return a, s


@njit
def chain(random, y, lam, lower, upper, sweeps, thin):
    """Rows of a, s, theta_1, ..., every ``thin``-th sweep, after a tenth as many more to begin."""
    a, s, theta = 0.0, (lower + upper) / 2, np.log((y + 0.5) / (lam + 0.5))
    kept = np.empty((sweeps // thin, 2 + len(y)))
    sizes = np.array([0.2, 0.6, 1.5])  # steps of three lengths, in turn
    for k in range(-(sweeps // 10), sweeps // thin * thin):
        a, s = _sweep(random, y, lam, a, s, theta, sizes[k % 3], lower, upper)
        if k >= 0 and k % thin == 0:
            kept[k // thin, 0], kept[k // thin, 1], kept[k // thin, 2:] = a, s, theta
    return kept


def log_poisson(theta, y, lam):
    constant = np.array([math.lgamma(count + 1) for count in y])
    return y * (np.log(lam) + theta) - lam * np.exp(theta) - constant


def figures(kept, y, lam):
    """Named figures of a stretch of chain."""
    a, s, theta = kept[:, 0], kept[:, 1], kept[:, 2:]
    log = log_poisson(theta, y, lam)
    found = {
        "a": a.mean(), "a sd": a.std(), "a 2.5": np.quantile(a, 0.025),
        "a 97.5": np.quantile(a, 0.975), "s": s.mean(), "s sd": s.std(),
        "s 2.5": np.quantile(s, 0.025), "s 97.5": np.quantile(s, 0.975),
        "lppd": np.log(np.exp(log).mean(axis=0)).sum(), "p_waic": log.var(axis=0).sum(),
        "mean log": log.mean(axis=0).sum(),
    }  # fmt: skip
    ratio = np.exp(theta)
    low, high = np.quantile(ratio, [0.025, 0.975], axis=0)
    for c in range(len(y)):
        found |= {f"ratio {c}": ratio[:, c].mean(), f"sd {c}": ratio[:, c].std()}
        found |= {f"lower {c}": low[c], f"upper {c}": high[c]}
    total = (lam * ratio).sum(axis=1)
    found |= {"total": total.mean(), "total sd": total.std()}
    low, high = np.quantile(total, [0.025, 0.975])
    return found | {"total 2.5": low, "total 97.5": high}


def run(example, sweeps=SWEEPS, seed=SEED):
    """Figures of one example and their Monte Carlo errors by batch means."""
    y, lam = (np.array(part, dtype=float) for part in EXAMPLES[example])
    kept = chain(np.random.default_rng(seed), y, lam, *BOUNDS, sweeps, THIN)
    whole = figures(kept, y, lam)
    batches = [figures(part, y, lam) for part in np.array_split(kept, BATCHES)]
    error = {name: np.std([own[name] for own in batches], ddof=1) for name in whole}
    return {name: (whole[name], error[name] / math.sqrt(BATCHES)) for name in whole}


def dense(y, lam, lower, upper, *, n_s=160, n_a=160, a_range=(-5.0, 4.0), step=0.04):
    """Posterior means of a, s, exp theta, and lppd, p_waic: every (a, s, theta) of a dense grid.

    Midpoints in s and a, plain sums in theta from -12 to 8.
    """
    theta = np.arange(-12, 8, step)
    logs = [
        k * (math.log(e) + theta) - e * np.exp(theta) - math.lgamma(k + 1)
        for k, e in zip(y, lam, strict=True)
    ]
    likelihood = [np.exp(log) for log in logs]
    functions = [np.ones(len(theta)), np.exp(theta)]
    mass, sums = 0.0, np.zeros(2)
    terms = np.zeros((len(y), 5))
    for i in range(n_s):
        s = lower + (i + 0.5) * (upper - lower) / n_s
        for j in range(n_a):
            a = a_range[0] + (j + 0.5) * (a_range[1] - a_range[0]) / n_a
            normal = np.exp(-(((theta - a) / s) ** 2) / 2) * step / (s * math.sqrt(2 * math.pi))
            marginal = [float(normal @ own) for own in likelihood]
            weight = math.prod(marginal)
            mass += weight
            sums += weight * np.array([a, s])
            for c, own in enumerate(likelihood):
                density = normal * own * (weight / marginal[c])
                terms[c] += [density @ f for f in (*functions, own, logs[c], logs[c] ** 2)]
    terms /= mass
    lppd = np.log(terms[:, 2]).sum()
    p_waic = (terms[:, 4] - terms[:, 3] ** 2).sum()
    return {"a": sums[0] / mass, "s": sums[1] / mass, "ratio": terms[:, 1], "lppd": lppd,
            "p_waic": p_waic}  # fmt: skip


def gamma_log_likelihood(k, mean, y, lam):
    """Marginal log-likelihood of the gamma-Poisson model, term by term."""
    total = 0.0
    for count, e in zip(y, lam, strict=True):
        share = e * mean / (e * mean + k)
        total += math.lgamma(k + count) - math.lgamma(k) - math.lgamma(count + 1)
        total += k * math.log1p(-share) + (count * math.log(share) if count else 0.0)
    return total


def recorded():
    """Figures and errors of the recorded chains, by example."""
    found = {}
    with FILE.open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            own = found.setdefault(row["example"], {})
            own[row["figure"]] = (float(row["value"]), float(row["error"]))
    return found


def main():
    with FILE.open("w", encoding="utf-8", newline="") as file:
        file.write(
            "# python -m tests.reference.hierarchical_twin: random-walk Metropolis, "
            f"{SWEEPS} sweeps, seed {SEED}, s between {BOUNDS[0]} and {BOUNDS[1]}; "
            f"error: of {BATCHES} batch means\n"
        )
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["example", "figure", "value", "error"])
        for example in EXAMPLES:
            for name, (value, error) in run(example).items():
                writer.writerow([example, name, f"{value:.6f}", f"{error:.6f}"])


if __name__ == "__main__":
    main()
