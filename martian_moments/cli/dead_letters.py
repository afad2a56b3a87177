"""The commands about dead letters: ``martian-moments dead-letters --help``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from martian_moments.domain.errors import InputError
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.terminal import ERR, OUT

letters = typer.Typer(help="Show the messages and objects that could not be used, and why.", invoke_without_command=True)


@letters.callback()
def dead_letters(
    context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="One JSON array, for programs.")] = False
) -> None:
    """Show the messages and objects that could not be used, and why: topic, partition, offset, time, key and reason."""
    from martian_moments.operations import dead_letters as operation

    if context.invoked_subcommand is not None:
        return
    found = operation.dead_letters(Resources(Settings.load()).event_log)
    if as_json:
        OUT.print_json(json.dumps([letter.to_json() for letter in found], default=datetime.isoformat))
        return
    for each in found:
        place = f"{each.topic} {each.partition} {each.offset}"
        OUT.print(escape(f"{place}  {each.written_at:%Y-%m-%dT%H:%M:%SZ}  {each.key}: {each.reason}"))
    OUT.print(f"{len(found)} dead letters")


@letters.command()
def replay(
    topic: Annotated[str | None, typer.Argument(help="The dead-letter topic.")] = None,
    partition: Annotated[int | None, typer.Argument(help="The letter's partition.")] = None,
    offset: Annotated[int | None, typer.Argument(help="The letter's offset.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every letter.")] = False,
) -> None:
    """Publish what a letter holds again, to the topic that it came from; a broken object is announced again."""
    from martian_moments.operations import dead_letters as operation

    resources = Resources(Settings.load())
    if every and topic is None:
        chosen = operation.dead_letters(resources.event_log)
    elif not every and topic is not None and partition is not None and offset is not None:
        chosen = [operation.find(resources.event_log, topic, partition, offset)]
    else:
        raise InputError("name one letter by TOPIC PARTITION OFFSET, or all of them by --all")
    done = operation.replay(resources, chosen)
    for refusal in done.refused:
        ERR.print(escape(refusal))
    reported = ", ".join(f"{count} to {topic}" for topic, count in done.messages.items())
    OUT.print(f"replayed: {reported or 'nothing'}")
    if done.refused:
        raise typer.Exit(1)
