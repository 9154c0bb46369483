"""Fuzzing of the readers: real and written files of every source and files of showers, each mutated by the thousand.

    python -m tests.fuzzing --mutants 20000 --seed 1      (or make fuzz)

A mutant ends with the right values or with one sentence and exit status 1; see verdict.py for what is right.
"""
