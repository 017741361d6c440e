"""Which nodes are stale, and why."""

import json
from collections.abc import Collection, Iterable, Iterator, Set
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from kedro_refresh.adapter import Catalog, wiring_of
from kedro_refresh.code import CodeReader
from kedro_refresh.fingerprint import Code, Content, Fingerprint, differences, digest_of, flatten
from kedro_refresh.ledger import Ledger, Output
from kedro_refresh.stored import ContentReader, has_place, is_stored, locate

NUMERIC = "catboost dask imblearn jax lightgbm matplotlib numpy pandas polars pyspark scipy sklearn"
NUMERIC += " statsmodels tensorflow torch xgboost"
# Distribution of each numeric library, by the name under which it is imported.
NUMERIC_LIBRARIES = {name: name for name in NUMERIC.split()}
NUMERIC_LIBRARIES |= {"imblearn": "imbalanced-learn", "sklearn": "scikit-learn"}
EVERY_NODE_DEPENDS_ON = {"numpy", "pandas", "scipy"}
# What says where a dataset lies and how it is shown, which does not count where its content does.
PLACE_SETTINGS = {"filepath", "path", "timeout_seconds", "url", "urls", "versioned"}
IRRELEVANT_SETTINGS = {"metadata"}
# Modules of the classes that every dataset is made of.
CODE_OF_NO_DATA = {"abc", "builtins", "kedro.io.core", "typing"}
ALL_PARAMETERS = "parameters"
LONGEST_PATH = 250
MISSING = Content("missing")


class Judge:
    """Compares the nodes of a pipeline with what the ledger says of their last run.

    `paranoid` reads every file again, even if its size, time and inode are those of the last time.
    Nodes whose names or tags are in `always_run` are never fresh; the content of `trusted` datasets
    cannot be seen, and is taken to stay as it is.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        catalog: Catalog,
        ledger: Ledger,
        code: CodeReader,
        *,
        paranoid: bool = False,
        always_run: Collection[str] = (),
        trusted: Collection[str] = (),
    ) -> None:
        self.pipeline = pipeline
        self.ledger = ledger
        self.catalog = catalog
        self._code = code
        self._n_known = code.known.size
        self._contents = ContentReader(ledger.known_files(), paranoid=paranoid)
        self._records = ledger.latest_nodes()
        self._makers = {_bare(name): node for node in pipeline.nodes for name in node.outputs}
        self._fingerprints: dict[str, Fingerprint] = {}
        self._always_run = frozenset(always_run)
        self._trusted = frozenset(trusted)
        self._entry = cache(self._read_entry)
        self._settings = cache(self._read_settings)
        self._code_of = cache(lambda node: code.of_function(node.func))
        self._never_fresh = cache(lambda node: list(dict.fromkeys(self._look_for_unseen(node))))

    def reasons(self, node: Node) -> list[str]:
        """Say why a node is stale; nothing for a fresh one."""
        record = self._records.get(node.name)
        if record is None:
            return ["has never run to its end"]
        changes = differences(record.fingerprint, self.fingerprint(node))
        lost = self._lost_outputs(node, record.outputs)
        return [*changes, *lost, *self._never_fresh(node)]

    def maker(self, name: str) -> Node | None:
        """Give the node that writes a dataset, also under another transcoded name."""
        return self._makers.get(_bare(name))

    def read_code(self) -> None:
        """Read all code of the pipeline, before its files can change while it runs."""
        for node in self.pipeline.nodes:
            self._code_of(node)
            dict(self._dataset_classes([*node.inputs, *node.outputs]))

    def forecast(self) -> dict[str, list[str]]:
        """Say of every node why it is stale, as far as can be said before any has run."""
        stale: dict[str, list[str]] = {}
        for node in self.pipeline.nodes:
            may_wait = self.is_on_demand(node) and node.name not in self._records
            reasons = self._never_fresh(node) if may_wait else self.reasons(node)
            made_again = [
                f"{name} may change when it is made again"
                for name in node.inputs
                if (maker := self.maker(name)) and stale[maker.name]
            ]
            stale[node.name] = reasons or made_again
        return stale

    def is_on_demand(self, node: Node) -> bool:
        """Say whether a node runs only for those that read what it keeps in memory."""
        read = {name for other in self.pipeline.nodes for name in other.inputs}
        return bool(node.outputs) and all(
            name in read and not self.is_stored(name) for name in node.outputs
        )

    def is_stored(self, name: str) -> bool:
        """Say whether a dataset outlives a run."""
        return is_stored(self.catalog.get(name))

    def fingerprint(self, node: Node) -> Fingerprint:
        """Take the fingerprint of a node, as things are when it is first asked for.

        What a node has put into memory was made from what it read then, whatever came later.
        """
        if node.name not in self._fingerprints:
            self._fingerprints[node.name] = self._take_fingerprint(node)
        return self._fingerprints[node.name]

    def _take_fingerprint(self, node: Node) -> Fingerprint:
        read = [name for name in node.inputs if not _is_parameter(name)]
        datasets = [*read, *node.outputs]
        code = self._code_of(node)
        return Fingerprint(
            inputs={name: self._content(name) for name in read},
            parameters=dict(self._parameters(node)),
            function=code.function,
            modules={**code.modules, **dict(self._dataset_classes(datasets))},
            libraries=_libraries(code),
            catalog={name: self._settings(name) for name in datasets},
            wiring=wiring_of(node),
        )

    def output(self, name: str) -> Output | None:
        """Give version and content of a stored dataset, or None if there is nothing."""
        stored = locate(self.catalog.get(name))
        content = self._contents.of(stored) if stored else None
        return Output(stored.version, content.digest) if stored and content else None

    def new_files(self, node: Node) -> dict[str, list[Path]]:
        """List, by source, the files that a node has not read in its last good run."""
        record = self._records.get(node.name)
        known = record.fingerprint.inputs if record else {}
        return {
            name: self._unknown_files(name, known.get(name))
            for name in node.inputs
            if not _is_parameter(name) and not self.maker(name)
        }

    def remember(self) -> None:
        """Keep in the ledger what was learnt of files and of the source."""
        self.ledger.remember_files(self._contents.learnt)
        self._contents.learnt.clear()
        if self._code.known.size > self._n_known:
            self.ledger.remember_code(self._code.known)
            self._n_known = self._code.known.size

    def _content(self, name: str) -> Content:
        dataset = self.catalog.get(name)
        pinned = getattr(dataset, "pinned_sha256", None)
        if pinned:
            return Content(pinned)
        maker = self.maker(name)
        if not is_stored(dataset) and maker:
            return Content(self.fingerprint(maker).digest)
        if is_stored(dataset) and not has_place(dataset):
            return Content(self._settings(name, with_place=True))
        stored = locate(dataset)
        return (self._contents.of(stored) if stored else None) or MISSING

    def _look_for_unseen(self, node: Node) -> Iterator[str]:
        """Say what keeps a node from ever being called fresh, also what it reads from memory."""
        named = self._always_run & {node.name, *node.tags}
        yield from (f"always_run names {name}" for name in sorted(named))
        for kind in sorted(self._code_of(node).unseen):
            yield f"its function holds an object that cannot be compared, a {kind}"
        for name in [*node.inputs, *node.outputs]:
            if name in self._trusted or _is_parameter(name):
                continue
            maker = self.maker(name)
            if name in node.inputs and maker is not None and not self.is_stored(name):
                yield from self._never_fresh(maker)
            elif self._is_unseen(name):
                kind = type(self.catalog.get(name)).__name__
                yield f"{name} is a {kind}, whose content cannot be seen"

    def _is_unseen(self, name: str) -> bool:
        """Say whether a dataset lies nowhere, nor is made by the project's code or by its entry."""
        dataset, maker = self.catalog.get(name), self.maker(name)
        if not is_stored(dataset):
            return dataset is not None and maker is None and "data" not in self._entry(name)
        if has_place(dataset) or hasattr(dataset, "pinned_sha256"):
            return False
        classes = {one.__module__ for one in type(dataset).__mro__}
        makes_it = all(self._code.owns(one) or one in CODE_OF_NO_DATA for one in classes)
        return maker is not None or not makes_it

    def _unknown_files(self, name: str, before: Content | None) -> list[Path]:
        stored = locate(self.catalog.get(name))
        known = {before.digest, *before.files.values()} if before else set()
        files = stored.files if stored else []
        contents = {file: self._contents.read([file], file) for file in files}
        return [file for file, one in contents.items() if one and one.digest not in known]

    def _lost_outputs(self, node: Node, recorded: dict[str, Output]) -> Iterator[str]:
        for name in node.outputs:
            if not self.is_stored(name) or not has_place(self.catalog.get(name)):
                continue
            now, then = self.output(name), recorded.get(name)
            if now is None:
                yield f"{name} is missing"
            elif then is None or now.digest != then.digest:
                yield f"{name} is not what was written last"

    def _parameters(self, node: Node) -> Iterator[tuple[str, Any]]:
        for name in filter(_is_parameter, node.inputs):
            dataset = self.catalog.get(name)
            value = dataset.load() if dataset is not None else None
            dotted = "" if name == ALL_PARAMETERS else name.removeprefix("params:")
            for path, plain in flatten(dotted, value):
                yield path, plain
                content = self._content_of_file(plain)
                if content is not None:
                    yield f"{path}, the content of {plain}", content.digest[:8]

    def _content_of_file(self, value: Any) -> Content | None:
        """Give the content of the file that a parameter names, as nodes find it."""
        is_name = isinstance(value, str) and 0 < len(value) <= LONGEST_PATH and value.isprintable()
        try:
            return self._contents.read([Path(value)], Path(value)) if is_name else None
        except OSError:  # too long a name in bytes, or a place that must not be read
            return None

    def _dataset_classes(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Digest the project code that reads, writes and checks some datasets, by its path."""
        for name in names:
            for path in filter(self._code.owns, _class_paths(self._entry(name))):
                yield path, self._code.of_path(path)

    def _read_settings(self, name: str, *, with_place: bool = False) -> str:
        ignored = IRRELEVANT_SETTINGS | (set() if with_place else PLACE_SETTINGS)
        settings = _without(ignored, self._entry(name))
        return digest_of(json.dumps(settings, sort_keys=True, default=str))

    def _read_entry(self, name: str) -> dict[str, Any]:
        resolver = getattr(self.catalog, "config_resolver", None)
        entry: dict[str, Any] = resolver.resolve_pattern(name) if resolver else {}
        return entry


def _is_parameter(name: str) -> bool:
    return name == ALL_PARAMETERS or name.startswith("params:")


def _bare(name: str) -> str:
    """Give the name of a dataset without what tells its transcoded twins apart."""
    return name.partition("@")[0]


def _libraries(code: Code) -> dict[str, str]:
    used = (code.libraries & NUMERIC_LIBRARIES.keys()) | EVERY_NODE_DEPENDS_ON
    found = {NUMERIC_LIBRARIES[name]: _version(NUMERIC_LIBRARIES[name]) for name in sorted(used)}
    return {distribution: number for distribution, number in found.items() if number}


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _without(ignored: Set[str], settings: Any) -> Any:
    """Leave out some settings of a dataset and of those inside it, but no arguments of theirs."""
    if not isinstance(settings, dict):
        return settings
    kept = {name: value for name, value in settings.items() if name not in ignored}
    return {k: v if k.endswith("_args") else _without(ignored, v) for k, v in kept.items()}


def _class_paths(settings: Any) -> Iterator[str]:
    """Find the classes and schemas that a catalog entry names, at any depth."""
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if isinstance(value, dict):
            yield from _class_paths(value)
        elif key in ("type", "class", "validator", "dataset") and isinstance(value, str):
            yield value
