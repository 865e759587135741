"""A run on this machine: spark-submit, in the lane's environment that the command itself runs in."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sluice.contract.problems import did_you_mean
from sluice.deploy.spark import argument_words
from sluice.errors import UsageError
from submission.arguments import Order

JOBS = Path(__file__).parents[2] / "jobs"


def command(order: Order) -> list[str]:
    """`spark-submit jobs/<script>.py --key value ...`; the environment's arguments count where the run gives none."""
    script, arguments = order.job, order.arguments
    if order.environment is not None and order.job in order.environment.jobs:
        script = order.environment.jobs[order.job].script
        arguments = {**order.environment.arguments(order.job), **arguments}
    path = JOBS / f"{script}.py"
    if not path.is_file():
        known = sorted(each.stem for each in JOBS.glob("*.py"))
        raise UsageError(f"job {script}: expected jobs/{script}.py, found none{did_you_mean(script, known)}")
    return ["spark-submit", str(path), *argument_words(arguments)]


def run(order: Order) -> int:
    """Run it with this terminal's input and output, and end as it ends. Ctrl-C reaches the job, too."""
    process = subprocess.Popen(command(order))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the job was told as well, and says how it ends
