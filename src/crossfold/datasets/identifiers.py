"""Keyed hashes in place of identifiers, and a search for identifiers where none belong."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DIGEST_BYTES = 12
PLAIN_NUMBER = r"[1-9][0-9]*"
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
# Numbers that are written in one way already.
CANONICAL = rf"(?:{PLAIN_NUMBER}|-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9])"
# Days, months, weeks and times name nobody.
DATE_LIKE = r"(\d{4}([-./])\d\d?\2\d\d?|\d\d?([-./])\d\d?\3(\d{4}|\d\d))(\D.*)?"
TIME_LIKE = rf"(?:{DATE_LIKE}|\d{{4}}([-./][QWHM]?|[QWHM])\d\d?|\d\d?:\d\d(:\d\d)?)"
CODE = r"(?:\S*[0-9]\S*|[0-9 ]+)"
NO_IDENTIFIER = ["nan", "null", "na", "n/a", "<na>", "#n/a", "none", "nil", "unknown", "undefined"]
NO_IDENTIFIER += ["-", "--", ".", "?"]
ROUNDED = r"^\d[.,](?P<decimals>\d+)[eE]\+?(?P<exponent>\d{1,2})$"
# Shorter ones stand in other columns by chance, as ages do.
SHORTEST_FOUND = 5
LONG_NUMBER = re.compile(rf"\d{{{SHORTEST_FOUND},}}")
SHARE_BY_CHANCE, SHARE_OF_A_COPY = 0.01, 0.5


def hash_identifiers(values: pd.Series, key: str) -> pd.Series:
    """Replace identifiers by keyed hashes (BLAKE2b); equal identifiers get equal hashes.

    Identifiers are text. Numbers written in other ways are one identifier: ``42``, ``42.0`` and
    ``4.2E1``. An empty text, and what says that there is none, as ``NULL``, becomes an empty text.
    Without the secret key, of at most 64 bytes, nobody can compute the hash of an identifier.

    Returns hashes of 24 hexadecimal digits, same index.
    """
    codes, unique = pd.factorize(canonical_identifiers(values))
    secret = key.encode()
    written = [
        blake2b(one.encode(), key=secret, digest_size=DIGEST_BYTES).hexdigest() if one else ""
        for one in unique.tolist()
    ]
    hashes = pd.Series(written, dtype="str")
    return pd.Series(hashes.array.take(codes), index=values.index, name=values.name)


def canonical_identifiers(values: pd.Series) -> pd.Series:
    """Write each identifier in one way, as `canonical` does; what is none becomes empty."""
    return of_each(_canonical_texts, values)


def of_each(read: Callable[[pd.Series], pd.Series], values: pd.Series) -> pd.Series:
    """Read each different value once: `read` gives one result for each, whichever others are there.

    It is told all of them, without repetitions.
    """
    codes, unique = pd.factorize(values, use_na_sentinel=False)
    found = read(pd.Series(unique, dtype=values.dtype, name=values.name))
    return found.take(codes).set_axis(values.index)


def _canonical_texts(texts: pd.Series) -> pd.Series:
    texts = texts.str.strip()
    unusual = texts.str.fullmatch(NUMBER) & ~texts.str.fullmatch(CANONICAL)
    written = [canonical(text) for text in texts[unusual].tolist()]
    texts[unusual] = pd.array(written, dtype="str")
    return texts.mask(texts.str.lower().isin(NO_IDENTIFIER), "")


def canonical(text: str) -> str:
    """Write an identifier in one way, whichever way a spreadsheet wrote it; no digit is lost."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return text.lstrip("0") or "0"
    if not re.fullmatch(NUMBER, text):
        return text
    number = f"{Decimal(text):f}"
    return (number.rstrip("0").rstrip(".") if "." in number else number) or "0"


def masked(value: Any) -> str:
    """Write a value for a message, nines for numbers so long that they may be of a patient."""
    return LONG_NUMBER.sub(lambda found: "9" * len(found[0]), str(value))


def are_rounded(values: pd.Series) -> bool:
    """Say whether a spreadsheet has cut digits off long numbers, as 1.2346E+13: many become one."""
    texts = values.str.strip()
    found = texts[texts.str.fullmatch(ROUNDED)].str.extract(ROUNDED)
    lost = found["decimals"].str.len() < pd.to_numeric(found["exponent"])
    return bool(lost.sum() > SHARE_BY_CHANCE * len(values))


def rows_with_own(written: pd.Series, own: pd.Series) -> NDArray[np.bool_]:
    """Say which rows of another column, in canonical form, hold the identifier of the same row.

    Those of fewer than `SHORTEST_FOUND` characters count where the two columns mostly agree. A
    number holds no other one: its digits are there by chance.
    """
    equal = ((written == own) & (own != "")).to_numpy()
    found: NDArray[np.bool_] = equal & (equal.mean() > SHARE_OF_A_COPY)
    length = own.str.len()
    text = written.mask(written.str.fullmatch(NUMBER) & (written != own), "")
    possible = np.flatnonzero((length >= SHORTEST_FOUND) & (text.str.len() >= length))
    pairs = zip(own.iloc[possible].tolist(), written.iloc[possible].tolist(), strict=True)
    found[possible] |= np.array([identifier in text for identifier, text in pairs], dtype=bool)
    return found


def findable(written: pd.Series) -> pd.Series:
    """Leave out what, in canonical form, is too short to be told from what is there by chance."""
    return written[written.str.len() >= SHORTEST_FOUND]


def coded(written: pd.Series) -> pd.Series:
    """Empty all that is no word with a digit, and dates and times.

    As names, the groups of any table may stand in other columns too: countries, teams, grades.
    """

    def only_codes(texts: pd.Series) -> pd.Series:
        is_code = texts.str.fullmatch(CODE) & ~texts.str.fullmatch(TIME_LIKE)
        return texts.where(is_code, "")

    return of_each(only_codes, written)


def rows_with_any(written: pd.Series, known: pd.Series) -> NDArray[np.bool_]:
    """Say which rows of another column, in canonical form, hold an identifier of any row.

    The known identifiers are `findable`, each once. Gives shape ``(n,)``; all False where they are
    no more than chance brings.
    """

    def count_between(low: float, high: float) -> int:
        numbers = plain_numbers(known)
        return int(((numbers >= low) & (numbers <= high)).sum())

    return _unless_by_chance(_are_in(written, known), written, count_between)


def rows_with_hashed(written: pd.Series, hashes: pd.Series, key: str) -> NDArray[np.bool_]:
    """Say the same where only hashes of the identifiers, by `hash_identifiers`, are still there.

    Each is there once. Nobody knows how far the identifiers run: all may lie in the range of the
    column's numbers, unless those that are found are no numbers.
    """
    is_long = (written.str.len() >= SHORTEST_FOUND).to_numpy()
    found = is_long & _are_in(hash_identifiers(written, key), hashes)
    are_texts = (found & ~written.str.fullmatch(PLAIN_NUMBER)).mean() > SHARE_BY_CHANCE
    return _unless_by_chance(found, written, lambda low, high: 0 if are_texts else len(hashes))


def _are_in(written: pd.Series, known: pd.Series) -> NDArray[np.bool_]:
    import pyarrow as pa
    from pyarrow.compute import is_in

    held = is_in(pa.array(written), value_set=pa.array(known))
    found: NDArray[np.bool_] = held.to_numpy(zero_copy_only=False)
    return found


def _unless_by_chance(
    found: NDArray[np.bool_], written: pd.Series, count_between: Callable[[float, float], int]
) -> NDArray[np.bool_]:
    """Find nothing where it is no more than chance brings.

    `count_between` counts the different identifiers that lie in the range of the column's numbers.
    """
    by_chance = SHARE_BY_CHANCE
    if found.mean() > by_chance:
        low, high = number_range(written)
        by_chance = share_by_chance(count_between(low, high), low, high)
    return found if found.mean() > by_chance else np.zeros_like(found)


@dataclass(frozen=True)
class Sought:
    """Identifiers of one column that no other column may hold."""

    known: pd.Series  # `findable` ones, each once
    hashes: pd.Series | None = None  # of these and of earlier ones, each once
    key: str = ""  # of the hashes
    only_codes: bool = False  # `coded`: words and dates may stand in other columns

    def rows(
        self, written: pd.Series, own: pd.Series
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Look for them in another column; both columns are in canonical form.

        Returns two masks of shape ``(n,)``: rows for which the column is to be refused, and rows
        that hold their own identifier.
        """
        slips = rows_with_own(written, own)
        found = slips if slips.mean() > SHARE_BY_CHANCE else rows_with_any(written, self.known)
        if self.hashes is not None and not found.any():
            possible = coded(written) if self.only_codes else written
            found = rows_with_hashed(possible, self.hashes, self.key)
        return found, slips


def share_by_chance(n_identifiers: Any, low: Any, high: Any) -> Any:
    """Compute the share of rows of a column that may be identifiers by chance.

    Two kinds of numbers may run through one range: so many different identifiers lie in that of the
    column's numbers. Arguments are numbers, or columns of them.
    """
    return SHARE_BY_CHANCE + 2 * n_identifiers / (high - low + 1)


def number_range(written: pd.Series) -> tuple[float, float]:
    """Find between which two the middle half of a column's whole numbers lies.

    A few numbers far from the others do not count; 0 and 0 where there are none.
    """
    numbers = plain_numbers(written)
    if not len(numbers):
        return 0.0, 0.0
    low, high = np.quantile(numbers, [0.25, 0.75], method="nearest")
    return float(low), float(high)


def plain_numbers(written: pd.Series) -> NDArray[np.float64]:
    """Give the whole numbers among texts in canonical form."""
    numbers: NDArray[np.float64] = written[written.str.fullmatch(PLAIN_NUMBER)].to_numpy("float64")
    return numbers


def short_hashes(written: pd.Series, key: str) -> pd.Series:
    """Hash texts in canonical form to 64 bits (SipHash), with a key made of the secret one.

    They tell in little memory what two tables have in common: of 30 million identifiers, one has
    the hash of a given text with probability 2e-12.
    """
    made = blake2b(key.encode(), digest_size=8).hexdigest()
    return pd.util.hash_pandas_object(written, index=False, hash_key=made)
