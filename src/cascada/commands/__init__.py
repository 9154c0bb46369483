"""The subcommands of `cascada`: one file each, listed by the folder, imported when asked for.

A module `<name>.py` has `HELP: str`, one line for `cascada --help`, and `run(argv: list[str]) -> int | None`, which parses
its own arguments (argparse with `prog="cascada <name>"`) and returns the exit status, None for 0. It imports what is
heavy inside its functions, since `cascada --help` imports every command. Errors for the user are `CascadaError`s.
"""
