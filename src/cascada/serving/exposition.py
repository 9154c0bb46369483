"""Metrics on an address of their own, for what has no server: a stream, and the status of a search."""

import threading

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from cascada.core.errors import ConfigError
from cascada.serving.addresses import is_loopback


def expose(registry: CollectorRegistry, address: str, option: str) -> tuple[str, threading.Thread]:
    """Show a registry on HOST:PORT of this machine alone; return the address, and the thread that answers. Raises ConfigError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or not int(port) < 65536:
        raise ConfigError(f"{option} {address}: expected HOST:PORT, such as 127.0.0.1:9464.")
    if not is_loopback(host.strip("[]")):
        raise ConfigError(
            f"{option} {address}: metrics are shown to this machine alone; give 127.0.0.1, and a proxy where Prometheus is elsewhere."
        )
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as error:
        raise ConfigError(f"{option} {address}: cannot listen there ({error.strerror}); give another port.") from error
    return f"{host}:{server.server_port}", thread


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """A registry with these collectors alone."""
    registry = CollectorRegistry()
    for one in collectors:
        registry.register(one)
    return registry
