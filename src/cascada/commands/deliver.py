"""`cascada deliver VERSION`: let a published version take over on this machine, after it was tried in the shadow.

Exit status: 0 it answers; 1 it was refused or cannot be had, and the present one goes on; 2 wrong usage.
"""

import argparse
import signal
from pathlib import Path

HELP = "verify a published version, try it in the shadow of the running server, then switch over or refuse"


def run(argv: list[str]) -> int:
    from cascada.serving.installed import check_installed

    arguments = _parser().parse_args(argv)
    check_installed("prometheus_client")
    from cascada.serving.delivery.delivering import deliver
    from cascada.serving.delivery.rule import read_rule
    from cascada.serving.http.settings import read_token

    rule, token = read_rule(arguments.rules), read_token(arguments.token_file)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as by Ctrl-C: the links are put back
    deliver(arguments.version, rule, token, lambda sentence: print(sentence, flush=True))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada deliver",
        description=f"{HELP[0].upper()}{HELP[1:]}. model.pt2 is a program, and it is run: deliver only versions of people you trust.",
        epilog="exit status: 0 the version answers; 1 it was refused, and the present one goes on; 2 wrong usage",
    )
    parser.add_argument("version", metavar="VERSION", help="as in 1.2.0, or its tag model@v1.2.0")
    parser.add_argument(
        "--rules", metavar="FILE", type=Path, default=Path("deploy/delivery.yaml"),
        help="where versions go and what they must show (default: deploy/delivery.yaml)",
    )  # fmt: skip
    parser.add_argument(
        "--token-file", metavar="FILE", type=Path, help="one line, the server's bearer token (or CASCADA_TOKEN)"
    )
    return parser
