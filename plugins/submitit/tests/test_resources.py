"""Resources of a job -> what its allocation asks for."""

import dataclasses

import pytest
import submitit
from snakemake_executor_plugin_submitit import ExecutorSettings, options, resources
from snakemake_executor_plugin_submitit.resources import Request, ResourceError, for_pack, request

SETTINGS = ExecutorSettings()


class TBDString(str):
    """As Snakemake's: a value that is known only inside the job."""


def ask(threads=1, settings=SETTINGS, **given) -> Request:
    return request("train", given, threads, settings)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"runtime_min": 60, "cpus": 1, "mem_mb": None, "gpus": 0, "nodes": 1, "pack": 1, "concurrent": 1}),
        ({"runtime": 90, "mem_mb": 4000}, {"runtime_min": 90, "mem_mb": 4000}),
        ({"runtime": 0.5}, {"runtime_min": 1}),
        ({"mem_mb": TBDString("<TBD>")}, {"mem_mb": None}),
        ({"mem_mb_per_cpu": 500, "mem_mb": 4000}, {"mem_mb": None, "mem_mb_per_cpu": 500}),
        ({"threads": 8}, {"cpus": 8}),
        ({"threads": 8, "cpus_per_task": 2}, {"cpus": 2}),
        ({"gpu": 2, "gpu_model": "a100"}, {"gpus": 2, "gpu_model": "a100"}),
        ({"gpu": 0, "gpu_model": "a100"}, {"gpus": 0, "gpu_model": None}),
        ({"gres": "gpu:v100:1"}, {"gres": "gpu:v100:1", "gpus": 0}),
        ({"slurm_partition": "long", "slurm_account": "me", "qos": "high"}, {"partition": "long", "account": "me", "qos": "high"}),
        ({"constraint": "avx512"}, {"constraint": "avx512"}),
        ({"nodes": 2, "tasks": 8, "submitit_pack": 4}, {"nodes": 2, "tasks": 8, "pack": 1}),
        ({"tasks": 8, "submitit_pack": 4}, {"nodes": None, "tasks": 8, "pack": 1}),
        ({"tasks": 1}, {"nodes": 1, "tasks": 1}),
        ({"submitit_pack": 4, "submitit_concurrent": 8}, {"pack": 4, "concurrent": 4}),
        ({"gpu": 1, "cpus_per_gpu": 4, "exclusive": True}, {"options": (("cpus-per-gpu", "4"), ("exclusive", ""))}),
        # what stands for "not set" with the official plugin
        ({"tasks": 0, "nodes": 0}, {"tasks": None, "nodes": 1}),
        ({"gpu": 1, "tasks_per_gpu": -1, "cpus_per_gpu": -1}, {"options": (), "cpus": 1}),
        ({"mem_mb": 0, "mem_mb_per_cpu": 0, "runtime": 0}, {"mem_mb": None, "mem_mb_per_cpu": None, "runtime_min": 60}),
        ({"cpus_per_task": 0, "threads": 3, "tasks_per_node": -1}, {"cpus": 3, "options": ()}),
        ({"cpus_per_gpu": 4, "threads": 3}, {"cpus": 3, "options": ()}),  # per GPU of none
        # of several that exclude each other, in one rule
        ({"gpu": 1, "cpus_per_gpu": 4, "cpus_per_task": 2}, {"cpus": 2, "options": ()}),
        ({"gpu": 1, "tasks_per_gpu": 2, "tasks_per_node": 4}, {"options": (("ntasks-per-gpu", "2"),)}),
        # options written out that say what a resource says, or stand beside it
        ({"slurm_extra": "--time=1-02:00:01 --mem=4G -p long -A me -q high -C avx"},
         {"runtime_min": 26 * 60 + 1, "mem_mb": 4096, "partition": "long", "account": "me", "qos": "high", "constraint": "avx"}),
        ({"slurm_extra": "--mem=0 --nodes=2-4 --ntasks=8"},
         {"mem_mb": None, "nodes": None, "tasks": 8, "options": (("mem", "0"), ("nodes", "2-4"))}),
        ({"slurm_extra": "--mem-per-gpu=2G", "gpu": 1}, {"mem_mb": None, "options": (("mem-per-gpu", "2048M"),)}),
        ({"gpu": 1, "slurm_extra": "--gres=lustre:2"}, {"gpus": 1, "gres": "lustre:2"}),
        ({"gres": "gpu:v100:1", "slurm_extra": "--gres=lustre:2"}, {"gres": "gpu:v100:1,lustre:2"}),
        ({"mem_mb": 4096, "slurm_extra": "--mem=4G"}, {"mem_mb": 4096}),
        ({"reservation": "school"}, {"options": (("reservation", "school"),)}),
        ({"slurm_extra": "--nice=10 -w n1 --hold"}, {"options": (("hold", ""), ("nice", "10"), ("nodelist", "n1"))}),
    ],
)  # fmt: skip
def test_request(given, expected):
    made = dataclasses.asdict(ask(**given))
    assert {name: made[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mem_mb": "much"}, "mem_mb='much': expected a whole number"),
        ({"runtime": -1}, "runtime=-1: expected a whole number of at least 1"),
        ({"gpu": 1, "gres": "gpu:1"}, "gpu=1 and gres='gpu:1' are both given"),
        ({"gpu": 1, "slurm_extra": "--gres=gpu:a100:2"}, "gpu=1 and gres='gpu:a100:2' are both given"),
        ({"gpu": 1, "slurm_extra": "-G 2"}, "gpu=1 and slurm_extra with --gpus are both given"),
        (
            {"gres": "lustre:1", "slurm_extra": "--gres=lustre:2"},
            "'lustre:1' and slurm_extra with --gres=lustre:2 differ",
        ),
        (
            {"slurm_partition": "long", "slurm_extra": "--partition=short"},
            "slurm_partition='long' and slurm_extra with --partition=short differ; give only one of them",
        ),
        ({"runtime": 5, "slurm_extra": "--time=unlimited"}, "runtime=5 and slurm_extra with --time=unlimited differ"),
        ({"tasks": -1}, "tasks=-1: expected a whole number of at least 1, or 0 for"),
        ({"slurm_extra": "--array=0-5"}, "--array is set by the plugin"),
        ({"slurm_extra": "nonsense"}, "cannot parse 'nonsense'"),
        ({"slurm_extra": "--a='"}, "No closing quotation"),
        ({"clusters": "other"}, "other clusters are not supported"),
    ],
)
def test_what_cannot_be_is_named(given, words):
    with pytest.raises(ResourceError, match=words):
        ask(**given)


def test_settings_are_the_defaults_of_packs_and_options():
    settings = ExecutorSettings(jobs_per_task=3, concurrent=2, extra="--nice=5 --hold", default_runtime=7)
    made = ask(settings=settings, slurm_extra="--nice=1")
    assert (made.pack, made.concurrent, made.runtime_min) == (3, 2, 7)
    assert made.options == (("hold", ""), ("nice", "1"))


@pytest.mark.parametrize(
    ("given", "defaults", "expected"),
    [
        ({"mem_mb": 700, "mem_mb_per_cpu": 500}, ["mem_mb"], {"mem_mb": None, "mem_mb_per_cpu": 500}),
        ({"mem_mb": 700, "mem_mb_per_cpu": 500}, ["mem_mb_per_cpu"], {"mem_mb": 700, "mem_mb_per_cpu": None}),
        ({"mem_mb": 700, "mem_mb_per_cpu": 500}, ["mem_mb", "mem_mb_per_cpu"], {"mem_mb": None, "mem_mb_per_cpu": 500}),
        ({"gpu": 1, "cpus_per_gpu": 4, "cpus_per_task": 2}, ["cpus_per_task"], {"options": (("cpus-per-gpu", "4"),)}),
        ({"tasks_per_gpu": 2, "tasks_per_node": 4}, ["tasks_per_gpu"], {"options": (("ntasks-per-node", "4"),)}),
        ({"gpu": 1, "gres": "gpu:a100:2"}, ["gpu"], {"gpus": 0, "gres": "gpu:a100:2"}),
        ({"gpu": 1, "gres": "gpu:a100:2"}, ["gres"], {"gpus": 1, "gres": None}),
        ({"mem_mb": 700, "slurm_extra": "--mem-per-cpu=500"}, ["mem_mb"], {"mem_mb": None, "mem_mb_per_cpu": 500}),
        ({"mem_mb": 700, "slurm_extra": "--mem=4G"}, ["mem_mb"], {"mem_mb": 4096}),
        ({"slurm_partition": "long", "slurm_extra": "-p short"}, ["slurm_partition"], {"partition": "short"}),
    ],
)
def test_what_a_rule_says_counts_more_than_a_default(given, defaults, expected):
    made = dataclasses.asdict(request("train", given, 1, SETTINGS, weak=defaults))
    assert {name: made[name] for name in expected} == expected


def test_everyone_s_options_are_defaults_too():
    settings = ExecutorSettings(extra="--partition=short --mem=1G --time=5 --gres=lustre:1")
    made = ask(settings=settings, slurm_partition="long", gpu=1)
    assert (made.partition, made.mem_mb, made.runtime_min, made.gres) == ("long", 1024, 5, "lustre:1")
    assert request("train", {"slurm_partition": "long"}, 1, settings, weak=["slurm_partition"]).partition == "short"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("90:30", 91),
        ("1:30:00", 90),
        ("2-12", 3600),
        ("2-12:30", 3630),
        ("0-0:0:1", 1),
        ("UNLIMITED", None),
    ],
)
def test_times_as_sbatch_reads_them(text, minutes):
    assert options.minutes(text) == minutes


@pytest.mark.parametrize(
    ("pack", "concurrent", "members", "cpus", "mem_mb", "runtime"),
    [
        (1, 1, 1, 2, 1000, 30),
        (4, 1, 4, 2, 1000, 120),
        (4, 2, 4, 4, 2000, 60),
        (4, 2, 3, 4, 2000, 60),
        (4, 4, 4, 8, 4000, 30),
        (4, 4, 2, 4, 2000, 30),
    ],
)
def test_a_pack_asks_for_the_members_that_run_at_once_and_for_the_time_of_all(
    pack, concurrent, members, cpus, mem_mb, runtime
):
    one = ask(threads=2, mem_mb=1000, runtime=30, gpu=1, submitit_pack=pack, submitit_concurrent=concurrent)
    whole = for_pack(one, members)
    assert (whole.cpus, whole.mem_mb, whole.runtime_min, whole.gpus) == (cpus, mem_mb, runtime, 1)


def parameters(whole: Request, **keywords) -> dict:
    return resources.submitit_parameters(whole, name="n", comment="c", settings=ExecutorSettings(**keywords))


@pytest.mark.parametrize(
    ("given", "further"),
    [
        ({"gpu": 4, "nodes": 2}, {"gpus": "4", "nodes": 2}),
        ({"gpu": 4, "tasks": 8}, {"gpus": "4"}),
        ({"slurm_extra": "--no-requeue"}, {"no-requeue": True, "requeue": None}),
        ({"tasks": 8, "tasks_per_node": 4}, {"ntasks": 8, "ntasks-per-node": "4"}),
        ({"slurm_extra": "--hold"}, {"hold": True}),
        ({"runtime": 60}, {"signal": "B:USR2@120", "requeue": True}),
        ({"runtime": 1}, {"signal": "B:USR2@15"}),
    ],
)
def test_what_submitit_has_no_name_for(given, further):
    found = parameters(ask(**given))["slurm_additional_parameters"]
    assert {name: found.get(name) for name in further} == further


@pytest.mark.parametrize(
    ("given", "gres"),
    [
        ({}, None),
        ({"gpu": 2}, "gpu:2"),
        ({"gpu": 2, "gpu_model": "a100"}, "gpu:a100:2"),
        ({"gpu": 2, "slurm_extra": "--gres=lustre:1"}, "gpu:2,lustre:1"),
        ({"gpu": 2, "nodes": 2, "gres": "lustre:1"}, "lustre:1"),
    ],
)
def test_generic_resources(given, gres):
    assert parameters(ask(**given))["slurm_gres"] == gres


def script_of(given: dict, folder) -> str:
    """submitit itself makes a script of the parameters, of an array of nine."""
    from submitit.slurm.slurm import SlurmExecutor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SlurmExecutor, "affinity", classmethod(lambda cls: 2))  # as if there were an sbatch
        executor = submitit.AutoExecutor(folder, cluster="slurm")
    executor.update_parameters(**given)
    executor._executor.parameters["map_count"] = 9
    return executor._executor._make_submission_file_text("run", "id")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "--nodes=1"),
        ({"nodes": 3}, "--nodes=3"),
        ({"tasks": 8, "nodes": 1}, "--nodes=1"),
        ({"tasks": 8}, "--nodes=1-8"),  # where SLURM wants
    ],
)
def test_nodes_as_submitit_writes_them(given, line, tmp_path):
    lines = script_of(parameters(ask(**given)), tmp_path).splitlines()
    assert [each for each in lines if "--nodes" in each] == [f"#SBATCH {line}"]


def test_what_a_rule_says_wins_over_the_user_s_variables():
    said = resources.overridden(parameters(ask(slurm_partition="long", mem_mb=700, gpu=1)))
    assert {
        "SBATCH_PARTITION", "SBATCH_TIMELIMIT", "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_NODE", "SBATCH_GPUS", "SBATCH_GRES",
        "SBATCH_ARRAY_INX", "SBATCH_OUTPUT", "SBATCH_SIGNAL", "SBATCH_JOB_NAME", "SBATCH_REQUEUE", "SBATCH_NO_REQUEUE",
    } <= said  # fmt: skip
    left = {"SBATCH_ACCOUNT", "SBATCH_QOS", "SBATCH_CONSTRAINT", "SBATCH_WCKEY", "SBATCH_RESERVATION", "SBATCH_EXPORT"}
    assert not left & said  # defaults for what the rule leaves open
    assert not {"SBATCH_GPUS", "SBATCH_MEM_PER_NODE"} & resources.overridden(parameters(ask()))


def test_sbatch_takes_the_parameters(tmp_path):
    whole = ask(threads=3, mem_mb=700, gpu=1, slurm_account="me", runtime=9)
    script = script_of(parameters(whole, setup=["module load cuda"], array_parallelism=7), tmp_path)
    for line in (
        "#SBATCH --cpus-per-task=3",
        "#SBATCH --mem=700M",
        "#SBATCH --time=9",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --account=me",
        "#SBATCH --wckey=''",
        "#SBATCH --array=0-8%7",
        "#SBATCH --requeue",
        "#SBATCH --comment=c",
        "unset SNAKEMAKE_PROFILE",
        "module load cuda",
    ):
        assert line in script.splitlines(), script
    assert "srun" not in script


def test_memory_of_an_allocation():
    assert resources.memory_mb(ask(mem_mb=700, nodes=2)) == 1400
    assert resources.memory_mb(ask(threads=4, mem_mb_per_cpu=500)) == 2000
    assert resources.memory_mb(ask()) == 0
