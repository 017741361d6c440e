"""Keyed hashes in place of identifiers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from hashlib import blake2b

import pandas as pd

DIGEST_BYTES = 12


def hash_identifiers(values: pd.Series, key: str) -> pd.Series:
    """Replace identifiers by keyed hashes (BLAKE2b); equal identifiers get equal hashes.

    Parameters
    ----------
    values
        Identifiers as text. Numbers written in other ways are one identifier: ``42``, ``42.0``
        and ``4.2E1``. An empty text stays empty.
    key
        Secret key of at most 64 bytes; without it nobody can compute the hash of an identifier.

    Returns
    -------
    Hashes of 24 hexadecimal digits, same index.
    """
    codes, unique = pd.factorize(values)
    secret = key.encode()
    hashes = pd.Series([_hash(canonical(text), secret) for text in unique], dtype="str")
    return pd.Series(hashes.array.take(codes), index=values.index, name=values.name)


def canonical(text: str) -> str:
    """Write an identifier in one way, whichever way a spreadsheet wrote it."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return text.lstrip("0") or "0"
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    return f"{number.normalize():f}"


def _hash(text: str, key: bytes) -> str:
    return blake2b(text.encode(), key=key, digest_size=DIGEST_BYTES).hexdigest() if text else ""
