"""What a report says: every sentence is computed from the results, or left out."""

import numpy as np
import pandas as pd

from crossfold.reports import words
from crossfold.reports.tables import Estimate
from crossfold.reports.words import count, listed, percent, shortened
from crossfold.templates.cross_validation.folds import PERMUTED, TIME_SPLIT
from crossfold.templates.reporting import summaries
from crossfold.templates.reporting.results import Results
from crossfold.validation.comparison import verdict

FEW_ROWS, FEW_OF_CLASS = 1000, 50
FEW_GROUPS = 30  # below, a bootstrap by group is too sure: Cameron, Gelbach and Miller (2008)


def title(results: Results) -> str:
    """Ask what the study answers."""
    return f"What predicts {shortened(results.target).rstrip('?')}?"


def answer(results: Results) -> str:
    """Say in one sentence how well the reference model does, and what would be chance."""
    model, main = results.reference, results.metric(results.reference, results.main_metric)
    if not main:
        return ""
    target, share, name = shortened(results.target), main.percent(), results.label(model)
    if results.task == "binary":
        event = shortened(results.classes[1])
        text = (
            f"Of two rows, one with {target} = {event} and one without, {name} finds the right "
            f"one in {share} of cases; guessing would in 50 %."
        )
    elif results.task == "multiclass":
        text = (
            f"{name} names the right one of {len(results.classes)} classes of {target} for "
            f"{share} of rows; always naming the largest class would for "
            f"{percent(results.chance)}."
        )
    elif main.value > 0:
        error = results.metric(model, "mae")
        typical = f", and is off by {error} on average" if error else ""
        text = f"{name} explains {share} of the variance of {target}{typical}."
    else:
        text = f"{name} predicts {target} no better than its mean does (R² {main.number})."
    if main.low <= results.chance <= main.high:
        return f"{text} That cannot be told from chance."
    return f"{text} That is worse than chance." if main.high < results.chance else text


def standing(results: Results) -> str:
    """Say which model is best, also where it is not the reference."""
    best, reference = results.models[0], results.reference
    main = results.metric(best, results.main_metric)
    if not main or len(results.models) < 2:
        return ""
    if best == reference:
        close = [m for m in results.models[1:] if not _differ(results, best, m)]
        told = listed([results.label(m) for m in close]) if close else ""
        others = f"; {told} cannot be told apart from it" if close else ""
        return f"No other model has a better {main.name}{others}."
    differs = _differ(results, best, reference)
    told = "which is better than" if differs else "which cannot be told apart from"
    names = results.label(best), results.label(reference)
    return f"The best {main.name} is that of {names[0]}, {main}, {told} {names[1]}."


def _differ(results: Results, model_a: str, model_b: str) -> bool:
    pair = results.pair(model_a, model_b)
    return bool(pair) and verdict(pair["low"], pair["high"]) == "differ"


def comparisons(results: Results) -> list[str]:
    """Say of every other model how the reference compares with it."""
    return [
        sentence
        for model in results.models
        if model != results.reference and (sentence := _comparison(results, model))
    ]


def _comparison(results: Results, model: str) -> str:
    pair = results.pair(results.reference, model)
    if not pair:
        return ""
    reference, other = results.label(results.reference), results.label(model)
    if not any(pair.values()):
        return f"{reference} and {other} do not differ at all."
    text = words.fitting_interval(pair["difference"], pair["low"], pair["high"])
    name = results.metric(model, results.main_metric).name
    if not _differ(results, results.reference, model):
        return f"{reference} and {other} cannot be told apart: their {name} differs by {text}."
    told = "better" if pair["difference"] > 0 else "worse"
    return f"{reference} is {told} than {other}: its {name} differs by {text}."


def twins(results: Results) -> str:
    """Say how far the same network on two engines is apart."""
    table = results.comparison[results.comparison["test"] == "largest difference of any row"]
    if table.empty:
        return ""
    row = table.iloc[0]
    names = results.label(row["model_a"]), results.label(row["model_b"])
    pair = f"{names[0]} and {names[1]}, one network on two engines,"
    if not row["difference"]:
        return f"{pair} say the same of every row."
    apart = words.fitting(float(row["difference"]))
    what = "value" if results.task == "regression" else "probability"
    return f"{pair} predict the {what} of any row at most {apart} apart: {row['verdict']}."


def leaks(results: Results) -> str:
    """Say what the leak guard looked for and found."""
    guard = results.leak_guard
    if guard.empty:
        return ""
    checks, crossing = listed(list(guard["check"])), int(guard["crossing"].sum())
    found = "found none" if not crossing else f"found {count(crossing)}"
    return f"The leak guard looked for {checks} and {found}."


def control(results: Results) -> str:
    """Say what a model makes of permuted labels."""
    model, main = results.under(PERMUTED)
    if not main:
        return ""
    name = results.label(model)
    text = f"On permuted labels, from which nothing can be learnt, {name} has {main.name} {main}"
    chance = words.number(results.chance, 0 if results.task == "regression" else 3)
    if main.low > results.chance:
        told = f"better than chance ({chance}), which must not be"
        return (
            f"{text}: {told}. In one of 40 studies that is luck; if it stays with another seed,"
            " something leaks: do not use these figures."
        )
    return f"{text}: no better than chance ({chance}), as it has to be."


def over_time(results: Results) -> str:
    """Say what is left when a model learns from the past alone."""
    model, main = results.under(TIME_SPLIT)
    if not main:
        return ""
    start = f" (from {results.first_test_day} on)" if results.first_test_day else ""
    mixed = results.metric(model, results.main_metric)
    return (
        f"Trained on earlier rows and tested on the last {count(len(results.later_rows))}"
        f"{start}, {results.label(model)} has {main.name} {main}; on folds that mix all times it "
        f"has {mixed}."
    )


def calibration(results: Results) -> str:
    """Say whether the probabilities of two classes are right on average."""
    said = results.metric(results.reference, "mean_prediction")
    if not said:
        return ""
    true = percent(float(results.predicted(results.reference)["target"].mean()))
    name = results.label(results.reference)
    event = shortened(results.classes[1])
    text = f"On average {name} predicts {percent(said.value)} for {event}; {true} happened."
    if not (slope := _calibrated(results, "calibration_slope")):
        return text
    ratio = f"Observed over expected is {_calibrated(results, 'observed_over_expected')}"
    return f"{text} {ratio}, the calibration slope {slope}: {how_spread(slope)}."


def how_spread(slope: Estimate) -> str:
    """Say what the slope of a calibration means, if its interval is narrow enough to say it."""
    if slope.high < 1:
        return "they are too extreme"
    if slope.low > 1:
        return "they are too cautious"
    as_they_should = "they spread as they should"
    if slope.low > 0:
        return as_they_should
    return f"too wide an interval to say whether {as_they_should}"


def _calibrated(results: Results, metric: str) -> Estimate:
    if "calibration" not in results.tables:
        return Estimate(metric)
    table = results.tables["calibration"]
    row = table[table["probabilities"] == "calibrated"].iloc[0]
    value, low, high = (float(row[f"{metric}{end}"]) for end in ("", "_low", "_high"))
    return Estimate(metric, value, low, high)


def decision(results: Results) -> str:
    """Say what the thresholds of two classes come to."""
    model = results.reference
    flagged, precision, recall = (
        results.metric(model, name) for name in ("flagged_share", "precision", "recall")
    )
    if not flagged:
        return ""
    low, high = results.predicted(model)["threshold"].agg(["min", "max"])
    ends = " to ".join(dict.fromkeys((f"{low:.2f}", f"{high:.2f}")))
    flags = f"flags {flagged.percent()} of {results.report.rows}"
    text = f"At thresholds of {ends}, {results.label(model)} {flags}."
    if not flagged.value:
        return text
    return (
        f"{text} {precision.percent()} of the flagged are {shortened(results.classes[1])} "
        f"(precision); {recall.percent()} of all that are, are flagged (recall)."
    )


def confusions(results: Results) -> str:
    """Name the classes that are mistaken for each other most often, of several."""
    if results.task != "multiclass":
        return ""
    counts = summaries.confusion_counts(results, results.reference)
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return f"{results.label(results.reference)} makes no mistake."
    true, said = np.unravel_index(int(counts.argmax()), counts.shape)
    names = [shortened(results.classes[int(number)]) for number in (true, said)]
    n_wrong = int(counts.sum())
    return (
        f"{count(n_wrong)} rows are named wrongly. The most frequent mistake is {names[1]} for "
        f"{names[0]} ({count(counts.max())} rows)."
    )


def residuals(results: Results) -> str:
    """Say whether predicted numbers are too large or too small on average."""
    bias = results.metric(results.reference, "mean_error")
    if not bias:
        return ""
    if bias.low <= 0 <= bias.high:
        return f"On average predictions are neither too large nor too small (mean error {bias})."
    kind = "large" if bias.value > 0 else "small"
    return f"On average predictions are too {kind}: the mean error is {bias}."


def importance(results: Results) -> str:
    """Name the columns without which the model would be worse."""
    table = summaries.importance(results)
    if table.empty:
        return ""
    if table["loss"].isna().all():
        return "What columns are worth cannot be told: fewer than two folds hold both classes."
    sure = table[table["loss_low"] > 0]
    name = results.metric(results.reference, results.main_metric).name
    if sure.empty:
        return f"No column makes a difference of {name} by itself that could be told from none."
    first = sure.iloc[0]
    lost = words.interval(first["loss"], first["loss_low"], first["loss_high"])
    labels = results.column_labels
    names = [labels.get(column, column) for column in sure["column"]]
    also = f" Shuffling {listed(names[1:])} costs something too." if names[1:] else ""
    return (
        f"Shuffling {shortened(names[0])} costs {lost} of {name}, the largest loss that can be "
        f"told from none.{also}"
    )


def effects(results: Results) -> str:
    """Say of the column that matters most between which predictions it moves a row."""
    table = summaries.effects(results)
    if table.empty:
        return ""
    own = table[table["column"] == table["column"].iloc[0]]
    values = own.groupby("predicted", sort=False)["estimate"]
    own = own[own["predicted"] == (values.max() - values.min()).idxmax()]
    ends = own["estimate"].idxmin(), own["estimate"].idxmax()
    first, last = (_effect(results, own.loc[end]) for end in ends)
    of_class = f"predicted probability of {shortened(own['predicted'].iloc[0])}"
    what = "prediction" if results.task == "regression" else of_class
    name = own["column"].iloc[0]
    column = shortened(results.column_labels.get(name, name))
    return f"With {column}, all else as it is, the mean {what} moves from {first} to {last}."


def _effect(results: Results, row: pd.Series) -> str:
    ends = row["estimate"], row["low"], row["high"]
    is_number = results.task == "regression"
    said = words.fitting_interval(*ends) if is_number else words.percent_interval(*ends)
    return f"{said} at {shortened(row['level'])}"


def limits(results: Results) -> list[str]:
    """List what the figures do not say."""
    return [*_limits_of_rows(results), *map(str, results.model_card.get("limits") or ())]


def _limits_of_rows(results: Results) -> list[str]:
    parameters, n = results.table_parameters, len(results.features)
    found = []
    if n < FEW_ROWS:
        found.append(f"There are {count(n)} rows: intervals are wide, and mean what they say.")
    sizes = results.features[results.target].value_counts()
    if results.classes and (rare := int((sizes < FEW_OF_CLASS).sum())):
        many = f"{count(rare)} of the {len(sizes)} classes have"
        told = "Every class has" if rare == len(sizes) else many
        found.append(f"{told} fewer than {FEW_OF_CLASS} rows.")
    if parameters.group is None:
        found.append(
            "No group is named: rows of one person, place or device may be in training and "
            "validation at once, and figures are then too good."
        )
    elif results.n_groups < FEW_GROUPS:
        found.append(
            f"Intervals draw whole groups, and there are only {results.n_groups}: they hold the "
            "truth less often than 95 % says."
        )
    if parameters.time is None:
        found.append("No time is named: figures say nothing about rows of a later time.")
    return found
