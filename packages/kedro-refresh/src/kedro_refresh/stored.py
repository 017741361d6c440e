"""Where datasets are stored and what they hold; what has not changed since is not read again."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import MemoryDataset, SharedMemoryDataset
from kedro.io.core import VERSION_FORMAT, VersionNotFoundError, get_filepath_str

from kedro_refresh import RefreshError, adapter
from kedro_refresh.fingerprint import Content, digest_of

if TYPE_CHECKING:
    from kedro_refresh.ledger import Ledger
    from kedro_refresh.project import KeepRule

LOCAL = ("file", "local")
DOOMED = ".doomed"
HTTP = ("http://", "https://")
# A file written just before it was read may change once more without a new time of change.
SETTLED_SECONDS = 2.0
CHUNK_BYTES = 1 << 20
# What file systems elsewhere say of a file's content, as `fsspec` gives it; the best comes first.
CHECKSUMS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Digest", "Last-Modified")


@dataclass(frozen=True)
class Remote:
    """Files that `fsspec` reaches."""

    system: Any  # the file system
    names: dict[str, str]  # the files, by their paths from where the dataset lies


@dataclass(frozen=True)
class Stored:
    """Files of a dataset."""

    root: Path  # the file itself, or the folder that holds them
    files: list[Path]  # the files, as far as they are on this machine
    version: str | None = None  # name of the version, None for a dataset without versions
    remote: Remote | None = None  # the files that are elsewhere


def is_stored(dataset: object) -> bool:
    """Say whether a dataset outlives a run; what the catalog does not know lives in memory."""
    return dataset is not None and not isinstance(dataset, MemoryDataset | SharedMemoryDataset)


def has_place(dataset: Any) -> bool:
    """Say whether it can be found out where a dataset lies, whether or not it is there."""
    inner = adapter.without_cache(dataset)
    return hasattr(inner, "stored_files") or adapter.path_of(inner) is not None


def is_remote(dataset: Any) -> bool:
    """Say whether a dataset lies on another machine, or in a file system of its own kind."""
    return adapter.protocol_of(adapter.without_cache(dataset)) not in LOCAL


def locate(dataset: Any) -> Stored | None:
    """Find the files of a dataset, those of its latest version; None if it has none."""
    dataset = adapter.without_cache(dataset)
    if hasattr(dataset, "stored_files"):
        return _together(dataset.stored_files())
    path = adapter.path_of(dataset)
    if path is None:
        return None
    if not adapter.is_versioned(dataset):
        return _find(dataset, path)
    try:
        version = dataset.resolve_load_version()
    except VersionNotFoundError:
        return None
    stored = _find(dataset, PurePosixPath(path, version))
    return replace(stored, version=version) if stored else None


def _find(dataset: Any, path: Any) -> Stored | None:
    if is_remote(dataset):
        return _at_remote(dataset, path)
    here = Path(str(path).removeprefix("file://"))
    if here.is_dir():
        inside = [file for file in here.rglob("*") if file.is_file()]
        return Stored(here, [file for file in inside if not file.name.startswith(".")])
    return Stored(here, [here]) if here.exists() else None


def _at_remote(dataset: Any, path: Any) -> Stored | None:
    """Find files through `fsspec`, past what it remembers of folders."""
    protocol, text = adapter.protocol_of(dataset), str(path)
    whole = text if "://" in text else get_filepath_str(PurePosixPath(text), protocol)
    try:
        system = adapter.file_system_of(dataset)
        system.invalidate_cache()
        is_page = whole.startswith(HTTP)  # whose links are not its files
        root = adapter.without_protocol(system, whole)
        found = [whole] if is_page else system.find(whole)
    except Exception as error:
        raise RefreshError(unreachable(whole, error)) from error
    names = {name.removeprefix(root).strip("/"): name for name in found}
    return Stored(Path(text), [], remote=Remote(system, names)) if names else None


def unreachable(place: str, error: Exception) -> str:
    """Say in a sentence that a place elsewhere does not answer."""
    why = next(iter(str(error).splitlines()), type(error).__name__)
    return (
        f"{place} cannot be asked what it holds ({why}): check the address, the credentials and the"
        " connection."
    )


def _together(files: list[Path]) -> Stored | None:
    """Name the innermost folder that holds all of the files; a single file is its own root."""
    if len(files) < 2:
        return Stored(files[0], files) if files else None
    whole = [file.absolute() for file in files]
    return Stored(Path(os.path.commonpath([file.parent for file in whole])), whole)


@dataclass(frozen=True)
class KnownFile:
    """A file as it was when its content was read last."""

    size: int  # bytes
    mtime_ns: int  # time of its last change, in ns
    inode: int  # its number in the file system
    digest: str  # SHA-256 of its content
    rows: int | None  # rows of a table, if they can be counted quickly


class ContentReader:
    """Reads the digests of files; those whose size, time and inode are known are not read again.

    What is known is listed by absolute path; `paranoid` reads every file once, known or not.
    """

    def __init__(self, known: dict[str, KnownFile], *, paranoid: bool = False) -> None:
        self._known = {} if paranoid else dict(known)
        self.learnt: dict[str, KnownFile] = {}

    def of(self, stored: Stored) -> Content | None:
        """Give the content of a dataset, or what stands for it where its files are elsewhere."""
        return _marks(stored.remote) if stored.remote else self.read(stored.files, stored.root)

    def read(self, files: Iterable[Path], root: Path) -> Content | None:
        """Give the content of some files as one; None if there are none."""
        contents = {file: self._read_file(file) for file in sorted(files) if file.is_file()}
        if not contents:
            return None
        rows = [content.rows for content in contents.values()]
        total = None if None in rows else sum(row for row in rows if row is not None)
        if list(contents) == [root]:
            return contents[root]
        digests = {str(file.relative_to(root)): one.digest for file, one in contents.items()}
        return Content(digest_of(json.dumps(digests)), total, digests)

    def _read_file(self, file: Path) -> Content:
        path, state = str(file.absolute()), file.stat()
        known = self._known.get(path)
        stamp = (state.st_size, state.st_mtime_ns, state.st_ino)
        if known is None or (known.size, known.mtime_ns, known.inode) != stamp:
            known = KnownFile(*stamp, *_digest_and_rows(file))
            if time.time() - state.st_mtime > SETTLED_SECONDS:
                self._known[path] = self.learnt[path] = known
        return Content(known.digest, known.rows)


def _marks(remote: Remote) -> Content | None:
    """Ask for the checksum of each file; nothing is downloaded where there is one."""
    try:
        marks = {one: _mark(remote.system, name) for one, name in sorted(remote.names.items())}
    except FileNotFoundError:
        return None
    except Exception as error:
        raise RefreshError(unreachable(min(remote.names.values()), error)) from error
    return Content(digest_of(json.dumps(marks)), files=marks)


def _mark(system: Any, name: str) -> str:
    known = system.info(name)
    checksum = next((f"{sort} {known[sort]}" for sort in CHECKSUMS if known.get(sort)), None)
    if checksum is not None:
        return digest_of(f"{checksum} {known.get('size')}")
    if name.startswith(HTTP):  # fsspec takes what is there for unchangeable
        return hashlib.sha256(system.cat_file(name)).hexdigest()
    return str(system.ukey(name))


def _digest_and_rows(file: Path) -> tuple[str, int | None]:
    digest, lines = hashlib.sha256(), 0
    is_table = file.suffix == ".csv"
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            lines += chunk.count(b"\n") if is_table else 0
    return digest.hexdigest(), max(lines - 1, 0) if is_table else None


# Versions of what a run writes are later than all before; old ones are removed


def stamp(catalog: adapter.Catalog, names: Iterable[str], wanted: str) -> str:
    """Set the version under which datasets will be saved, and give it.

    It is the time that Kedro wanted, or later than every version that they have, whatever the clock
    says, for the latest version is the one that is loaded.
    """
    datasets = versioned(catalog, names)
    # Of names that are times; others may stand beside them.
    newest = (next(filter(time_of, adapter.list_versions(dataset)), "") for dataset in datasets)
    latest = max(newest, default="")
    chosen = wanted if wanted > latest else _after(latest)
    for dataset in datasets:
        adapter.set_version(dataset, adapter.version_of(dataset).load, chosen)
    return chosen


def pin(catalog: adapter.Catalog, names: Iterable[str]) -> None:
    """Have datasets loaded in the version in which they are saved, even if a later one appears."""
    for dataset in versioned(catalog, names):
        version = adapter.version_of(dataset)
        if version.load is None:
            adapter.set_version(dataset, version.save, version.save)


def versioned(catalog: adapter.Catalog, names: Iterable[str]) -> list[Any]:
    """List the datasets that have versions."""
    return [one for one in map(catalog.get, sorted(names)) if adapter.is_versioned(one)]


def time_of(version: str) -> datetime | None:
    """Read the time of a version, in UTC; None for one that Kedro has not named."""
    try:
        return datetime.strptime(version, VERSION_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _after(version: str) -> str:
    time = datetime.strptime(version, VERSION_FORMAT) + timedelta(milliseconds=1)
    return f"{time.strftime(VERSION_FORMAT)[:-4]}Z"


def prune(
    catalog: adapter.Catalog, in_use: Mapping[str, Collection[str]], ledger: Ledger, rule: KeepRule
) -> tuple[int, int]:
    """Remove versions that a rule does not keep, and runs that wrote nothing else; count both.

    Only datasets that `in_use` names lose versions. Latest versions, those that the ledger holds
    for good ones, and those in use stay in any case, as do versions whose names are no times.
    """
    latest, now = ledger.latest_nodes().values(), datetime.fromtimestamp(ledger.now(), UTC)
    good = {(name, out.version) for one in latest for name, out in one.outputs.items()}
    n_versions = 0
    for name, used in sorted(in_use.items()):
        kept = {*used, *(version for other, version in good if other == name)}
        for dataset in versioned(catalog, [name]):
            if is_remote(dataset):
                continue
            folder = Path(str(adapter.path_of(dataset)))
            for doomed in folder.parent.glob(f".{glob.escape(folder.name)}.*{DOOMED}"):
                shutil.rmtree(doomed, ignore_errors=True)
            for version in old_versions(adapter.list_versions(dataset), rule, kept, now):
                _remove(folder, version)
                n_versions += 1
    return n_versions, _forget_runs(ledger, rule, now)


def old_versions(
    versions: list[str], rule: KeepRule, kept: Collection[str | None], now: datetime
) -> list[str]:
    """Choose the versions that may go, given all of them with the latest first."""
    oldest = now - timedelta(days=rule.days)
    return [v for v in versions[rule.last :] if v not in kept and (time_of(v) or now) < oldest]


def _remove(folder: Path, version: str) -> None:
    """Take a version away at once, then delete it; what a kill leaves is swept the next time."""
    doomed = folder.with_name(f".{folder.name}.{version}{DOOMED}")
    (folder / version).replace(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _forget_runs(ledger: Ledger, rule: KeepRule, now: datetime) -> int:
    needed = {record.run for record in ledger.latest_nodes().values()}
    oldest = (now - timedelta(days=rule.days)).timestamp()
    runs = ledger.history(n_runs=-1)[rule.last :]
    old = [run.run for run in runs if run.started < oldest and run.run not in needed]
    ledger.delete_runs(old)
    return len(old)
