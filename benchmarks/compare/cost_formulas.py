"""What a fit takes in time and memory, by formula, for the cases of the benchmarks.

A formula is an expression in the numbers n of rows, p of columns and m of mixes. Of
the time it gives what grows, if anything: seconds are a + b times that, by two
measurements. What a row costs whatever its columns, in columns, comes from 100 000 rows
with 20 and with 50 of them, but for cases that take hours for a million rows, of which
just the number of rows is known to count.
"""

from __future__ import annotations

from typing import NamedTuple


class Formula(NamedTuple):
    """Mixes, time in words and numbers, and bytes beyond imports and rows."""

    n_mixes: str
    time: str
    growth: str
    n_bytes: str

    def at(self, formula: str, n: int, p: int) -> float:
        """Value of a formula for so many rows and columns."""
        m = eval(self.n_mixes, {"n": n, "min": min, "max": max})
        return eval(formula, {"n": n, "p": p, "m": m})

    def bytes_at(self, n: int, p: int) -> float:
        """Bytes for so many rows and columns."""
        return self.at(self.n_bytes, n, p)

    def seconds_at(self, n: int, p: int, known: dict[tuple[int, int], float]) -> float:
        """Seconds for so many, by those for two other numbers of rows."""
        (x, x_seconds), (z, z_seconds) = (
            (self.at(self.growth, *size), seconds) for size, seconds in known.items()
        )
        slope = (z_seconds - x_seconds) / (z - x)
        return x_seconds + slope * (self.at(self.growth, n, p) - x)


def text(formula: str) -> str:
    """A formula as the documentation writes it, on one line."""
    return formula.replace("*", " ").replace("e6", " MB").replace(" ", "\xa0")


# What `max_mixes` allows of 16 for each row; of pairs near in two ways one comes out.
NEAR = "0.95*n*max(1, min({}, 2_000_000 // n))"
# A class of one row in twenty is made as large as the other.
RARE = "0.9*n"

FORMULAS = {
    "MixupResampler": Formula(
        "n",
        "(n + m) p",
        "(n + m)*(p + 15)",
        "8*p*(n + m) + 88*m",
    ),
    "CMixupResampler": Formula(
        "n",
        "(n + m) p + m log n",
        "(n + m)*(p + 20)",
        "8*p*(n + m) + 88*m",
    ),
    "CMixupResampler, auto": Formula(
        "n",
        "50 F",
        "(n + m)*(p + 50)",
        "13*p*(n + m) + 210*n",
    ),
    "KNNMixupResampler, k = 8": Formula(
        NEAR.format(14),
        "S + (n + m) p",
        "n*(p + 22)",
        "8*p*(n + m) + 72*m + 64*n",
    ),
    "AdaMixupResampler": Formula(
        "n",
        "11 times 500 updates + 20 F",
        "n*(p + 55)",
        "43*p*n + 300*n + 50e6",
    ),
    "MixRLResampler": Formula(
        NEAR.format(16),
        "S + 10 fits of a kernel model with 256 features + 20 F",
        "n",
        "16*p*(n + m) + 72*m",
    ),
    "MixRLResampler, max_samples": Formula(
        NEAR.format(16),
        "as without, for s rows, + S + 2 F",
        "n*(p + 47)",
        "16*p*(n + m) + 72*m",
    ),
    "MixRLResampler, held-out rows": Formula(
        NEAR.format(16),
        "S + 240 updates of a network, each over n rows, + 4 F",
        "n",
        "8*p*n + 8500*n + 430e6",
    ),
    "MixRLResampler, both": Formula(
        NEAR.format(16),
        "as without max_samples, for s rows, + S + 4 F",
        "n",
        "8*p*n + 900*n + 520e6",
    ),
    "MixupSampler": Formula(
        "2.8*n",
        "(n + m) p",
        "(n + m)*(p + 36)",
        "8*p*(n + m) + 140*m",
    ),
    "AverageSampler": Formula(
        RARE,
        "(n + m) p",
        "(n + m)*(p + 16)",
        "8*p*(n + m) + 88*m",
    ),
    "MixBoostSampler": Formula(
        RARE,
        "10 F",
        "(n + m)*(p + 22)",
        "26*p*(n + m) + 90*n",
    ),
    "MixAnNSampler": Formula(
        "3000",
        "S + votes of 10 nearest rows for each policy + 40 F",
        "n*p",
        "44*p*n + 690*n + 50e6",
    ),
    "MixAnNSampler, max_samples": Formula(
        "3000",
        "as without, for s rows, + S + 10 F",
        "n*(p + 20)",
        "26*p*n + 710*n",
    ),
    "AutoSMOTESampler": Formula(
        "3000",
        "S + votes of 10 nearest rows for 800 policies + 40 F",
        "n",
        "8*p*n + 2800*n + 30e6",
    ),
    "LearnedAugmenter": Formula(
        "n",
        "40 passes of a network over n rows for each fit + F",
        "n",
        "130*p*n + 100*n",
    ),
    "NetworkRegressor": Formula(
        "0",
        "at most 10 000 updates of 32 rows, with a look at a tenth of the rows",
        "",
        "36*p*n",
    ),
    "NetworkClassifier": Formula(
        "0",
        "at most 10 000 updates of 128 rows, with a look at a tenth of the rows",
        "",
        "33*p*n",
    ),
    "LADAClassifier": Formula(
        "0",
        "50 passes of a network, by 10 rows at a time",
        "n",
        "17*p*n",
    ),
    "SampleWeightLearner": Formula(
        "0",
        "40 passes of a network, each 3 to 4 times a plain one",
        "n*(p + 650)",
        "18*p*n + 330*n",
    ),
    "LADASelector.query": Formula(
        "0",
        "a prediction for n rows, and for 100 mixes seven times each",
        "n*(p + 28)",
        "45*n",
    ),
    "HumanMixPolicy": Formula(
        "0",
        "a sort of the answers, and fits of 100 pairs",
        "n",
        "880*n",
    ),
}
