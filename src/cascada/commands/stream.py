"""`cascada stream MODEL --in ADDRESS --out ADDRESS`: classify showers that stations send over ZeroMQ.

Exit status: 0 ended by SIGTERM or Ctrl-C, after what had come was answered; 1 it cannot start, or answers were left that
nobody has taken, or that could not be written; 2 wrong usage.
"""

import argparse
import signal
import sys
from pathlib import Path

HELP = "classify showers that stations send over ZeroMQ, as they come"


def run(argv: list[str]) -> int:
    from cascada.core.errors import ConfigError
    from cascada.serving.installed import check_installed

    arguments = _parser().parse_args(argv)
    check_installed("zmq", "prometheus_client")
    from cascada.serving.stream import sockets
    from cascada.serving.stream.loop import Settings

    if arguments.make_key:
        print(
            f"{arguments.make_key}: keep it secret; stations need --server-key '{sockets.make_key(arguments.make_key)}'"
        )
        return 0
    missing = [
        name
        for name, value in (("MODEL", arguments.model), ("--in", arguments.source), ("--out", arguments.target))
        if not value
    ]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} missing; as in `cascada stream artifacts/model --in tcp://127.0.0.1:5555 --out tcp://127.0.0.1:5556`."
        )
    settings = Settings(
        source=arguments.source,
        target=arguments.target,
        mode=arguments.mode,
        batch=arguments.batch,
        wait=arguments.wait_ms / 1000,
        queue=arguments.queue,
        threads=arguments.threads,
        key=arguments.key,
        watch=arguments.watch,
        sink=arguments.sink,
        segment_seconds=arguments.segment_seconds,
    )
    return _stream(arguments.model, settings, arguments.metrics)


def _stream(model, settings, metrics: str | None) -> int:
    from cascada.serving.engine import Engine
    from cascada.serving.logs import log_to_stderr
    from cascada.serving.reloading import Reloading
    from cascada.serving.stream.loop import Stream
    from cascada.serving.stream.metrics import serve_metrics

    log = log_to_stderr()
    engine = Engine(model, settings.threads, told=lambda outcome, sentence: log.warning(sentence))
    stream = Stream(engine, settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stream.end())
    reloading = Reloading(engine, settings.watch)
    signal.signal(signal.SIGHUP, lambda *_: reloading.ask())
    said = f"; metrics at http://{serve_metrics(stream, metrics)}/metrics" if metrics else ""
    source, target = stream.addresses
    print(
        f"Version {engine.current.number}: stations connect to {source}, readers to {target}{said} (Ctrl-C ends it)",
        flush=True,
    )
    stream.run(lambda _: reloading.look())
    state = stream.state()
    answered = state["received"] - state["dropped"] - stream.left
    print(
        f"{answered} of {state['received']} showers answered, {state['dropped']} dropped, {sum(state['malformed'].values())} messages malformed"
    )
    left = _left(stream)
    for sentence in left:
        print(sentence, file=sys.stderr)
    return 1 if left else 0


def _left(stream) -> list[str]:
    """What the end of a stream leaves undone, a sentence each."""
    from cascada.serving.stream.loop import PATIENCE

    found, sink = [], stream.sink
    if stream.left and not sink:
        found.append(f"{stream.left} answers were lost: nobody took one for {PATIENCE:g} s; start the readers before.")
    if sink and (sink.unwritten or sink.lost):
        why = f" ({sink.trouble})" if sink.trouble else ""
        found.append(
            f"{sink.folder}: {sink.unwritten + sink.lost} answers could not be written{why}; make room, or give another folder."
        )
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada stream",
        description=f"{HELP[0].upper()}{HELP[1:]}. Addresses are tcp://HOST:PORT; other machines can reach it only with a key. docs/serving.md describes the messages.",
        epilog="exit status: 0 ended by SIGTERM or Ctrl-C, after what had come was answered; 1 it cannot start, or answers were left that nobody took or that could not be written; 2 wrong usage",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, nargs="?", help="exported folder, such as artifacts/model")
    parser.add_argument("--in", dest="source", metavar="ADDRESS", help="where stations connect")
    parser.add_argument("--out", dest="target", metavar="ADDRESS", help="where readers of the answers connect")
    parser.add_argument(
        "--mode", choices=("pubsub", "pushpull"), default="pubsub",
        help="pubsub: nobody waits, what is too much is dropped and counted; pushpull: nothing is dropped, stations wait",
    )  # fmt: skip
    parser.add_argument("--batch", metavar="N", type=int, default=64, help="showers computed at a time")
    parser.add_argument("--wait-ms", metavar="MS", type=float, default=5.0, help="wait for others")
    parser.add_argument("--queue", metavar="N", type=int, default=4096, help="showers that may wait")
    parser.add_argument(
        "--threads", metavar="N", type=int, help="of the processor for the model; all of them if omitted"
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="load another version as soon as it stands in MODEL (SIGHUP does so at once)",
    )
    parser.add_argument("--sink", metavar="FOLDER", type=Path, help="write the answers there, as HDF5 in segments")
    parser.add_argument(
        "--segment-seconds", metavar="S", type=float, default=10.0, help="after which a segment is written"
    )
    parser.add_argument(
        "--metrics", metavar="HOST:PORT", help="show metrics for Prometheus there, such as 127.0.0.1:9465"
    )
    parser.add_argument(
        "--key", metavar="FILE", type=Path, help="secret key, for other addresses than this machine's own"
    )
    parser.add_argument(
        "--make-key", metavar="FILE", type=Path, help="make such a key, print what stations need, and exit"
    )
    return parser
