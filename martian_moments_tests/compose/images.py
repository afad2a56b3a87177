"""The images of the test: those that docker-compose.yml names where a registry responds, else stand-ins built here.

A stand-in is the same program, from Go's, Maven's or Debian's packages, in an image with the entry point, the variables, the
user and the folders of the original. What a test with stand-ins does not show is how the originals behave.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from martian_moments_tests.compose.engine import Engine
from services import packages
from services.environment import Environment
from services.errors import ServicesError
from services.kafka import Kafka
from services.objectstore import ObjectStore
from services.processes import run

SERVICES = ("objectstore", "kafka", "postgres", "redis")

_RECIPES = Path(__file__).parent / "stand_ins"
_BASE = "martian-moments-stand-in/debian:bookworm"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

# As in the original image: what apt fetches and computes does not stay in a layer.
_APT = (
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };\nDir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n'
)


def stand_ins(engine: Engine, environment: Environment) -> dict[str, str]:
    """Build the stand-ins; returns the variables that put them in the originals' place."""
    if not engine.has("image", "inspect", _BASE):
        _import_base(engine)
    names = {service: f"martian-moments-stand-in/{service}" for service in SERVICES}
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        shutil.copytree(_RECIPES, context)
        root = Path(folder) / "services"
        objectstore, kafka = ObjectStore(environment, root), Kafka(environment, root)
        if lacks := [lack for program in (objectstore, kafka) if (lack := program.provide())]:
            raise ServicesError(f"The stand-ins need {' and '.join(lacks)}")
        shutil.copy(objectstore.binary(), context / "objectstore")
        shutil.copytree(kafka.jars(), context / "kafka" / "jars")
        for service, name in names.items():
            print(f"{service}: building its stand-in", flush=True)
            engine.docker("build", "--build-arg", f"BASE_IMAGE={_BASE}", "--tag", name, context / service)
    return {"BASE_IMAGE": _BASE, **{f"{service.upper()}_IMAGE": name for service, name in names.items()}}


def _import_base(engine: Engine) -> None:
    """A minimal Debian that trusts whom this machine trusts."""
    print("debian: making the stand-in's base, once; this takes a minute", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        log, root, archive = (Path(folder) / name for name in ("log", "root", "root.tar"))
        if shutil.which("debootstrap") is None and (lack := packages.install("debootstrap", log)):
            raise ServicesError(f"The stand-ins need {lack}")
        run(["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", root], log=log)
        shutil.copy(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
        (root / "etc/apt/apt.conf.d/docker-clean").write_text(_APT)
        shutil.rmtree(root / "var/lib/apt/lists")
        shutil.rmtree(root / "var/cache/apt")
        subprocess.run(["tar", "--create", "--directory", root, "--file", archive, "."], check=True)
        engine.docker("import", archive, _BASE)
