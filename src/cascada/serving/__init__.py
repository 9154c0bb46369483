"""An exported model at work: answers over HTTP, one showing what the other stages know of it. Read `server.py` first."""
