"""Tables as they are printed: from a data frame to HTML, numbers right, intervals light."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup, escape

from crossfold.reports import words

METRICS = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "expected_calibration_error": "Calibration error",
    "mcc": "MCC",
    "f1": "F1",
    "macro_f1": "Macro F1",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "p_value": "p",
    "n_called": "Rows called",
    "recall": "Recall (sensitivity)",
    "precision": "Precision (PPV)",
    "observed_over_expected": "Observed over expected",
}
_OF_ANY_SIZE = {"rmse", "mae", "mean_error", "difference", "from", "to", "estimate"}
_SHARES = {"missing", "share", "flagged_share", "rate"}
_LONGEST_NAME, _LONGEST_TEXT = 40, 240
_ENDS = ("_low", "_high")


class Estimate(NamedTuple):
    """A figure with its 95 % interval; false where there is none.

    `metric` names what is measured; what is not known of `value`, `low` and `high` is NaN; `n` is
    the number of rows.
    """

    metric: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0

    def __bool__(self) -> bool:
        return math.isfinite(self.value)

    def __str__(self) -> str:
        """Print it as its metric is printed; what is no interval is left out."""
        any_size = self.metric in _OF_ANY_SIZE
        return self._printed_by(words.fitting_interval if any_size else words.interval)

    @property
    def name(self) -> str:
        """What is measured, in words within a sentence."""
        return METRICS.get(self.metric, self.metric.replace("_", " "))

    @property
    def number(self) -> str:
        """The figure without its interval."""
        return str(self).split(" (")[0]

    @property
    def interval(self) -> str:
        """The interval, or nothing."""
        return str(self).partition(" (")[2].removesuffix(")")

    def percent(self) -> str:
        """Print it as per cent; what is no interval is left out."""
        return self._printed_by(words.percent_interval)

    def _printed_by(self, printer: Callable[[float, float, float], str]) -> str:
        known = words.is_interval(self.value, self.low, self.high)
        return printer(self.value, *((self.low, self.high) if known else (math.nan, math.nan)))


def widen(
    table: pd.DataFrame, rows: str | list[str], column: str, names: Sequence[str]
) -> pd.DataFrame:
    """Put the estimates of a long table side by side, each with the ends of its interval.

    Of `table` (``estimate``, ``low``, ``high``, and the columns that are named here) it takes the
    values `names` of `column`, which all have the same rows, told apart by the columns `rows`. For
    each of `names` it makes ``NAME``, ``NAME_low`` and ``NAME_high``, after `rows`.
    """
    found = {name: table[table[column] == name].set_index(rows) for name in names}
    ends = {"": "estimate", "_low": "low", "_high": "high"}
    wide = {f"{n}{end}": one[kind] for n, one in found.items() for end, kind in ends.items()}
    return pd.DataFrame(wide).reset_index()


def metric_name(metric: str) -> str:
    """Write the name of a metric as it is known."""
    return METRICS.get(metric, words.plain(metric))


def to_html(
    table: pd.DataFrame,
    caption: str,
    bold: object = None,
    decimals: int | None = None,
    *,
    columns: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    join: bool = False,
) -> Markup:
    """Print a table: ``x_low`` and ``x_high`` are the interval of ``x``, else ``low`` and ``high``.

    Names are escaped and shortened; columns of numbers are set right. The caption says what the
    rows are; `bold` is the first value of the row that the report is about, or nothing; `decimals`
    are of all figures that are no whole numbers, None for as many as each needs. `columns` are
    those that are shown, in order, None for all; `names` are of columns and of texts in the table,
    as a reader knows them; with `join`, neighbours that are printed alike but for their first
    column share a row.
    """
    known = [name for name in map(str, table) if not name.endswith(_ENDS)]
    shown = [name for name in columns or known if name in known]
    names = names or {}
    numeric = {name: pd.api.types.is_numeric_dtype(table[name].dtype) for name in shown}
    heads = {name: names.get(name, metric_name(name)) for name in shown}
    head = "".join(_cell("th", heads[name], numeric[name], ' scope="col"') for name in shown)
    rows = [
        [_text(row, name, name == shown[0], names, decimals) for name in shown]
        for row in table.to_dict("records")
    ]
    bolds = [bold is not None and value == bold for value in (table[shown[0]] if shown else [])]
    pairs = _joined(rows, bolds) if join else zip(rows, bolds, strict=True)
    body = "".join(_row(texts, is_bold, list(numeric.values())) for texts, is_bold in pairs)
    return on_one_line(
        Markup(
            '<div class="scroll" tabindex="0" role="group" aria-label="{0}"><table>'
            "<caption><span>{0}</span></caption>"
            "<thead><tr>{1}</tr></thead><tbody>{2}</tbody></table></div>"
        ).format(caption, Markup(head), Markup(body))
    )


def on_one_line(html: Markup) -> Markup:
    """Take out line breaks, as those of names: HTML within Markdown ends at an empty line."""
    return Markup(re.sub(r"\s*[\r\n]\s*", " ", html))


def _joined(rows: Sequence[list[str]], bolds: Sequence[bool]) -> Iterator[tuple[list[str], bool]]:
    """Let neighbours share a row where all is printed alike but their names."""
    for rest, own in groupby(zip(rows, bolds, strict=True), key=lambda pair: pair[0][1:]):
        alike = list(own)
        yield [", ".join(row[0] for row, _ in alike), *rest], any(bold for _, bold in alike)


def _row(texts: Sequence[str], bold: bool, numeric: Sequence[bool]) -> str:
    first, *others = zip(texts, numeric, strict=True)
    cells = _cell("th", *first, ' scope="row"') + "".join(_cell("td", *one) for one in others)
    start = '<tr class="bold">' if bold else "<tr>"
    return f"{start}{cells}</tr>"


def _cell(tag: str, text: str, is_number: bool, attributes: str = "") -> str:
    kind = ' class="number"' if is_number else ""
    figure, _, ends = text.partition(" (")
    if not (is_number and ends.endswith(")")):
        return f"<{tag}{kind}{attributes}>{escape(text)}</{tag}>"
    light = f'<span class="interval">{escape(ends[:-1])}</span>'
    return f"<{tag}{kind}{attributes}>{escape(figure)} {light}</{tag}>"


def _text(
    row: dict[Any, Any], name: str, is_first: bool, names: Mapping[str, str], decimals: int | None
) -> str:
    value = row[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return words.count(value)
    if not isinstance(value, float):
        known = names.get(value, value) if isinstance(value, str) else value
        told = metric_name(str(known)) if name == "metric" else known
        return words.shortened(told, _LONGEST_NAME if is_first else _LONGEST_TEXT)
    if decimals is not None:
        return words.number(value, decimals)
    if name == "p_value":
        return words.p_value(value)
    of_name = "" if name == "estimate" else f"{name}_"
    estimate = Estimate(
        name, value, *(row.get(f"{of_name}{end}", math.nan) for end in ("low", "high"))
    )
    return estimate.percent() if name in _SHARES else str(estimate)
