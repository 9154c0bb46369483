"""A driver on a cluster that answers as a test tells it."""

import time
from types import SimpleNamespace

from snakemake_executor_plugin_submitit import ExecutorSettings
from snakemake_executor_plugin_submitit.backends import slurm
from snakemake_executor_plugin_submitit.driver import records
from snakemake_executor_plugin_submitit.driver.driver import Driver
from snakemake_executor_plugin_submitit.driver.records import RunFolder
from snakemake_executor_plugin_submitit.members import Member, write_json
from snakemake_executor_plugin_submitit.resources import Request
from snakemake_executor_plugin_submitit.states import Observation, Patience
from snakemake_executor_plugin_submitit.tracking import Entry


class Told:
    """Collects what the driver reports."""

    def __init__(self):
        self.succeeded, self.failed, self.resubmitted, self.texts = [], [], [], []

    def success(self, entry):
        self.succeeded.append(entry.member.name)

    def failure(self, entry, message, logs, job_id):
        self.failed.append((entry.member.name, message, job_id))

    def again(self, entry, why):
        self.resubmitted.append(entry.member.name)

    def info(self, text):
        self.texts.append(text)

    warning = info


class Cluster(slurm.Slurm):
    """SLURM's rules for arrays and limits, with the answers of sbatch and squeue as the test gives them."""

    def __init__(self, settings, *answers, array_size=1001):
        super().__init__(settings)
        self._configuration = {"MaxArraySize": str(array_size), "AccountingStorageType": "accounting_storage/none"}
        self.answers, self.arrays, self.there, self.states, self.cancelled = list(answers), [], [], {}, []

    def submit(self, submission, payloads):
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            answer()
        self.arrays.append([[member.name for member in payload.members] for payload in payloads])
        main = str(len(self.arrays))
        ids = [main] if len(payloads) == 1 else [f"{main}_{index}" for index in range(len(payloads))]
        self.states |= dict.fromkeys(ids, "RUNNING")
        return ids

    def find(self, token, tasks):
        return self.there

    def deliver(self, submission, payloads):
        self.arrays.append("delivered")

    def observe(self, jobs):
        return {job: Observation(self.states[job]) for job in jobs if job in self.states}

    def cancel(self, jobs):
        self.cancelled += jobs
        return ""


def maker(folder):
    """A function that makes a driver on a fake cluster with these answers, its run below `folder`."""

    def make(*answers, array_size=1001, **keywords):
        settings = ExecutorSettings(poll_min_s=0.01, poll_max_s=0.02, **keywords)
        cluster = Cluster(settings, *answers, array_size=array_size)
        run = RunFolder.create(folder)
        driver = Driver(cluster, settings, run, Patience(0.0, 100.0), Told())
        return SimpleNamespace(driver=driver, cluster=cluster, told=driver.report, run=run)

    return make


def jobs(run, *names, pack=1, rule="train") -> list[Entry]:
    made = []
    for name in names:
        token = records.new_token()
        member = Member(
            token=token, name=name, command="true", folder=run.member_folder(token), log=run.path / f"{name}.log"
        )
        request = Request(rule=rule, runtime_min=5, pack=pack)
        made.append(Entry(member=member, request=request, key=name, digest="", info=object()))
    return made


def finish(entries, status="ok"):
    for entry in entries:
        write_json(entry.member.folder / "result.json", {"status": status, "reason": "exit code 1"})


def step_until(one, condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, one.told.texts
        one.driver.step()
        time.sleep(0.01)
