"""What ways to search cost and what they lose: a factorial table, made once, and replays of policies on it.

python -m benchmarks.search.table                  # days on two cores; stopped and started as often as one likes
python -m benchmarks.search.replay                 # minutes: a table in Markdown and a picture
python -m benchmarks.search.peers --killed                 # minutes: a toy on SLURM, against other people's launchers
"""
