"""`python -m snakemake_executor_plugin_submitit check --profile NAME`: the first hour on a new cluster.

Looks at what SLURM says of itself (cluster.py), submits one array of two tiny tasks (run.py, probe.py), and reports
what that showed and what to write into the profile (findings.py).
"""
