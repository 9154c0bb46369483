"""Whether an address is this machine's own."""

import functools
import ipaddress


@functools.lru_cache(1024)  # asked with each request
def is_loopback(host: str) -> bool:
    """`host`: a name, or an address without brackets."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
