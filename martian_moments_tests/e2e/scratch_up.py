"""``python -m martian_moments_tests.e2e.scratch_up HOME``: the platform with the scratch definitions."""

from __future__ import annotations

import sys
from pathlib import Path

from martian_moments.domain.errors import MartianError
from martian_moments.operations.supervisor import run_platform
from martian_moments_tests.conftest import REPOSITORY

if __name__ == "__main__":
    try:
        run_platform(
            Path(sys.argv[1]),
            instance_config=REPOSITORY / "dagster.yaml",
            module=sys.argv[2] if len(sys.argv) > 2 else "martian_moments_tests.e2e.scratch_defs",
            port=0,
            service=("127.0.0.1", 0),
            pools={"scratch": 1},
            on_event=lambda line: print(line, flush=True),
        )
    except MartianError as error:
        sys.exit(str(error))
