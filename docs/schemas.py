"""Writes the JSON Schema of the topics for other programs beside this file: ``.venv/bin/python docs/schemas.py``."""

from __future__ import annotations

import json
from pathlib import Path

from martian_moments.events.messages import json_schemas


def main() -> None:
    """Write one file per topic."""
    folder = Path(__file__).parent / "schemas"
    folder.mkdir(exist_ok=True)
    for topic, schema in json_schemas().items():
        (folder / f"{topic}.json").write_text(json.dumps(schema, indent=2) + "\n")


if __name__ == "__main__":
    main()
