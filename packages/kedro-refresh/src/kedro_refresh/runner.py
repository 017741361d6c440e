"""A Kedro runner that runs the stale nodes only."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import Task
from pluggy import PluginManager

from kedro_refresh.adapter import Catalog, NodeRunner
from kedro_refresh.hooks import session_files
from kedro_refresh.staleness import Judge
from kedro_refresh.stored import pin


class RefreshRunner(NodeRunner):
    """Judges each node when its turn comes, and runs it if it is stale, or if `force` is set.

    A node whose inputs come out as they were before stays fresh. A node that only fills memory
    runs when a stale node reads it. Nodes run one after the other, also where `is_async` is set.

    ``kedro run --runner=kedro_refresh.RefreshRunner``, Kedro's server and tasks of Airflow can use
    it as well, on the session's own project, where no `make_judge` is given. What follows a refresh
    is then left to the next ``kedro refresh``.
    """

    def __init__(
        self,
        is_async: bool = False,
        *,
        make_judge: Callable[[Pipeline, Catalog], Judge] | None = None,
        force: bool = False,
    ) -> None:
        super().__init__()
        self.__name__ = "refresh"  # Kedro hands it to hooks as the runner's name
        self._make_judge = make_judge
        self._force = force
        self.done: list[str] = []
        self.judge: Judge | None = None
        self.at_work: Node | None = None

    def tell(self, error: Exception, hooks: Any) -> None:
        """Raise what hooks make of an error that ended a run, if they make anything of it."""
        told = hooks.explain_failed_refresh(error=error, node=self.at_work, judge=self.judge)
        if told is not None:
            raise told from error

    def run_nodes(
        self,
        pipeline: Pipeline,
        catalog: Catalog,
        hook_manager: PluginManager | None,
        run_id: str | None,
    ) -> None:
        """Run what is stale."""
        if self._make_judge is not None:
            self._refresh(self._make_judge(pipeline, catalog), hook_manager, run_id)
            return
        files = session_files()
        try:
            self._refresh(files.judge(pipeline, catalog), hook_manager, run_id)
        except Exception as error:
            self.tell(error, files.hooks)
            raise

    def _refresh(
        self, judge: Judge, hook_manager: PluginManager | None, run_id: str | None
    ) -> None:
        self.judge, pipeline, catalog = judge, judge.pipeline, judge.catalog
        loads = Counter(name for node in pipeline.nodes for name in node.inputs)

        def execute(node: Node) -> None:
            if node.name in self.done:
                return
            for name in node.inputs:
                if (maker := judge.maker(name)) and not judge.is_stored(name):
                    execute(maker)
            self.at_work = node
            pin(catalog, node.outputs)
            Task(node, catalog, is_async=False, hook_manager=hook_manager, run_id=run_id).execute()
            self.done.append(node.name)
            self.release(node, pipeline, catalog, loads)

        for node in pipeline.nodes:
            if self._force or (not judge.is_on_demand(node) and judge.reasons(node)):
                execute(node)
        judge.remember()
