"""What makes a node stale besides its function and its data."""

import importlib
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from kedro_refresh import RefreshError, stored
from kedro_refresh.code import CodeReader
from kedro_refresh.fingerprint import differences
from kedro_refresh.ledger import Ledger, NodeRecord
from kedro_refresh.runner import RefreshRunner
from kedro_refresh.staleness import Judge
from kedro_refresh.stored import ContentReader, Stored, locate

PACKAGE = "studio"
DATASETS = """
    from pathlib import Path
    from kedro.io import AbstractDataset
    from studio.drawing import drawn

    DOTS = 100

    class Picture(AbstractDataset):
        def __init__(self, filepath, save_args=None):
            self._filepath = Path(filepath)
            self._save_args = save_args

        def load(self):
            return self._filepath.read_text()

        def save(self, data):
            self._filepath.write_text(drawn(data, DOTS))

        def _describe(self):
            return {}

    class Made(AbstractDataset):
        def __init__(self, number):
            self._number = number

        def load(self):
            return str(self._number)

        def save(self, data):
            self._number = int(data)

        def _describe(self):
            return {}
"""
DRAWING = """
    def drawn(data, dots):
        return f"{data} with {dots}"

    def unused():
        return 1
"""
NODES = """
    def draw(number, page=None):
        return f"picture of {number}"

    def frame(picture):
        return f"framed {picture}"
"""
OTHERS = """
    from kedro.io import AbstractDataset

    class TableInADatabase(AbstractDataset):
        kept = "1"

        def __init__(self, table, version=None):
            self._table = table

        def load(self):
            return type(self).kept

        def save(self, data):
            type(self).kept = data

        def _describe(self):
            return {}
"""


@dataclass
class Studio:
    """A project of two nodes: one draws a picture of what it reads, one frames it."""

    folder: Path
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    always_run: set[str] = field(default_factory=set)
    trusted: set[str] = field(default_factory=set)
    draw: Callable[..., Any] | None = None
    tags: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in {
            "number": "text.TextDataset",
            "picture": "studio.datasets.Picture",
            "framed": "text.TextDataset",
        }.items():
            self.entries[name] = {"type": kind, "filepath": str(self.folder / f"{name}.txt")}
        (self.folder / "number.txt").write_text("1")

    def refresh(self) -> list[str]:
        """Run what is stale, and name it."""
        runner, (pipeline, catalog) = RefreshRunner(make_judge=self.judge), self._parts()
        run = uuid.uuid4().hex
        runner.run(pipeline, catalog, _create_hook_manager(), run_id=run)
        judge = self.judge(pipeline, catalog)
        judge.ledger.begin_run(run, "refresh", None, [])
        for node in pipeline.nodes:
            if node.name in runner.done:
                made = {name: judge.output(name) for name in node.outputs}
                outputs = {name: output for name, output in made.items() if output}
                judge.ledger.begin_node(run, node.name)
                record = NodeRecord(node.name, run, judge.fingerprint(node), outputs)
                judge.ledger.end_node(record)
        return runner.done

    def reasons(self) -> dict[str, list[str]]:
        """Say of every node why it is stale."""
        return self.judge(*self._parts()).forecast()

    def judge(self, pipeline: Pipeline, catalog: Any) -> Judge:
        return Judge(
            pipeline,
            catalog,
            Ledger(self.folder / "ledger.sqlite"),
            CodeReader(PACKAGE, self.folder / PACKAGE),
            always_run=self.always_run,
            trusted=self.trusted,
        )

    def change(self, name: str, old: str, new: str) -> None:
        """Change a module of the package."""
        file = self.folder / PACKAGE / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def _parts(self) -> tuple[Pipeline, DataCatalog]:
        forget(PACKAGE)
        nodes = importlib.import_module(f"{PACKAGE}.nodes")
        given = ["number", *(f"params:{name}" for name in self.parameters)]
        draw = Node(self.draw or nodes.draw, given, "picture", name="draw", tags=self.tags)
        pipeline = Pipeline([draw, Node(nodes.frame, "picture", "framed", name="frame")])
        catalog = DataCatalog.from_config(self.entries)
        for name, value in self.parameters.items():
            catalog[f"params:{name}"] = value
        return pipeline, catalog


def forget(package: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """Give the project after its first refresh."""
    modules = {"__init__": "", "datasets": DATASETS, "drawing": DRAWING, "nodes": NODES}
    (tmp_path / PACKAGE).mkdir()
    for name, text in modules.items():
        (tmp_path / PACKAGE / f"{name}.py").write_text(textwrap.dedent(text))
    (tmp_path / "elsewhere.py").write_text(textwrap.dedent(OTHERS))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(stored, "SETTLED_SECONDS", 0)
    studio = Studio(tmp_path)
    assert studio.refresh() == ["draw", "frame"]
    assert studio.reasons() == {"draw": [], "frame": []}
    yield studio
    forget(PACKAGE)
    forget("elsewhere")


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("datasets.py", "DOTS = 100", "DOTS = 200"),
        ("datasets.py", "drawn(data, DOTS)", "drawn(data, DOTS + 1)"),
        ("datasets.py", "read_text()", "read_text().strip()"),
        ("drawing.py", "{data} with", "{data} of"),
    ],
)
def test_the_code_that_reads_and_writes_a_dataset_counts(
    studio: Studio, module: str, old: str, new: str
) -> None:
    studio.change(module, old, new)
    told = ["studio.datasets.Picture changed, which it calls"]
    assert studio.reasons() == {"draw": told, "frame": told}
    assert studio.refresh() == ["draw", "frame"]
    assert studio.refresh() == []


def test_what_the_dataset_does_not_reach_does_not_count(studio: Studio) -> None:
    studio.change("drawing.py", "return 1", "return 2")
    studio.change("datasets.py", "    def load(self):", "    # A comment.\n    def load(self):")
    assert studio.reasons() == {"draw": [], "frame": []}


def test_where_inputs_and_outputs_go_counts() -> None:
    def pair(a: int, b: int) -> tuple[int, int]:
        return a, b

    bindings: list[tuple[Any, Any]] = [
        (["x", "y"], ["m", "n"]),
        (["y", "x"], ["m", "n"]),
        (["x", "y"], ["n", "m"]),
        ({"a": "x", "b": "y"}, ["m", "n"]),
        ({"a": "y", "b": "x"}, ["m", "n"]),
        (["x", "y"], {"m": "m", "n": "n"}),
    ]
    code = CodeReader(PACKAGE, Path())
    judge = Judge(Pipeline([]), DataCatalog(), Ledger(Path("none.sqlite")), code)
    nodes = [Node(pair, *bound, name=f"{n}") for n, bound in enumerate(bindings)]
    prints = [judge.fingerprint(node) for node in nodes]
    assert len({one.digest for one in prints}) == len(nodes)
    assert differences(*prints[:2]) == ["inputs or outputs are bound otherwise"]
    again = Node(pair, {"b": "y", "a": "x"}, ["m", "n"], name="again")
    assert differences(prints[3], judge.fingerprint(again)) == []


@pytest.mark.parametrize("name", ["dpi", "path", "url"])
def test_arguments_of_a_dataset_count_whatever_their_names(studio: Studio, name: str) -> None:
    studio.entries["picture"]["save_args"] = {name: 1}
    assert studio.refresh() == ["draw", "frame"]
    studio.entries["picture"]["save_args"] = {name: 2}
    assert studio.reasons()["draw"] == ["catalog entry picture changed"]


def test_where_a_dataset_lies_does_not_count(studio: Studio) -> None:
    moved = studio.folder / "moved.txt"
    Path(studio.entries["number"]["filepath"]).rename(moved)
    studio.entries["number"].update(filepath=str(moved), metadata={"kedro-viz": {"layer": "raw"}})
    assert studio.reasons() == {"draw": [], "frame": []}


@pytest.mark.parametrize("named", ["draw", "drawings"])
def test_what_is_named_in_always_run_is_never_fresh(studio: Studio, named: str) -> None:
    studio.always_run = {named}
    studio.tags = "drawings"
    assert studio.reasons() == {
        "draw": [f"always_run names {named}"],
        "frame": ["picture may change when it is made again"],
    }
    for _ in range(2):
        assert studio.refresh() == ["draw"]  # the picture comes out as it was


def test_the_content_of_a_file_that_a_parameter_names_counts(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = studio.folder / "conf" / "page.md.j2"
    page.parent.mkdir()
    page.write_text("# {{ title }}")
    monkeypatch.chdir(studio.folder)
    studio.parameters = {"page": {"title": "Pictures", "file": "conf/page.md.j2"}}
    assert studio.refresh() == ["draw"]
    assert studio.refresh() == []
    page.write_text("# {{ title }}!")
    [told] = studio.reasons()["draw"]
    assert told.startswith("parameter page.file, the content of conf/page.md.j2 ")
    studio.refresh()
    page.unlink()
    assert studio.reasons()["draw"][0].endswith(" → nothing")
    studio.parameters = {"page": "ж" * 200}  # too long for the name of a file
    assert studio.refresh() == ["draw"]


@pytest.mark.parametrize("values", [[1, 1.0, True, "1"], [[1, {"a": 0}], [1.0, {"a": False}]]])
def test_values_count_as_they_are_written(studio: Studio, values: list[Any]) -> None:
    for value in [*values, float("nan")]:
        studio.parameters = {"page": value}
        assert studio.refresh() == ["draw"]
        assert studio.refresh() == []


def test_who_reads_it_from_memory_is_never_fresh_either(studio: Studio) -> None:
    studio.entries["picture"] = {"type": "MemoryDataset"}
    assert studio.refresh() == ["draw", "frame"]
    assert studio.refresh() == []
    studio.always_run = {"draw"}
    assert studio.reasons() == {name: ["always_run names draw"] for name in ("draw", "frame")}
    assert studio.refresh() == ["draw", "frame"]


def test_what_is_in_memory_counts_as_it_was_made(studio: Studio) -> None:
    studio.entries["picture"] = {"type": "MemoryDataset"}
    pipeline, catalog = studio._parts()
    judge = studio.judge(pipeline, catalog)
    draw, frame = pipeline.nodes
    made = judge.fingerprint(draw)
    (studio.folder / "number.txt").write_text("2")
    assert judge.fingerprint(frame).inputs["picture"].digest == made.digest


def test_what_a_node_that_fills_memory_reads_is_told(studio: Studio) -> None:
    studio.entries["picture"] = {"type": "MemoryDataset"}
    studio.refresh()
    assert studio.reasons() == {"draw": [], "frame": []}
    (studio.folder / "number.txt").write_text("2")
    reasons = studio.reasons()
    assert [one.partition(" (")[0] for one in reasons["draw"]] == ["number content changed"]
    assert [one.partition(" (")[0] for one in reasons["frame"]] == ["picture content changed"]


def test_what_others_put_into_the_catalog_is_never_fresh(studio: Studio) -> None:
    del studio.entries["number"]
    pipeline, catalog = studio._parts()
    catalog["number"] = MemoryDataset("1")
    studio._parts = lambda: (pipeline, catalog)  # type: ignore[method-assign]
    for _ in range(2):
        assert studio.refresh()[0] == "draw"
    sentence = "number is a MemoryDataset, whose content cannot be seen"
    assert studio.reasons()["draw"] == [sentence]


def test_chains_in_memory_are_judged_in_no_time() -> None:
    def pair(*_: Any) -> tuple[int, int]:
        return 1, 2

    read = [["a", "b"], *([f"x{n}", f"y{n}"] for n in range(40))]
    chain = [Node(pair, read[n], read[n + 1], name=f"{n}") for n in range(40)]
    catalog = DataCatalog({"a": MemoryDataset(1), "b": MemoryDataset(2)})
    judge = Judge(Pipeline(chain), catalog, Ledger(Path("none")), CodeReader(PACKAGE, Path()))
    seen = "a MemoryDataset, whose content cannot be seen"
    judge.fingerprint(chain[-1])
    assert judge.forecast()["5"] == [f"a is {seen}", f"b is {seen}"]


def test_who_reads_under_another_transcoded_name_may_be_stale_too(studio: Studio) -> None:
    pipeline, _ = studio._parts()
    draw, frame = pipeline.nodes
    nodes = [Node(draw.func, "number", "picture@a", name="draw"), frame._copy(inputs="picture@b")]
    entries = {f"picture@{name}": studio.entries["picture"] for name in "ab"}
    studio.entries |= entries
    parts = Pipeline(nodes), DataCatalog.from_config(studio.entries)
    studio._parts = lambda: parts  # type: ignore[method-assign]
    studio.refresh()
    (studio.folder / "number.txt").write_text("2")
    assert studio.reasons()["frame"] == ["picture@b may change when it is made again"]


def test_a_function_that_holds_what_cannot_be_compared_is_never_fresh(studio: Studio) -> None:
    lock = threading.Lock()

    def draw(number: str) -> str:
        return f"{number} {lock}"[:1]

    studio.draw = draw
    studio.refresh()
    sentence = "its function holds an object that cannot be compared, a _thread.lock"
    assert studio.reasons()["draw"] == [sentence]


@pytest.mark.parametrize("name", ["number", "picture"])
def test_a_dataset_that_cannot_be_seen_is_told_unless_it_is_trusted(
    studio: Studio, name: str
) -> None:
    studio.entries[name] = {"type": "elsewhere.TableInADatabase", "table": "a"}
    assert "draw" in studio.refresh()
    assert studio.reasons()["draw"] == [
        f"{name} is a TableInADatabase, whose content cannot be seen"
    ]
    assert "draw" in studio.refresh()

    studio.trusted = {name}
    assert studio.reasons() == {"draw": [], "frame": []}
    studio.entries[name]["table"] = "b"
    changed = f"catalog entry {name} changed"
    assert changed in studio.reasons()["draw"]


def test_what_the_projects_code_makes_is_seen(studio: Studio) -> None:
    studio.entries["number"] = {"type": "studio.datasets.Made", "number": 3}
    studio.refresh()
    assert studio.reasons() == {"draw": [], "frame": []}
    studio.entries["number"]["number"] = 4
    assert "catalog entry number changed" in studio.reasons()["draw"]
    studio.refresh()
    studio.change("datasets.py", "return str(self._number)", "return str(-self._number)")
    assert "studio.datasets.Made changed, which it calls" in studio.reasons()["draw"]


@pytest.mark.parametrize("address", ["memory:///shop/parts", "file://{}/parts", "{}/parts"])
def test_a_folder_of_partitions_is_one_content(
    studio: Studio, tmp_path: Path, address: str
) -> None:
    path = address.format(tmp_path.as_posix())
    studio.entries["number"] = {
        "type": "partitions.PartitionedDataset",
        "path": path,
        "dataset": "text.TextDataset",
    }
    studio.draw = len
    files, folder = fsspec.core.url_to_fs(path)
    files.makedirs(folder)
    files.pipe({f"{folder}/a": b"1", f"{folder}/b": b"2"})
    studio.refresh()
    assert studio.reasons()["draw"] == []
    files.pipe(f"{folder}/c", b"2")
    assert "number content changed" in studio.reasons()["draw"][0]
    files.rm(folder, recursive=True)


def is_memory(files: Any) -> bool:
    return "memory" in files.protocol


def protocol(files: Any) -> str:
    return "memory" if is_memory(files) else "s3"


def elsewhere_system(studio: Studio) -> Any:
    """Give the file system that the datasets share."""
    return studio._parts()[1].get("number")._fs


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    """Start a stand-in for S3, where it is installed, and have it used."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield
    server.stop()


class TestElsewhere:
    """Datasets of file systems that are reached through fsspec."""

    @pytest.fixture(params=["memory", "s3"])
    def files(self, request: pytest.FixtureRequest) -> Iterator[Any]:
        if request.param == "s3":
            request.getfixturevalue("s3")
        files = fsspec.filesystem(request.param, skip_instance_cache=True)
        files.makedirs("shop", exist_ok=True)
        yield files
        if is_memory(files):
            files.store.clear()
            files.pseudo_dirs[:] = [""]
        else:
            files.rm("shop", recursive=True)

    @pytest.fixture(params=[False, True], ids=["plain", "versioned"])
    def elsewhere(self, studio: Studio, files: Any, request: pytest.FixtureRequest) -> Studio:
        files.pipe("shop/number.txt", b"1")
        for name in ("number", "picture", "framed"):
            address = f"{protocol(files)}://{'/' * is_memory(files)}shop/{name}.txt"
            versioned = request.param and name != "number"
            studio.entries[name] = {"type": "text.TextDataset", "filepath": address}
            studio.entries[name]["versioned"] = versioned
        assert studio.refresh() == ["draw", "frame"]
        return studio

    def test_what_stays_as_it_was_is_fresh(self, elsewhere: Studio) -> None:
        assert elsewhere.reasons() == {"draw": [], "frame": []}
        assert elsewhere.refresh() == []

    def test_another_content_makes_stale(self, elsewhere: Studio, files: Any) -> None:
        files.pipe("shop/number.txt", b"2")
        [told] = elsewhere.reasons()["draw"]
        assert told.startswith("number content changed (sha256 ")
        assert elsewhere.refresh() == ["draw", "frame"]
        assert elsewhere.refresh() == []

    def test_what_is_appended_makes_stale(self, elsewhere: Studio, files: Any) -> None:
        with files.open("shop/number.txt", "ab") as file:
            file.write(b"2")
        assert "number content changed" in elsewhere.reasons()["draw"][0]

    def test_lost_and_spoilt_outputs_are_told(self, elsewhere: Studio, files: Any) -> None:
        [framed] = files.find("shop/framed.txt")
        files.pipe(framed, b"spoilt")
        assert elsewhere.reasons()["frame"] == ["framed is not what was written last"]
        files.rm(framed)
        assert elsewhere.reasons()["frame"] == ["framed is missing"]
        assert elsewhere.refresh() == ["frame"]

    def test_a_checksum_stands_for_the_content(
        self, elsewhere: Studio, files: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not is_memory(files):  # it has checksums of its own
            files.pipe("shop/number.txt", b"1")
            assert elsewhere.reasons() == {"draw": [], "frame": []}
            return
        info = type(files).info
        tags = {"ETag": '"1"'}
        monkeypatch.setattr(
            type(files), "info", lambda self, path, **more: {**info(self, path, **more), **tags}
        )
        elsewhere.refresh()
        files.pipe("shop/number.txt", b"1")  # another time, the same checksum
        assert elsewhere.reasons()["draw"] == []
        tags["ETag"] = '"2"'
        assert "number content changed" in elsewhere.reasons()["draw"][0]

    def test_no_answer_is_told_in_a_sentence(
        self, elsewhere: Studio, files: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise PermissionError("403 Forbidden\nmore")

        place = type(files) if is_memory(files) else elsewhere_system(elsewhere)
        monkeypatch.setattr(place, "find", refuse)
        expected = r"number\.txt cannot be asked what it holds \(403 Forbidden\): check the address"
        with pytest.raises(RefreshError, match=expected):
            elsewhere.reasons()


# Where the files of datasets are found


class Files:
    """A dataset of some files."""

    def __init__(self, *files: Path) -> None:
        self._files = list(files)

    def stored_files(self) -> list[Path]:
        return self._files


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    files = [tmp_path / name for name in ("a/deep/x.csv", "a/x.csv", "b/x.csv")]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"age\n{number}\n")
    return files


def content(*files: Path) -> tuple[str, dict[str, str]]:
    stored = locate(Files(*files))
    assert stored is not None
    content = ContentReader({}).read(stored.files, stored.root)
    assert content is not None
    return content.digest, content.files


def test_no_file_is_no_place_and_a_single_one_is_its_own_root(three: list[Path]) -> None:
    assert locate(Files()) is None
    assert locate(Files(three[0])) == Stored(three[0], three[:1])
    assert content(three[0])[1] == {}


def test_files_of_several_folders_keep_their_names_apart(
    three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = content(*three)
    assert set(expected[1]) == {"a/deep/x.csv", "a/x.csv", "b/x.csv"}
    assert content(*three[::-1]) == expected
    assert set(content(*three[:2])[1]) == {"deep/x.csv", "x.csv"}
    monkeypatch.chdir(tmp_path)
    assert content(Path("a/deep/x.csv"), *three[1:]) == expected


def test_a_change_in_any_folder_is_a_change(three: list[Path]) -> None:
    before = content(*three)
    three[2].write_text("age\n7\n")
    assert content(*three)[0] != before[0]
