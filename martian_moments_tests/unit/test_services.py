"""The starter of the services, as far as it goes without them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from dotenv import dotenv_values

from martian_moments_tests import services as tests_services
from services import __main__ as starter
from services import cache, native, packages, processes
from services.compose import Compose
from services.environment import NAMES, Environment, complete, free_port
from services.errors import ServicesError
from services.processes import Command, Daemon
from services.program import Program

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).wait()"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon("sleeper", tmp_path.resolve())
    yield made
    made.kill()


def python(code: str) -> Command:
    return Command([sys.executable, "-c", code])


def said(daemon: Daemon) -> bool:
    return "up" in daemon.log.read_text()


def inhabitants(folder: Path) -> list[int]:
    living = (each for each in psutil.process_iter(["cwd", "status"]) if each.info["status"] != psutil.STATUS_ZOMBIE)
    return [each.pid for each in living if each.info["cwd"] == str(folder)]


def test_the_env_file_gets_what_it_lacks_and_keeps_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    before = "# mine\nMARS_ROVERS=spirit\nREDIS_PORT=16379\nPOSTGRES_PASSWORD=kept"
    file.write_text(before)

    made = complete(file)

    assert file.read_text().startswith(before + "\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    values = dotenv_values(file)
    assert set(NAMES) <= values.keys()
    assert (made.redis_port, made.postgres_password) == (16379, "kept")
    assert made.endpoint == values["AWS_ENDPOINT_URL_S3"]
    written = file.read_bytes()
    assert complete(file) == made
    assert file.read_bytes() == written


def test_no_two_env_files_have_the_same_passwords(tmp_path: Path) -> None:
    first, second = complete(tmp_path / "a"), complete(tmp_path / "b")
    made = {each for env in (first, second) for each in (env.secret_key, env.postgres_password, env.redis_password)}
    assert len(made) == 6
    assert min(len(each) for each in made) >= 32


def test_a_port_that_is_taken_is_not_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        chosen = free_port(taken)
    assert chosen != taken
    assert (chosen - taken) % 100 == 0


def test_another_series_of_ports_does_not_meet_the_usual_one(tmp_path: Path) -> None:
    usual, other = complete(tmp_path / "usual"), complete(tmp_path / "other", series=7)
    names = ("minio_port", "kafka_port", "postgres_port", "redis_port")
    assert [(getattr(other, name) - getattr(usual, name)) % 100 for name in names] == [7] * 4
    assert complete(tmp_path / "other") == other


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY=theirs\n", "another object store"),
        ("MINIO_PORT=9000\nAWS_ENDPOINT_URL_S3=https://s3.example.org\n", "another object store"),
        ("KAFKA_PORT=broker\n", "KAFKA_PORT='broker'"),
    ],
)
def test_settings_of_something_else_are_refused_and_left_alone(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(ServicesError, match=what) as refused:
        complete(file)
    assert "theirs" not in str(refused.value)
    assert file.read_text().startswith(text)


def test_what_is_not_set_is_named() -> None:
    with pytest.raises(ServicesError, match=r"REDIS_PASSWORD.*make services-up"):
        Environment.of({name: "1" for name in NAMES if name != "REDIS_PASSWORD"})


def test_a_program_outlives_its_starter(daemon: Daemon) -> None:
    starter = f"""
from pathlib import Path
from services.processes import Command, Daemon
Daemon({daemon.name!r}, Path({str(daemon.root)!r})).start(Command({[sys.executable, "-c", SLEEPER]!r}))
"""
    subprocess.run([sys.executable, "-c", starter], check=True)
    daemon.wait(lambda: said(daemon))

    process = daemon.process()
    assert process is not None
    assert os.getsid(process.pid) == process.pid
    assert daemon.stop(signal.SIGTERM)
    assert inhabitants(daemon.folder) == []
    assert not daemon.stop(signal.SIGTERM)


def test_a_program_that_does_not_go_is_killed(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_STOP_SECONDS", 0.2)
    daemon.start(python(STUBBORN))
    daemon.wait(lambda: said(daemon))
    assert daemon.stop(signal.SIGTERM)
    assert inhabitants(daemon.folder) == []


def test_a_kill_takes_the_children_along(daemon: Daemon) -> None:
    daemon.start(python(PARENT))
    daemon.wait(lambda: said(daemon))
    assert len(inhabitants(daemon.folder)) == 2
    daemon.kill()
    assert inhabitants(daemon.folder) == []
    assert daemon.process() is None
    assert daemon.pid_file.exists()


def test_a_pid_that_went_to_another_process_is_not_ours(daemon: Daemon) -> None:
    daemon.pid_file.parent.mkdir(parents=True)
    daemon.pid_file.write_text(f"{os.getpid()}@1")
    assert daemon.process() is None
    assert not daemon.stop(signal.SIGTERM)


def test_a_program_that_ends_as_it_starts_shows_what_it_said(daemon: Daemon) -> None:
    daemon.start(python("raise SystemExit('the disk is full')"))
    with pytest.raises(ServicesError, match=r"sleeper ended(.|\n)*the disk is full"):
        daemon.wait(lambda: False)


def test_an_interrupted_build_is_not_taken_for_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    builds: list[Path] = []

    def build(*, fails: bool) -> Callable[[Path], None]:
        def run(folder: Path) -> None:
            builds.append(folder)
            assert list(folder.iterdir()) == []
            (folder / "half").touch()
            if fails:
                raise KeyboardInterrupt
            (folder / "whole").touch()

        return run

    with pytest.raises(KeyboardInterrupt):
        cache.built("thing-1", build(fails=True))
    assert not cache.has("thing-1")
    assert (cache.built("thing-1", build(fails=False)) / "whole").exists()
    cache.built("thing-1", build(fails=True))
    assert len(builds) == 2


class Listener(Program):
    """A program whose port the test chooses."""

    name = "redis"
    port_variable = "REDIS_PORT"

    @property
    def port(self) -> int:
        return self.environment.redis_port

    def provide(self) -> str | None:
        return None

    def prepare(self) -> Command:
        return python(SLEEPER)


def test_a_port_that_another_program_took_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_PROGRAMS", (Listener,))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (tmp_path / ".env").write_text(f"REDIS_PORT={port}\n")
        with pytest.raises(ServicesError, match=rf"port {port} is taken.*REDIS_PORT"):
            native.Native(tmp_path).up(complete(tmp_path / ".env"))
    assert not native.Native(tmp_path).running()


def test_all_that_is_missing_is_said_at_once_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking(Listener):
        def provide(self) -> str | None:
            return f"{len(asked)}: get it"

        def prepare(self) -> Command:
            raise AssertionError

    asked = "ab"
    monkeypatch.setattr(native, "_PROGRAMS", (Lacking, Lacking))
    with pytest.raises(ServicesError) as refused:
        native.Native(tmp_path).up(complete(tmp_path / ".env"))
    assert str(refused.value).count("get it") == 2


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``docker`` that writes down what it is asked, with one variable of its environment, and lists what LISTED says."""
    program, asked = tmp_path / "bin" / "docker", tmp_path / "asked"
    program.parent.mkdir()
    lines = (
        "#!/bin/sh",
        f'echo "$* ${{REDIS_PASSWORD-}}" >> "{asked}"',
        '[ "$1" != ps ] || printf "%b" "${LISTED-}"',
        '[ "$*" != "${REFUSED-}" ]',
    )
    program.write_text("\n".join(lines))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return asked


def test_containers_are_those_of_the_env_file_whatever_the_environment_says(
    docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "another")
    containers = Compose(tmp_path)
    containers.up(complete(tmp_path / ".env"))
    containers.down(volumes=True)
    assert compose_calls(docker) == ["up --detach --wait objectstore kafka postgres redis ", "down --volumes "]


def compose_calls(docker: Path) -> list[str]:
    lines = docker.read_text().splitlines()
    return [line.removeprefix("compose ") for line in lines if line.startswith(("compose up", "compose down"))]


@pytest.fixture
def checkout(docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose services are containers."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    complete(folder / ".env")
    for name, path in {"REPOSITORY": folder, "STATE": folder / ".services", "_ENV": folder / ".env"}.items():
        monkeypatch.setattr(starter, name, path)
    return folder


def test_containers_beside_the_usual_ones_have_a_project_and_an_env_file_of_their_own(docker: Path, checkout: Path) -> None:
    env_file = checkout.with_name("own.env")
    containers = starter.beside("abc", env_file)
    containers.up(complete(env_file))
    containers.kill("kafka")
    containers.down(volumes=True)
    own = f"compose --project-name martian-moments-abc --env-file {env_file}"
    lines = [line for line in docker.read_text().splitlines() if line.startswith("compose -")]
    words = ("up --detach --wait objectstore kafka postgres redis", "kill kafka", "down --volumes")
    assert lines == [f"{own} {each} " for each in words]
    assert "label=com.docker.compose.project=martian-moments-abc " in docker.read_text()


def test_what_a_test_process_has_left_beside_the_services_goes_down_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "STATE", tmp_path)
    monkeypatch.setattr(starter, "REPOSITORY", tmp_path)
    monkeypatch.setattr(starter, "_ENV", tmp_path / ".env")
    beside = starter.beside("abc", tmp_path / "own.env")
    left = Daemon("redis", tmp_path / "beside" / "abc")
    left.start(python(SLEEPER))
    assert isinstance(beside, native.Native)
    assert beside.running()
    starter._down(volumes=False)
    assert inhabitants(left.folder) == []
    assert not left.root.exists()


def test_the_data_of_another_checkout_stays(docker: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = checkout.with_name("theirs")
    monkeypatch.setenv("LISTED", f"{checkout}\n{theirs}\n")
    with pytest.raises(ServicesError, match=rf"containers of {theirs} have"):
        starter._down(volumes=True)
    assert compose_calls(docker) == []
    assert "ps --all --filter label=com.docker.compose.project=martian-moments " in docker.read_text()


@pytest.mark.parametrize("volumes", [False, True])
def test_a_checkout_removes_its_own_containers(
    docker: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, volumes: bool
) -> None:
    link = checkout.with_name("link")
    link.symlink_to(checkout)
    monkeypatch.setenv("LISTED", f"{checkout}\n{link}\n")
    starter._down(volumes=volumes)
    assert compose_calls(docker) == ["down --volumes " if volumes else "down "]


def test_no_data_is_removed_where_docker_does_not_report_whose_it_is(
    docker: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = 'label=com.docker.compose.project=martian-moments --format {{.Label "com.docker.compose.project.working_dir"}}'
    monkeypatch.setenv("REFUSED", f"ps --all --filter {label}")
    with pytest.raises(ServicesError, match="does not report whose"):
        starter._down(volumes=True)
    assert compose_calls(docker) == []


@pytest.mark.parametrize("refused", ["info", "compose version"])
def test_containers_need_an_engine_that_responds_and_compose(
    docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    assert Compose(tmp_path).available()
    monkeypatch.setenv("REFUSED", refused)
    assert not Compose(tmp_path).available()


@pytest.mark.parametrize(
    ("containers", "runs"),
    [("kafka\\npostgres\\n", False), ("kafka\\ndaemon\\n", True), ("worker\\nworker\\n", True), ("", False)],
)
def test_no_test_gets_the_services_that_a_platform_runs_on(
    docker: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, containers: str, runs: bool
) -> None:
    environment = complete(checkout / ".env")
    monkeypatch.setattr(tests_services, "PROBES", {})
    monkeypatch.setattr(tests_services, "_environment", lambda: environment)
    monkeypatch.setenv("LISTED", containers)
    if runs:
        with pytest.raises(ServicesError, match="a platform runs on the services"):
            tests_services.find_services()
    else:
        assert tests_services.find_services().redis_port == environment.redis_port
    assert f"working_dir={checkout} " in docker.read_text()


def test_a_package_is_not_installed_for_someone_who_is_not_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "run", lambda *_args, **_options: pytest.fail("something was run"))
    lack = packages.install("redis-server", tmp_path / "log")
    assert lack is not None
    assert "sudo apt-get install --no-install-recommends redis-server" in lack


def test_a_package_starts_nothing_while_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, others = tmp_path / "sbin" / "policy-rc.d", tmp_path / "theirs"
    others.write_text("theirs")
    monkeypatch.setattr(packages, "_START_NOTHING", {policy: "exit 101", others: "ours"})
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    seen: list[bool] = []
    monkeypatch.setattr(packages, "run", lambda *_args, **_options: seen.append(os.access(policy, os.X_OK)))

    assert packages.install("redis-server", tmp_path / "log") is None

    assert seen == [True, True]
    assert not policy.exists()
    assert others.read_text() == "theirs"


@pytest.mark.parametrize("password", ["a#b", "a/b", "a b", 'a"b', "a@b", "100%", "$HOME"])
def test_a_password_that_compose_would_paste_into_an_address_wrongly_is_refused_without_it(
    tmp_path: Path, password: str
) -> None:
    complete(tmp_path / ".env")
    values = dotenv_values(tmp_path / ".env", interpolate=False)
    with pytest.raises(ServicesError, match="REDIS_PASSWORD is not accepted: use letters, digits") as refused:
        Environment.of({**values, "REDIS_PASSWORD": password})
    assert password not in str(refused.value)
