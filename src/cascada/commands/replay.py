"""`cascada replay FILE --to ADDRESS`: replay a file of showers to `cascada stream`, as if a station were sending it.

Exit status: 0 all sent; 1 nobody listens, or the file cannot be used; 2 wrong usage.
"""

import argparse
from pathlib import Path

HELP = "replay a file of showers to `cascada stream`, as if a station were sending it"


def run(argv: list[str]) -> int:
    from cascada.serving.installed import check_installed

    arguments = _parser().parse_args(argv)
    check_installed("zmq")
    from cascada.serving.stream.replay import Replay, play

    settings = Replay(
        file=arguments.file,
        target=arguments.target,
        station=arguments.station,
        rate=arguments.rate,
        times=arguments.times,
        mode=arguments.mode,
        server_key=arguments.server_key,
        first=arguments.first,
        patience=arguments.patience,
    )
    sent, seconds = play(settings)
    print(
        f"{sent} showers sent as station {settings.station} in {seconds:.1f} s ({sent / max(seconds, 1e-9):.0f} per second)"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada replay",
        description=f"{HELP[0].upper()}{HELP[1:]}: numbered, at a rate.",
        epilog="exit status: 0 all sent; 1 nobody listens, or the file cannot be used; 2 wrong usage",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="file of showers, such as a shard or a test file of your own"
    )
    parser.add_argument(
        "--to", dest="target", metavar="ADDRESS", default="tcp://127.0.0.1:5555", help="the stream's --in"
    )
    parser.add_argument("--rate", type=float, default=100.0, help="showers per second; 0: as fast as it goes")
    parser.add_argument("--station", default="replay", help="name of the station")
    parser.add_argument("--times", type=int, default=1, help="how often the file is played; 0: until Ctrl-C")
    parser.add_argument("--first", type=int, default=0, help="number of the first shower")
    parser.add_argument("--mode", choices=("pubsub", "pushpull"), default="pubsub", help="that of the stream")
    parser.add_argument("--server-key", metavar="KEY", help="the stream's public key, where it has one")
    parser.add_argument(
        "--patience", metavar="S", type=float, default=30.0, help="seconds to wait for somebody who listens"
    )
    return parser
