"""`python -m edudet`, which is also how torchrun starts the command."""

from edudet.cli import main

main(prog_name="edudet")
