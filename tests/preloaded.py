"""What the process that all others are forked from loads and looks up, once for all of them."""

import gc
import importlib
import inspect
import math

MODULES = ["crossfold.pipeline_registry", "crossfold.cli", "crossfold.hooks", "crossfold.cluster"]
MODULES += ["crossfold.tracking", "crossfold.refreshing.drift", "crossfold.refreshing.promotion"]
MODULES += ["crossfold.datasets.export_dataset", "crossfold.datasets.networks"]
MODULES += ["crossfold.datasets.figure_dataset", "crossfold.mlp", "matplotlib.figure"]
MODULES += ["kedro_refresh.command", "kedro.framework.session", "kedro.framework.cli.cli"]
MODULES += ["kedro.framework.session.store", "kedro_datasets.json.json_dataset"]
MODULES += ["kedro_datasets.pandas.csv_dataset", "kedro_datasets.pandas.parquet_dataset"]
MODULES += ["kedro_datasets.text.text_dataset", "pandas", "pandera.pandas", "pyarrow.csv"]
MODULES += ["kedro_viz.integrations.kedro.hooks", "kedro_viz.integrations.kedro.run_hooks"]
MODULES += ["pandas.core.arrays.arrow.extension_types", "pyarrow.dataset", "pyarrow.parquet"]
MODULES += ["sklearn.model_selection", "sklearn.ensemble"]

loaded = {name: importlib.import_module(name) for name in MODULES}
# What is loaded at the first use: checks of Pandera, compiled steps of networks, files of modules.
table = loaded["pandas"].DataFrame({"text": ["a"]})
loaded["pandera.pandas"].DataFrameSchema({"text": loaded["pandera.pandas"].Column(str)})(table)
network = loaded["crossfold.mlp"].MLPRegressor(max_iter=1, n_iter_no_change=math.inf)
network.fit([[0.0], [1.0]], [0.0, 1.0])
inspect.stack()
gc.collect()
gc.freeze()  # A collection in a process that is forked would copy what it only looks at.
