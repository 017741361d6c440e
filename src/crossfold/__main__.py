"""Run the installed package as ``python -m crossfold``, with the options of ``kedro run``."""

from typing import Any

from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run a pipeline of this package."""
    configure_project("crossfold")
    from crossfold.cli import run

    return run(*args, **kwargs)


if __name__ == "__main__":
    main()
