"""An exported model at work. `http/` answers requests, `stream/` answers stations; both ask the `engine`."""
