"""Keyed hashes in place of identifiers, and a search for identifiers where none belong."""

import re
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DIGEST_BYTES = 12
PLAIN_NUMBER = r"[1-9][0-9]*"
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
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
    unusual = texts.str.fullmatch(NUMBER) & ~texts.str.fullmatch(PLAIN_NUMBER)
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

    Those of fewer than `SHORTEST_FOUND` characters count where the two columns mostly agree.
    """
    equal = ((written == own) & (own != "")).to_numpy()
    found: NDArray[np.bool_] = equal & (equal.mean() > SHARE_OF_A_COPY)
    length = own.str.len()
    possible = np.flatnonzero((length >= SHORTEST_FOUND) & (written.str.len() >= length))
    pairs = zip(own.iloc[possible].tolist(), written.iloc[possible].tolist(), strict=True)
    found[possible] |= np.array([identifier in text for identifier, text in pairs], dtype=bool)
    return found


def findable(written: pd.Series) -> pd.Series:
    """Leave out what, in canonical form, is too short to be told from what is there by chance."""
    return written[written.str.len() >= SHORTEST_FOUND]


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
    column's numbers.
    """
    is_long = (written.str.len() >= SHORTEST_FOUND).to_numpy()
    found = is_long & _are_in(hash_identifiers(written, key), hashes)
    return _unless_by_chance(found, written, lambda low, high: len(hashes))


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


def share_by_chance(n_identifiers: Any, low: Any, high: Any) -> Any:
    """Compute the share of rows of a column that may be identifiers by chance.

    Two kinds of numbers may run through one range: so many different identifiers lie in that of the
    column's numbers. Arguments are numbers, or columns of them.
    """
    return SHARE_BY_CHANCE + 2 * n_identifiers / (high - low + 1)


def number_range(written: pd.Series) -> tuple[float, float]:
    """Find the least and the largest whole number of a column; 0 and 0 where it has none."""
    numbers = plain_numbers(written)
    return (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 0.0)


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
