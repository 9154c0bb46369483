"""Which rules have further jobs that Snakemake will hand over: what incomplete packs may wait for."""

import time
from collections import Counter

from .. import snakemake_private
from . import identity

COUNT_EVERY_S = 5.0  # a look at all jobs of a large workflow takes its time


class Coming:
    """Counts jobs by rule. Lives in Snakemake's main thread, which is the one that changes its graph of jobs."""

    def __init__(self, dag):
        self.dag = dag
        self.needed = False  # no rule has packs yet
        self._handed: set = set()
        self._left: Counter[str] = Counter()
        self._counted = 0.0

    def after(self, jobs) -> set[str]:
        """The rules that have more jobs, now that these have been handed over."""
        new = [one for job in jobs for one in identity.parts(job) if one not in self._handed]
        self._handed.update(new)
        if not self.needed:
            return set()
        now = time.monotonic()
        if now - self._counted > COUNT_EVERY_S or not self._counted:
            left = (
                job for job in snakemake_private.jobs_to_run(self.dag) if not job.is_local and job not in self._handed
            )
            self._left, self._counted = Counter(job.rule.name for job in left), now
        else:
            self._left.subtract(one.rule.name for one in new)
        return {rule for rule, number in self._left.items() if number > 0}
