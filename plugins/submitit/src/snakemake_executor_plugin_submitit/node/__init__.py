"""What runs in the job: a task, its worker, and a process per member. Talks to the driver by files alone (members.py)."""
