"""The benchmarks run, print every row, and lose nothing. What they measure is not looked at: a test can't."""

import subprocess
import sys

import pytest

ROWS = [
    "push: SubmitContact sent",
    "intake: unary SubmitContact",
    "freed: agent closes",
    "changes: a call that changes an agent",
    "submit: a ready agent is offered the chat",
    "agent closes: the next waiting caller rings",
    "for each waiting contact",
    "for each agent",
]


@pytest.mark.long
def test_a_quick_run_prints_every_row_and_its_counts_add_up() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"], capture_output=True, text=True, timeout=50, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for row in ROWS:
        assert row in run.stdout
    assert "lost 0, double 0" in run.stdout
