"""A platform that runs scratch_defs, embedded or deployed: runs are launched and watched through its web interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import httpx

from martian_moments_tests.waiting import wait_until


class ScratchPlatform(ABC):
    """Runs of scratch_defs.

    Attributes:
        scratch: the folder SCRATCH.
    """

    scratch: Path

    @property
    @abstractmethod
    def url(self) -> str:
        """The web interface."""

    def graphql(self, query: str, **variables: Any) -> Any:
        content = {"query": query, "variables": variables}
        response = httpx.post(f"{self.url}/graphql", json=content, timeout=30, trust_env=False)
        response.raise_for_status()
        assert "errors" not in response.json(), response.text
        return response.json()["data"]

    def launch(self, asset: str) -> str:
        selector = {
            "jobName": f"{asset}_job",
            "repositoryName": "__repository__",
            "repositoryLocationName": "martian_moments",
        }
        result = self.graphql(
            "mutation($p: ExecutionParams!) {launchRun(executionParams: $p)"
            " {__typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message}}}",
            p={"selector": selector, "runConfigData": {}},
        )["launchRun"]
        assert result["__typename"] == "LaunchRunSuccess", result
        return str(result["run"]["runId"])

    def terminate(self, run: str, policy: str = "SAFE_TERMINATE") -> None:
        result = self.graphql(
            "mutation($r: String!, $p: TerminateRunPolicy) {terminateRun(runId: $r, terminatePolicy: $p)"
            " {__typename ... on TerminateRunFailure {message} ... on PythonError {message}}}",
            r=run,
            p=policy,
        )["terminateRun"]
        assert result["__typename"] == "TerminateRunSuccess", result

    def runs(self) -> dict[str, dict[str, Any]]:
        query = "{runsOrError {... on Runs {results {runId status parentRunId tags {key value}}}}}"
        return {row["runId"]: row for row in self.graphql(query)["runsOrError"]["results"]}

    def status(self, run: str) -> str:
        return str(self.runs()[run]["status"])

    def wait_for_status(self, run: str, *statuses: str) -> str:
        wait_until(lambda: self.status(run) in statuses, f"run {run} is {' or '.join(statuses)}")
        return self.status(run)

    def retries_of(self, run: str) -> list[str]:
        return [other for other, row in self.runs().items() if row["parentRunId"] == run]

    def retry_of(self, run: str) -> str:
        # Dagster's daemon looks every 5 s, and what it overlooks the retry sensor finds within half a minute.
        return wait_until(lambda: self.retries_of(run), f"run {run} is repeated", 120)[0]

    def executions_of(self, run: str) -> list[int]:
        """The processes that began a patient run."""
        file = self.scratch / f"{run}.started"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def wait_for_execution(self, run: str) -> int:
        return wait_until(lambda: self.executions_of(run), f"run {run} has begun its asset")[0]

    def begin_patient_run(self) -> tuple[str, int]:
        """A run that waits, and the process that executes it."""
        run = self.launch("patient")
        return run, self.wait_for_execution(run)

    def let_go(self, run: str) -> None:
        """Let a patient run end, and what repeats it."""
        (self.scratch / f"{run}.go").touch()
