"""The command as a whole: what it lists, and that --help is instant."""

import subprocess
import sys
from pathlib import Path

import edudet.cli
from edudet.cli import main

COMMANDS = [
    "ablation", "course", "demo", "detect", "eval", "exercise", "export", "grade", "info",
    "ladder", "submit", "train", "zoo",
]  # fmt: skip
WITHOUT_COMMANDS = {"__init__", "mistakes"}


def commands(group):
    """Every command, those of groups included."""
    for command in group.commands.values():
        yield command
        if hasattr(command, "commands"):
            yield from commands(command)


def test_every_command_is_there_and_says_what_it_does():
    assert sorted(main.commands) == COMMANDS
    assert all(command.help for command in commands(main))


def test_every_file_is_a_subject():
    used = {command.callback.__module__.split(".")[-1] for command in commands(main)}
    files = {path.stem for path in Path(edudet.cli.__file__).parent.glob("*.py")}
    assert used == files - WITHOUT_COMMANDS


def test_help_is_instant():
    """It waits for no import that takes longer than click's own."""
    words = [sys.executable, "-X", "importtime", "-m", "edudet", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: edudet [OPTIONS] COMMAND")
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert {"click", "edudet.cli.models"} <= imported
    assert not imported & {"torch", "numpy", "rich", "matplotlib", "PIL"}
