"""A workflow of gated jobs on the sandbox, for tests of what goes wrong there.

The jobs note their begin and end in a file and wait for a gate in between, so that a test decides what runs when
something happens, without counting seconds.
"""

from slurm_sandbox import wait_until
from slurm_sandbox.driver import Driver, RunLog, write

GATED = """
    names = [f"j{number}" for number in range(int(config["jobs"]))]

    rule all:
        input: expand("out/{name}", name=names)

    rule work:
        output: "out/{name}"
        params: version=config.get("version", 1)
        resources: runtime=30, mem_mb=700
        shell:
            '''
            echo "begin {wildcards.name} $SLURM_JOB_ID" >> runs
            while ! [ -e go ] && ! [ -e go-{wildcards.name} ]; do sleep 0.2; done
            echo "end {wildcards.name}" >> runs
            touch {output}
            '''
"""
PLUGIN = (
    "--executor=submitit",
    "--jobs=100",
    "--latency-wait=5",
    "--submitit-poll-min-s=0.5",
    "--submitit-poll-max-s=2",
)


class Grid:
    """A folder with the gated workflow of some jobs, and the drivers that run it."""

    def __init__(self, sandbox, folder, jobs: int):
        self.sandbox, self.folder = sandbox, folder
        write(folder, "Snakefile", GATED)
        self.runs = RunLog(folder / "runs")
        self.jobs = jobs
        self.names = sorted(f"j{number}" for number in range(jobs))

    def start(self, *arguments: str, environment=None, config=()) -> Driver:
        return Driver(self.sandbox, self.folder, *self.arguments(arguments, config), environment=environment)

    def resume(self) -> Driver:
        """The command that the README gives for a killed driver."""
        module = "snakemake_executor_plugin_submitit"
        return Driver(self.sandbox, self.folder, "resume", "--", *self.arguments(), module=module)

    def arguments(self, more=(), config=()) -> list[str]:
        return [*PLUGIN, *more, "--config", f"jobs={self.jobs}", *config]

    def begun(self, count: int) -> bool:
        return len(self.runs.names("begin")) >= count

    def open(self, name: str | None = None) -> None:
        (self.folder / (f"go-{name}" if name else "go")).touch()

    def start_all(self, *arguments: str, **keywords) -> Driver:
        driver = self.start(*arguments, **keywords)
        driver.wait_for(lambda: self.begun(self.jobs), f"{self.jobs} jobs run")
        return driver

    def assert_each_ran_once(self) -> None:
        assert self.runs.names("begin") == self.names
        assert self.runs.names("end") == self.names
        assert sorted(path.name for path in (self.folder / "out").iterdir()) == self.names

    def assert_nothing_left(self) -> None:
        wait_until(lambda: not self.sandbox.queue(), "the queue is empty", 30)
