"""The search: its page, tables and pictures, from the files of an experiment."""
