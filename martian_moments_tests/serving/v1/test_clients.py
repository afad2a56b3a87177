"""Programs that people wrote for the Mars Photos API, unchanged: three of PyPI, two of npm.

They differ in what they rely on: nasapy on a header of the gateway, pyasan on the types and names of all fields, marstuff on
the rover and camera objects, nasa-sdk sends ``camera=undefined`` without one, node-bowshock asks for Earth dates.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from martian_moments_tests.serving.home import ServedHome

PYTHON: Final = ("nasapy==0.2.7", "pyasan==0.4.4", "httpx==0.28.1", "pandas", "pillow")
"""httpx and pillow are for marstuff, which asks for older ones, and pandas for nasapy, which does not say so."""

MARSTUFF: Final = "marstuff==0.2.0"
NODE: Final = ("nasa-sdk@1.1.10", "node-bowshock@3.2.0")

IN_PYTHON: Final = """
import asyncio, json, sys
from marstuff import AsyncClient, Client
from nasapy import Nasa
from pyasan import MarsRoverPhotosClient
from pyasan.config import Config

address = sys.argv[1]
nasa = Nasa("key")
nasa.host = address
config = Config(api_key="key")
config.base_url = address
pyasan = MarsRoverPhotosClient(config=config)
marstuff = Client("key", base_url=address + "/api/v1/")
manifest = pyasan.get_manifest("curiosity").photo_manifest
print(json.dumps({
    "nasapy": [each["id"] for each in nasa.mars_rover(sol=1000, page=2)],
    "nasapy by date": [each["id"] for each in nasa.mars_rover(earth_date="2015-05-30", camera="CHEMCAM")],
    "nasapy remaining": int(nasa.limit_remaining),
    "pyasan": [each.id for each in pyasan.get_photos("curiosity", sol=1000)],
    "pyasan latest": len(pyasan.get_latest_photos("perseverance")),
    "pyasan manifest": [manifest.name, manifest.max_sol, manifest.total_photos, len(manifest.photos)],
    "marstuff": [each.id for each in marstuff.get_all_photos("curiosity", sol=1000)],
    "marstuff camera": str(marstuff.get_photos("curiosity", sol=1000, camera="CHEMCAM")[0].camera.full_name),
    "marstuff async": len(asyncio.run(AsyncClient("other", base_url=address + "/api/v1/").get_photos("spirit", sol=1))),
}))
"""

IN_NODE: Final = """
const http = require('http'), https = require('https');
// Both have the address of api.nasa.gov in them: what goes there by TLS comes here.
https.request = (options, callback) => {
  if ((options.hostname || options.host) !== 'api.nasa.gov') throw new Error(`asked ${JSON.stringify(options)}`);
  const here = {protocol: 'http:', host: '127.0.0.1', hostname: '127.0.0.1', port: process.argv[2], agent: undefined};
  return http.request({...options, ...here}, callback);
};
https.get = (options, callback) => { const request = https.request(options, callback); request.end(); return request; };
process.env.NASA_API_KEY = 'key';
const { MarsPhotos: marsPhotos } = require('nasa-sdk');
const { mars } = require('node-bowshock');
(async () => console.log(JSON.stringify({
  'nasa-sdk': (await marsPhotos.fetch('curiosity', {sol: 1000, camera: 'chemcam'})).photos.map(each => each.id),
  'nasa-sdk without camera': (await marsPhotos.fetch('curiosity', {sol: 1000})).photos.length,
  'nasa-sdk manifest': (await marsPhotos.manifest('spirit')).photo_manifest.total_photos,
  'node-bowshock': (await mars.curiosity('2015-05-30')).photos.map(each => each.id),
  'node-bowshock manifest': (await mars.manifest({rover: 'curiosity'})).photo_manifest.total_photos,
})))();
"""


def said(folder: Path, *command: str) -> Any:
    """The JSON of the last line that a program prints; marstuff prints lines of its own."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def install(folder: Path, *commands: Sequence[str]) -> None:
    """Without a package index there is nothing to test; CI has one."""
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = f"not installed: {done.stderr.strip()[-300:]}"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="module")
def original(real_payloads: Path) -> list[dict[str, Any]]:
    """Curiosity's sol 1000 as v1 sent it."""
    records: list[dict[str, Any]] = json.loads((real_payloads / "v1_photos_curiosity_sol1000_2023-07.json").read_text())[
        "photos"
    ]
    assert {each["earth_date"] for each in records} == {"2015-05-30"}
    return records


def ids_of(records: list[dict[str, Any]], camera: str | None = None) -> list[int]:
    return [each["id"] for each in records if camera in {None, each["camera"]["name"]}]


@pytest.fixture(scope="module")
def newest(served: ServedHome) -> int:
    """How many full frames Perseverance's newest sol has."""
    photos = served.published.read("silver", "fact_photos", ["rover", "sol", "is_thumbnail"])
    assert photos is not None
    sols = [row["sol"] for row in photos.to_pylist() if row["rover"] == "perseverance" and not row["is_thumbnail"]]
    return sols.count(max(sols))


def test_nasapy_pyasan_and_marstuff(address: str, original: list[dict[str, Any]], newest: int, tmp_path: Path) -> None:
    python = str(tmp_path / "clients" / "bin" / "python")
    uv = (sys.executable, "-m", "uv", "--quiet")
    install(
        tmp_path,
        (*uv, "venv", "clients"),
        (*uv, "pip", "install", "--python", python, *PYTHON),
        (*uv, "pip", "install", "--python", python, "--no-deps", MARSTUFF),
    )
    assert said(tmp_path, python, "-c", IN_PYTHON, address) == {
        "nasapy": ids_of(original)[25:50],
        "nasapy by date": ids_of(original, "CHEMCAM")[:25],
        "nasapy remaining": 1000,
        "pyasan": ids_of(original),
        "pyasan latest": newest,
        "pyasan manifest": ["Curiosity", 1489, 873, 3],
        "marstuff": ids_of(original),
        "marstuff camera": "Chemistry and Camera Complex",
        "marstuff async": 25,
    }


def test_nasa_sdk_and_node_bowshock(address: str, original: list[dict[str, Any]], tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no Node.js on this machine")
    install(tmp_path, (npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", *NODE))
    (tmp_path / "ask.js").write_text(IN_NODE)
    port = address.rpartition(":")[2]
    assert said(tmp_path, node, "ask.js", port) == {
        "nasa-sdk": ids_of(original, "CHEMCAM"),
        # It sends camera=undefined, which was no camera of the original either.
        "nasa-sdk without camera": 0,
        "nasa-sdk manifest": 77,
        "node-bowshock": ids_of(original),
        "node-bowshock manifest": 873,
    }
