#!/usr/bin/env python3
"""Each numerical method of `comity measure effect` against an independent implementation, on random series.

Usage: bench/measure.py [SERIES]; wants a Python with statsmodels and ruptures, and a release or debug binary at
COMITY (default target/release/comity). Prints the largest difference of each figure and exits 1 where one is
larger than it may be."""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile

import numpy as np
import ruptures
import statsmodels.api as sm
from scipy.special import gammaln

COMITY = os.environ.get("COMITY", "target/release/comity")
SERIES = int(sys.argv[1]) if len(sys.argv) > 1 else 20
worst = {}


def note(what, found, wanted, most):
    difference = abs(found - wanted) / max(1.0, abs(wanted))
    known = worst.get(what, (0.0, most))
    worst[what] = (max(known[0], difference), most)


def measure(counts, exposures, before, harmonics, folder):
    path = os.path.join(folder, "series.csv")
    with open(path, "w") as file:
        rows = csv.writer(file)
        rows.writerow(["from", "count", "exposure"])
        for month, (count, exposure) in enumerate(zip(counts, exposures)):
            rows.writerow([f"{2000 + month // 12}-{1 + month % 12:02d}", int(count), repr(float(exposure))])
    event = f"{2000 + before // 12}-{1 + before % 12:02d}-01"
    command = [COMITY, "measure", "effect", path, "--event", event, "--harmonics", str(harmonics), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def design(count, before, harmonics):
    time = np.arange(count)
    columns = [np.ones(count), time / 12.0]
    for harmonic in range(1, harmonics + 1):
        angle = 2 * math.pi * harmonic * (time + 1) / 12
        columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns + [(time >= before).astype(float)])


def poisson(found, counts, exposures, before, harmonics):
    """Segmented regression: statsmodels' GLM, by its own iteration."""
    regressors = design(len(counts), before, harmonics)
    model = sm.GLM(counts, regressors, family=sm.families.Poisson(), offset=np.log(exposures))
    for kind, scale in [("poisson", 1.0), ("quasi_poisson", "X2")]:
        fit = model.fit(scale=scale)
        low, high = fit.conf_int()[-1]
        for index, value in enumerate([fit.params[-1], low, high]):
            note(f"ratio of rates, {kind}", found["series"][kind][index], math.exp(value), 1e-6)
    note("dispersion", found["series"]["dispersion"], model.fit().pearson_chi2 / (len(counts) - regressors.shape[1]), 1e-6)
    # The placebo scan: the deviance that a step saves, at a place in the middle.
    places = found["series"]["placebo"]
    place = len(places) // 2
    at = 6 + place
    without = sm.GLM(counts, regressors[:, :-1], family=sm.families.Poisson(), offset=np.log(exposures)).fit()
    step = design(len(counts), at, harmonics)
    with_step = sm.GLM(counts, step, family=sm.families.Poisson(), offset=np.log(exposures)).fit()
    strength = math.sqrt(max(0.0, without.deviance - with_step.deviance)) * -np.sign(with_step.params[-1])
    note("placebo strength", places[place]["strength"], strength, 1e-5)


def change_point(found, counts, exposures):
    """The posterior by numpy, and the single most likely break by ruptures with a Poisson cost."""
    exposures = np.asarray(exposures) / np.mean(exposures)
    rate = 1 / np.mean(counts)

    def evidence(sum_, length):
        return math.log(rate) + gammaln(sum_ + 1) - (sum_ + 1) * math.log(length + rate)

    total, length = counts.sum(), exposures.sum()
    logs = np.array([
        evidence(counts[:k].sum(), exposures[:k].sum()) + evidence(counts[k:].sum(), exposures[k:].sum())
        for k in range(1, len(counts))
    ])
    weights = np.exp(logs - logs.max())
    found = found["series"]["change_point"]
    note("probability of the mode", found["probability"], (weights / weights.sum()).max(), 1e-8)
    bayes = logs.max() + math.log(weights.mean()) - evidence(total, length)
    note("log Bayes factor", found["log_bayes_factor"], bayes, 1e-8)

    class PoissonCost(ruptures.base.BaseCost):
        model, min_size = "poisson", 1

        def fit(self, signal):
            self.signal = signal
            return self

        def error(self, start, end):
            part = self.signal[start:end].sum()
            return 0.0 if part == 0 else -2 * part * math.log(part / (end - start))

    if np.ptp(exposures) < 1e-12:
        break_at = ruptures.Dynp(custom_cost=PoissonCost(), min_size=1, jump=1).fit(counts).predict(n_bkps=1)[0]
        year, month, _ = found["mode"].split("-")
        mode = (int(year) - 2000) * 12 + int(month) - 1
        # The most likely break lies where the posterior is high, not always at its very top.
        note("ruptures' break in the posterior", float(logs[mode - 1] - logs[break_at - 1]), 0.0, 3.0)


def counterfactual(found, counts, before):
    """Local level: statsmodels' unobserved components, fitted to the counts before the event."""
    model = sm.tsa.UnobservedComponents(counts[:before].astype(float), "llevel")
    fit = model.fit(disp=False, maxiter=500)
    forecast = fit.get_forecast(len(counts) - before)
    difference = float((counts[before:] - forecast.predicted_mean).sum())
    spread = float(np.sqrt((forecast.se_mean ** 2).sum()))
    note("counterfactual, in standard errors", (found["counterfactual"]["difference"][0] - difference) / spread, 0.0, 0.05)


def main():
    random = np.random.default_rng(47)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(SERIES):
            count, harmonics = int(random.integers(48, 121)), int(random.integers(0, 3))
            before = int(random.integers(26, count - 8))
            level = random.uniform(3, 60) * np.where(np.arange(count) < before, 1.0, random.uniform(0.4, 1.2))
            exposures = np.ones(count) if number % 2 == 0 else random.uniform(0.5, 2.0, count) * 1e5
            counts = random.poisson(level * exposures / exposures.mean()).astype(float)
            found = measure(counts, exposures, before, harmonics, folder)
            poisson(found, counts, exposures, before, harmonics)
            change_point(found, counts, exposures)
            counterfactual(found, counts, before)
    bad = False
    for what, (difference, most) in worst.items():
        bad |= difference > most
        print(f"{what:<40} largest difference {difference:.2e}, may be {most:.0e}")
    sys.exit(1 if bad else 0)


main()
