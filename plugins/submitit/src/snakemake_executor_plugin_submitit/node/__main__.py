"""What a SLURM job starts in place of `python -m submitit.core._submit FOLDER`: the same, for less.

submitit imports NumPy, if it is there, for the sake of what a pickle may hold; ours hold none. Where a node has many
cores, NumPy's threads cost more than all the rest.
"""

import gc
import sys

# what pickles of jobs that were queued before the modules had rooms call node/task.py; SLURM may keep a job for weeks
FORMER_TASK = "snakemake_executor_plugin_submitit.task"


def main() -> None:
    """Called with the arguments that submitit writes for Python: `-u -m submitit.core._submit FOLDER`."""
    gc.disable()  # what imports make is no garbage
    sys.modules["numpy"] = None  # type: ignore[assignment]  # an ImportError, which submitit takes well
    from submitit.core.submission import process_job

    from snakemake_executor_plugin_submitit.node import task
    from snakemake_executor_plugin_submitit.processes import leave

    del sys.modules["numpy"]
    sys.modules[FORMER_TASK] = task
    gc.enable()
    process_job(sys.argv[-1])
    leave(0)


if __name__ == "__main__":
    main()
