"""Snakemake executor plugin: jobs on SLURM, on one machine or in the driver, through submitit.

Every `import snakemake.cli` imports this module, also inside each job: submitit and all that is heavy is imported where
it is used.
"""

from snakemake_interface_executor_plugins.settings import CommonSettings

from .driver.executor import Executor
from .settings import ExecutorSettings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,  # a shell would read them; the plugin hands them over itself
    auto_deploy_default_storage_provider=False,
    init_seconds_before_status_checks=0,
    pass_group_args=True,
)
