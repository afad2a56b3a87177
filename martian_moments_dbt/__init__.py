"""The dbt project: bronze to silver to gold. A package, so that it is installed with the platform, which finds it here."""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent
"""Where dbt_project.yml stands."""
