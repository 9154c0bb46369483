"""What a server or a stream writes to stderr: a JSON object per line, without payloads."""

import functools
import json
import logging
import sys
import time
from typing import Any

NAME = "cascada.serving"


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        more = {"exception": self.formatException(record.exc_info)} if record.exc_info else {}
        return _line(record.created, record.levelname.lower(), record.getMessage(), more)


def log_to_stderr() -> logging.Logger:
    """Send our log and uvicorn's warnings there; return ours."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in ((NAME, logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    return logging.getLogger(NAME)


def note(message: str, fields: dict[str, Any]) -> None:
    """A line for what happens thousands of times per second: without `logging`, whose record of it costs more than the line."""
    sys.stderr.write(_line(time.time(), "info", message, fields) + "\n")


def _line(created: float, level: str, message: str, fields: dict[str, Any]) -> str:
    stamp = f"{_second(int(created // 1))}.{int(created % 1 * 1000):03d}Z"
    return _encode({"time": stamp, "level": level, "message": message} | fields)


@functools.lru_cache(16)
def _second(since: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))


_encode = json.JSONEncoder().encode
