"""``python -m martian_moments.operations.supervised MODULE ARGUMENTS…``: the module, ending when its supervisor does."""

from __future__ import annotations

import runpy
import signal
import sys

from martian_moments.dagster_runtime.processes import die_with_supervisor


def main() -> None:
    """Runs the module as ``python -m`` would."""
    # A shell without job control starts background commands with SIGINT ignored, Dagster copies that to SIGTERM, and what is
    # ignored stays ignored in a new process: one that has to end when asked would have to be killed.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_supervisor()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
