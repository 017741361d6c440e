"""The words beside the figures of an audit."""

from __future__ import annotations

from crossfold.pipelines.reporting.report import Caption

CAPTIONS = {
    "claims": Caption(
        "For each claim the quantity with the faults, without them, and as printed.",
        "Squares: the source's protocol with all its faults. Circles: the same without them. Bars"
        " are 95 % intervals. A cross is what the source printed, where it printed a figure."
        " Where square and circle are apart, the faults make the difference.",
    ),
    "shares": Caption(
        "For each claim a bar for each fault.",
        "What one fault alone changes: the quantity with that fault minus the quantity without"
        " any. Faults may work against each other, so the bars need not add up.",
    ),
    "runs": Caption(
        "Every figure of the source beside those measured here.",
        "Each figure as printed (cross), with the source's protocol (square) and without its"
        " faults (circle), with 95 % intervals.",
    ),
}
