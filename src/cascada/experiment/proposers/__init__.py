"""Samplers whose points are computed in a job, not when the Snakefile is read: they import scipy or Optuna.

A proposer is a module with `propose(space, number, seed, batch, finished)`: it returns `number` different points of one
family's space (`cascada.experiment.entries`), none of which is among those `finished`
(`cascada.experiment.batches.Finished`, what the search knows so far), and the same ones whatever the order in which trials
ended. `seed` is that of the search and the family together. It imports what is heavy inside its functions.
"""
