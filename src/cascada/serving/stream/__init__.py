"""`cascada stream` and `cascada replay`: showers over ZeroMQ, from stations that come and go. Begin with `messages.py`."""
