"""The dbt project: bronze to silver to gold. A package, so that it is installed with the platform, which finds it here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT: Final = Path(__file__).resolve().parent
"""Where dbt_project.yml stands."""

VARS: Final[Mapping[str, Any]] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
"""Its variables: facts that the models and Python share."""
