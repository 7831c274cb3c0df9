"""Runs the service on a tape, under the tape's own clock: `vibelux replay TAPE` is `vibelux demo --tape TAPE`."""

import argparse

from vibelux.cli import demo_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("tape", metavar="TAPE", help="a folder with tape.jsonl")
    parser.add_argument("--facility", metavar="FILE", help="a facility of your own")
    demo_command.replay_arguments(parser)
    parser.set_defaults(day=None)


def run(args: argparse.Namespace) -> int:
    """Runs until a signal."""
    return demo_command.run(args)
