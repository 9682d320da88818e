"""An S3 server that checks signatures: OpenStack Swift with s3api, in four processes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ACCESS_KEY, SECRET_KEY, REGION = "test:tester", "testing123", "us-east-1"
GUEST_KEY, GUEST_SECRET = "test:guest", "guest123"
"""Of a user without any rights."""

_SERVERS = ("account", "container", "object")
_MODULES = {"object": "obj"}

_NODE = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
log_address = /dev/null
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""

_PROXY = f"""
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {{port}}
workers = 0
user = {{user}}
swift_dir = {{folder}}
log_address = /dev/null
[pipeline:main]
pipeline = catch_errors s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:s3api]
use = egg:swift#s3api
s3_acl = no
location = {REGION}
check_bucket_owner = no
[filter:tempauth]
use = egg:swift#tempauth
user_{ACCESS_KEY.replace(":", "_")} = {SECRET_KEY} .admin
user_{GUEST_KEY.replace(":", "_")} = {GUEST_SECRET}
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""

_SWIFT_CONF = """
[swift-hash]
swift_hash_path_prefix = a
swift_hash_path_suffix = b
[storage-policy:0]
name = gold
default = yes
"""

_BUILD_RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, *nodes = sys.argv[1:]
for node in nodes:
    name, port = node.split(":")
    ring = RingBuilder(4, 1, 1)
    device = {"device": "d1", "ip": "127.0.0.1", "port": int(port)}
    ring.add_dev(device | {"region": 1, "zone": 1, "weight": 1, "meta": ""})
    ring.rebalance(seed=1)
    ring.get_ring().save(f"{folder}/{name}.ring.gz")
"""

_START = """
import ctypes, signal, sys
if sys.platform == "linux": # end with the tests, even if those are killed
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
from swift.{name}.server import main
sys.exit(main())
"""

_READY_SECONDS = 120.0


@dataclass(frozen=True)
class S3Server:
    """A server that answers, and who may do everything there."""

    url: str
    """As in NEURALIB_STORAGE_URL, with a bucket."""
    is_swift: bool
    """Ours, with the users of this file."""

    def bucket(self, name: str) -> str:
        """Name another bucket on this server."""
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server that the environment names, or one of our own."""
    named = os.environ.get("NEURALIB_TEST_STORAGE_URL")
    if named:
        yield S3Server(named, is_swift=False)
        return
    with running_s3(tmp_path_factory.mktemp("s3")) as url:
        yield S3Server(url, is_swift=True)


@contextlib.contextmanager
def running_s3(folder: Path) -> Iterator[str]:
    """Run a server that keeps its objects in `folder`; give the address of a bucket."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        port = _start_swift(folder, started)
        login = f"{ACCESS_KEY.replace(':', '%3A')}:{SECRET_KEY}"
        yield f"s3://{login}@127.0.0.1:{port}/neuralib?secure=false&region={REGION}"
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


@pytest.fixture(scope="session")
def storage_url(s3_server: S3Server) -> str:
    """A bucket for everything that does not care which; it may not be there yet."""
    return s3_server.url


def _start_swift(folder: Path, started: list[subprocess.Popen[bytes]]) -> int:
    (folder / "devices" / "d1").mkdir(parents=True)
    _check_attributes(folder)
    (folder / "swift.conf").write_text(_SWIFT_CONF)
    *ports, proxy = _free_ports(len(_SERVERS) + 1)
    nodes = [f"{name}:{port}" for name, port in zip(_SERVERS, ports, strict=True)]
    subprocess.run([sys.executable, "-c", _BUILD_RINGS, str(folder), *nodes], check=True)
    for name, port in zip(_SERVERS, ports, strict=True):
        started.append(_start(folder, name, _NODE, port))
    started.append(_start(folder, "proxy", _PROXY, proxy))
    for port in (*ports, proxy):
        _wait(folder, started, port)
    return proxy


def _start(folder: Path, name: str, form: str, port: int) -> subprocess.Popen[bytes]:
    conf = folder / f"{name}.conf"
    user = _user()
    conf.write_text(form.format(name=name, port=port, folder=folder, user=user))
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                _START.format(name=_MODULES.get(name, name)),
                str(conf),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _wait(folder: Path, started: list[subprocess.Popen[bytes]], port: int) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and all(process.poll() is None for process in started):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    logs = "\n".join(
        f"{log.name}: {log.read_text(errors='replace')}" for log in folder.glob("*.log")
    )
    raise RuntimeError(f"Swift did not start on port {port}\n{logs}")


def _check_attributes(folder: Path) -> None:
    try:
        os.setxattr(folder, "user.swift.test", b"1")
    except OSError as error:
        raise RuntimeError(
            f"Swift keeps metadata in extended attributes, and {folder} has none ({error}); set "
            "TMPDIR to a folder on another file system, or NEURALIB_TEST_STORAGE_URL"
        ) from error


def _free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on; all at once, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _user() -> str:
    import pwd  # not on Windows, where Swift does not run either

    return pwd.getpwuid(os.getuid()).pw_name
