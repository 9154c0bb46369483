"""`cascada serve MODEL`: answer over HTTP with an exported model: the Open Inference Protocol, and /predict for people.

Exit status: 0 ended by SIGTERM or Ctrl-C, after what was taken was answered; 1 it cannot start; 2 wrong usage.
"""

import argparse
from pathlib import Path

HELP = "answer over HTTP with an exported model (Open Inference Protocol, and files for people)"


def run(argv: list[str]) -> int:
    from cascada.serving.http.settings import Batching, Limits, Settings, read_token
    from cascada.serving.installed import check_installed

    arguments = _parser().parse_args(argv)
    settings = Settings(
        host=arguments.host,
        port=arguments.port,
        name=arguments.name,
        threads=arguments.threads,
        token=read_token(arguments.token_file),
        watch=arguments.watch,
        shadow=arguments.shadow,
        batching=Batching(largest=arguments.batch, wait=arguments.wait_ms / 1000, queue=arguments.queue),
        limits=Limits(
            megabytes=arguments.max_megabytes,
            showers=arguments.max_showers,
            seconds=arguments.timeout,
            connections=arguments.max_connections,
            rate=arguments.rate,
        ),
    )
    check_installed("fastapi", "uvicorn", "prometheus_client")
    from cascada.serving.http.server import serve

    serve(arguments.model, settings)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada serve",
        description=f"{HELP[0].upper()}{HELP[1:]}. Other machines can reach it only with --host, and then everybody needs a token: "
        "the environment variable CASCADA_TOKEN, or --token-file.",
        epilog="exit status: 0 ended by SIGTERM or Ctrl-C, after what was taken was answered; 1 it cannot start; 2 wrong usage. "
        "SIGHUP loads the model's folder again.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="exported folder, such as artifacts/model")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    parser.add_argument("--name", default="", help="of the model in addresses; that of its experiment if omitted")
    parser.add_argument(
        "--token-file", metavar="FILE", type=Path, help="one line, the bearer token that clients must send"
    )
    parser.add_argument(
        "--threads", metavar="N", type=int, help="of the processor for the model; all of them if omitted"
    )
    parser.add_argument("--watch", action="store_true", help="load another version as soon as it stands in MODEL")
    parser.add_argument(
        "--shadow",
        metavar="FOLDER",
        type=Path,
        help="a second version that answers nobody and is compared; with --watch it may come later and change",
    )
    batching = parser.add_argument_group("batches of concurrent requests")
    batching.add_argument("--batch", metavar="N", type=int, default=64, help="showers computed at a time")
    batching.add_argument(
        "--wait-ms", metavar="MS", type=float, default=2.0, help="wait for others while the model is idle"
    )
    batching.add_argument(
        "--queue", metavar="N", type=int, default=1024, help="showers that may wait; beyond, 503 and Retry-After"
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument("--max-megabytes", metavar="MB", type=float, default=64.0, help="of a request, also unpacked")
    limits.add_argument("--max-showers", metavar="N", type=int, default=2048, help="of a request")
    limits.add_argument("--max-connections", metavar="N", type=int, default=256, help="at a time")
    limits.add_argument(
        "--timeout", metavar="S", type=float, default=30.0, help="seconds to send a request, and to read a file"
    )
    limits.add_argument(
        "--rate", metavar="N", type=float, default=0.0, help="requests per second and client; 0: any number"
    )
    return parser
