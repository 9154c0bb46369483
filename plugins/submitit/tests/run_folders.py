"""What an earlier driver may have left in its private folder."""

from snakemake_executor_plugin_submitit.driver import records
from snakemake_executor_plugin_submitit.driver.records import RunFolder
from snakemake_executor_plugin_submitit.members import Member
from snakemake_executor_plugin_submitit.resources import Request
from snakemake_executor_plugin_submitit.tracking import Entry, Submission, Task

REQUEST = Request(rule="train", runtime_min=5, options=(("nice", "1"),), pack=2)


def entry(run: RunFolder, name: str, digest: str = "same") -> Entry:
    token = records.new_token()
    folder = run.member_folder(token)
    member = Member(token=token, name=name, command="true", folder=folder, log=run.path / f"{name}.log")
    return Entry(
        member=member, request=REQUEST, key=f"key of {name}", digest=digest, metadata={name: {"rule": "train"}}
    )


def submission(run: RunFolder, *packs: list[str]) -> Submission:
    tasks = [Task(entries=[entry(run, name) for name in names]) for names in packs]
    token = records.new_token()
    return Submission(token=token, folder=run.submission_folder(token), whole=REQUEST, tasks=tasks, submitted_at=1.0)
