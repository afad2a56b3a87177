from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.contenders import CONTENDERS, Work
from bench.measuring import in_own_process, percentile
from bench.report import Line
from bench.serving import expect_found
from bench.upstream import upstream


def test_a_goal_is_met_by_our_number_or_by_its_ratio_to_the_baseline() -> None:
    assert Line(name="a", ours=10.0, unit="s", at_most=10.0).met is True
    assert Line(name="a", ours=10.1, unit="s", at_most=10.0).met is False
    beside = Line(name="a", ours=2.2, unit="s", baseline=2.0, against="b", ratio_at_most=1.1)
    assert beside.ratio == 1.1
    assert beside.met is True
    assert Line(name="a", ours=2.3, unit="s", baseline=2.0, against="b", ratio_at_most=1.1).met is False
    assert Line(name="a", ours=2.3, unit="s").met is None
    assert Line(name="a", ours=300.0, unit="requests/s", at_least=300.0).met is True
    assert Line(name="a", ours=299.9, unit="requests/s", at_least=300.0).met is False


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(20, 0, -1)]
    assert percentile(values, 50) == 10.0
    assert percentile(values, 95) == 19.0
    assert percentile([7.0], 95) == 7.0


@pytest.mark.parametrize("contender", sorted(CONTENDERS))
def test_every_contender_ends_with_every_photo(contender: str, tmp_path: Path) -> None:
    with upstream(3) as mars:
        work = Work(mars.replica.v1_url, mars.sols, in_flight=4, folder=str(tmp_path))
        measured = in_own_process("bench.contenders", *work.arguments(contender))
    assert measured.result == {"photos": mars.photos}
    assert mars.photos > len(mars.sols) == 3
    assert measured.peak_mb > 50  # Python with DuckDB loaded takes more


def test_a_response_without_anything_measures_nothing() -> None:
    expect_found({"/a": b'{"data": [{}], "next": null}', "/b": b'{"photo": {"id": 1}}'})
    with pytest.raises(RuntimeError, match=r"empty response: /c, /d$"):
        expect_found({"/b": b'{"photo": {"id": 1}}', "/c": b'{"photos": []}', "/d": b'{"data": [], "next": null}'})


def test_a_quick_run_prints_the_table() -> None:
    command = [sys.executable, "-m", "bench", "imports", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "import of the definitions" in done.stdout
    assert "1.3x" in done.stdout
