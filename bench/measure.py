#!/usr/bin/env python3
"""Each numerical method of `comity measure` against an independent implementation, on random series and figures.

Usage: bench/measure.py [SERIES [DIR]]; wants a Python with statsmodels, ruptures and chainladder, and a release or
debug binary at COMITY (default target/release/comity). DIR may hold sicily.csv (columns aces, smokban, stdpop: the
tutorial data of Lopez Bernal and others 2017) and coal-mining-1851-1961.csv (year, disasters): then the published
figures are asked for too. Prints the largest difference of each figure and exits 1 where one is larger than it may
be."""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings

import chainladder
import numpy as np
import pandas as pd
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


def digits(what, found, wanted, most):
    """A figure that is published to so many digits."""
    known = worst.get(what, (0.0, most))
    worst[what] = (max(known[0], abs(found - wanted)), most)


def comity(*arguments):
    command = [COMITY, "measure", *arguments, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def measure(counts, exposures, control, before, harmonics, folder, *more):
    path = os.path.join(folder, "series.csv")
    with open(path, "w") as file:
        rows = csv.writer(file)
        rows.writerow(["from", "count", "exposure"] + ([] if control is None else ["control"]))
        for month, (count, exposure) in enumerate(zip(counts, exposures)):
            row = [f"{2000 + month // 12}-{1 + month % 12:02d}", int(count), repr(float(exposure))]
            rows.writerow(row + ([] if control is None else [int(control[month])]))
    event = f"{2000 + before // 12}-{1 + before % 12:02d}-01"
    return comity("effect", path, "--event", event, "--harmonics", str(harmonics), *more)


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
    # The placebo scan: the deviance that a step saves, at its ends and in between, and the rank that follows.
    places = found["series"]["placebo"]
    without = sm.GLM(counts, regressors[:, :-1], family=sm.families.Poisson(), offset=np.log(exposures)).fit()
    strengths = []
    for place in range(len(places)):
        step = design(len(counts), 6 + place, harmonics)
        with_step = sm.GLM(counts, step, family=sm.families.Poisson(), offset=np.log(exposures)).fit()
        saved = math.sqrt(max(0.0, without.deviance - with_step.deviance)) * -np.sign(with_step.params[-1])
        strengths.append(saved)
        note("placebo strength", places[place]["strength"], saved, 1e-5)
    own = strengths[before - 6]
    near = sum(1 for saved in strengths if abs(saved - own) < 1e-6)
    rank = sum(1 for saved in strengths if saved >= own - 1e-6) / len(strengths)
    note("placebo rank", found["series"]["placebo_rank"], rank, (near - 1 + 0.01) / len(strengths))


def difference(found, counts, control, exposures, before, harmonics):
    """Against the control: two regressions of statsmodels, their logarithms' difference and its error."""
    regressors = design(len(counts), before, harmonics)

    def fit(series, offset):
        model = sm.GLM(series, regressors, family=sm.families.Poisson(), offset=offset)
        return model.fit(scale="X2")

    one, other = fit(counts, np.log(exposures)), fit(control, None)
    at = one.params[-1] - other.params[-1]
    error = math.hypot(one.bse[-1], other.bse[-1])
    for index, value in enumerate([at, at - 1.959963984540054 * error, at + 1.959963984540054 * error]):
        note("difference in differences", found["difference"][index], math.exp(value), 1e-6)


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
    # The fewest places that hold 95 %: how much they hold, and that none fewer do.
    ordered = np.sort(weights / weights.sum())[::-1]
    smallest = int(np.searchsorted(np.cumsum(ordered), 0.95)) + 1
    note("places of the 95 % set", len(found["set_95"]), smallest, 0)
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
        note("ruptures' break in the posterior", float(logs[mode - 1] - logs[break_at - 1]), 0.0, 0.5)


def counterfactual(found, counts, control, before):
    """Local level: statsmodels' unobserved components, fitted to the counts before the event."""
    exog = None if control is None else control[:before].astype(float)
    ahead = None if control is None else control[before:].astype(float)
    model = sm.tsa.UnobservedComponents(counts[:before].astype(float), "llevel", exog=exog)
    fit = model.fit(disp=False, maxiter=500)
    forecast = fit.get_forecast(len(counts) - before, exog=ahead)
    difference = float((counts[before:] - forecast.predicted_mean).sum())
    # The sum's own error: the level is carried on, so the months' errors go together. Drawn from the fitted state.
    after = len(counts) - before
    variances = dict(zip(fit.param_names, fit.params))
    noise, walk = variances["sigma2.irregular"], variances["sigma2.level"]
    level = fit.filtered_state_cov[0, 0, -1]
    spread = math.sqrt(after**2 * level + walk * sum((after - k) ** 2 for k in range(after)) + after * noise)
    suffix = "" if control is None else ", with a control"
    most = 0.05
    ours, low, high = found["counterfactual"]["difference"]
    note("counterfactual" + suffix + ", in standard errors", (ours - difference) / spread, 0.0, most)
    if control is None:
        note("counterfactual's interval, in its width", (high - low) / (2 * 1.959963984540054 * spread), 1.0, 0.05)


def ladder(random, folder):
    """Chain ladder and Mack's standard error: the package of the actuaries."""
    years = int(random.integers(5, 11))
    path = os.path.join(folder, "events.csv")
    rows, cells = [], []
    for year in range(years):
        for lag in range(years - year):
            count = int(random.poisson(120 * math.exp(-0.8 * lag))) + 1
            rows += [f"{2000 + year}-05,{2000 + year + lag}-06"] * count
            cells.append((f"{2000 + year}", f"{2000 + year + lag}", count))
    with open(path, "w") as file:
        file.write("from,known\n" + "\n".join(rows) + "\n")
    found = comity("effect", path, "--event", f"{2000 + years // 2}-06-15")["reporting_lag"]
    frame = pd.DataFrame(cells, columns=["origin", "known", "count"])
    triangle = chainladder.Triangle(
        frame, origin="origin", development="known", columns="count", cumulative=False
    ).incr_to_cum()
    mack = chainladder.MackChainladder().fit(chainladder.Development(sigma_interpolation="mack").fit_transform(triangle))
    note("chain ladder, not known yet", found["missing"][0], float(np.nansum(mack.ibnr_.values)), 1e-6)
    note("Mack's standard error", found["missing"][1], float(mack.total_mack_std_err_.values.ravel()[0]), 1e-6)


def loss(random, folder):
    """A year's cost: numpy draws the same distributions by its own generator."""
    mean, low = float(random.uniform(0.5, 8)), float(random.uniform(1, 100))
    high = low * float(random.uniform(2, 12))
    least, likely, most = sorted(float(x) for x in random.uniform(1, 1000, 3))
    variation = float(random.uniform(0.2, 1.0))
    scope = {"place": "world", "sector": "all", "year": 2013, "currency": "USD"}
    shared = {"kind": "direct", "source": "drawn", "scope": scope}
    figures = [
        {"name": "lognormal", "frequency": {"poisson": mean}, "severity": {"lognormal": {"low": low, "high": high}}},
        {
            "name": "pert",
            "frequency": {"mixed": {"mean": mean, "variation": variation}},
            "severity": {"pert": {"least": least, "likely": likely, "most": most}},
        },
    ]
    path = os.path.join(folder, "loss.json")
    with open(path, "w") as file:
        json.dump({"figures": [shared | figure for figure in figures]}, file)
    found = comity("loss", path)["figures"]
    years = 400_000
    mu, sigma = (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / (2 * 1.6448536)
    often = random.poisson(mean, years)
    shape = variation**-2
    mixed = random.poisson(random.gamma(shape, mean / shape, years))
    a, b = 1 + 4 * (likely - least) / (most - least), 1 + 4 * (most - likely) / (most - least)
    draws = [
        lambda n: random.lognormal(mu, sigma, n),
        lambda n: least + (most - least) * random.beta(a, b, n),
    ]
    for figure, counts, draw in zip(found, [often, mixed], draws):
        year = np.repeat(np.arange(years), counts)
        costs = np.bincount(year, weights=draw(len(year)), minlength=years)
        note("loss: closed mean, in standard errors", (figure["closed_form"]["mean"] - costs.mean()) / costs.std() * math.sqrt(years), 0.0, 4.5)
        note("loss: closed deviation", figure["closed_form"]["deviation"] / costs.std(), 1.0, 0.03)
        for quantile in figure["quantiles"]:
            # Where the share of our quantile lies among numpy's years: free of the scale.
            at = (costs < quantile["cost"]).mean(), (costs <= quantile["cost"]).mean()
            off = max(at[0] - quantile["share"], quantile["share"] - at[1], 0.0)
            error = math.sqrt(quantile["share"] * (1 - quantile["share"]) * (1 / years + 1 / figure["drawn"]["years"]))
            note("loss: quantile's share, in standard errors", off / error, 0.0, 4.5)


def worked(folder, where):
    """The published figures, to the digits that are published."""
    path = os.path.join(where, "sicily.csv")
    if os.path.exists(path):
        rows = list(csv.DictReader(open(path)))
        counts = np.array([float(row["aces"]) for row in rows])
        exposures = np.array([float(row["stdpop"]) for row in rows])
        before = [row["smokban"] for row in rows].index("1")
        for harmonics, kind, wanted in [
            (0, "poisson", [0.8944, 0.8647, 0.9251]),
            (2, "quasi_poisson", [0.8851, 0.8394, 0.9332]),
        ]:
            found = measure(counts, exposures, None, before, harmonics, folder)["series"]
            for index, value in enumerate(wanted):
                digits(f"Sicily, {harmonics} waves", found[kind][index], value, 0.5e-4)
            if harmonics == 0:
                digits("Sicily, dispersion", found["dispersion"], 3.5592, 0.5e-4)
    else:
        print(f"no {path}: the figures of Sicily are not asked for")
    path = os.path.join(where, "coal-mining-1851-1961.csv")
    if os.path.exists(path):
        series = os.path.join(folder, "coal.csv")
        with open(series, "w") as file:
            file.write("from,count\n" + "".join(f"{r['year']},{r['disasters']}\n" for r in csv.DictReader(open(path))))
        found = comity("effect", series, "--event", "1891-06-01", "--gamma", "1,1")["series"]["change_point"]
        assert found["mode"] == "1892-01-01", found["mode"]
        digits("coal, probability of the mode", found["probability"], 0.24015, 0.5e-5)
        for value, wanted in zip(found["rates"] + [found["log_bayes_factor"]], [3.0662, 0.9361, 28.1738]):
            digits("coal, rates and Bayes factor", value, wanted, 0.5e-4)
    else:
        print(f"no {path}: the figures of the coal mines are not asked for")


def main():
    warnings.simplefilter("ignore")
    random = np.random.default_rng(47)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(SERIES):
            count, harmonics = int(random.integers(48, 121)), int(random.integers(0, 3))
            before = int(random.integers(26, count - 8))
            level = random.uniform(3, 60) * np.where(np.arange(count) < before, 1.0, random.uniform(0.4, 1.2))
            exposures = np.ones(count) if number % 2 == 0 else random.uniform(0.5, 2.0, count) * 1e5
            counts = random.poisson(level * exposures / exposures.mean()).astype(float)
            control = random.poisson(np.full(count, random.uniform(3, 60))).astype(float) if number % 3 == 0 else None
            found = measure(counts, exposures, control, before, harmonics, folder)
            poisson(found, counts, exposures, before, harmonics)
            change_point(found, counts, exposures)
            if control is not None:
                difference(found, counts, control, exposures, before, harmonics)
            if number % 2 == 0:
                counterfactual(found, counts, control, before)
            ladder(random, folder)
            loss(random, folder)
        worked(folder, sys.argv[2] if len(sys.argv) > 2 else ".")
    bad = False
    for what, (difference_, most) in worst.items():
        bad |= difference_ > most
        print(f"{what:<48} largest difference {difference_:.2e}, may be {most:.0e}")
    sys.exit(1 if bad else 0)


main()
