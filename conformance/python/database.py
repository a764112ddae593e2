"""A PostgreSQL server of the tests' own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path


def program(name):
    """A program of PostgreSQL's, which Debian does not put on the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else shutil.which(name)


class Database:
    """A cluster in a temporary folder, on a Unix socket; PostgreSQL refuses to run as root."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="rushlight-pg-"))
        self.user = {}
        if os.getuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            other = names.get("postgres") or names["nobody"]
            os.chown(self.folder, other.pw_uid, other.pw_gid)
            self.user = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}
        self.schemas = 0
        self.run("initdb", "-A", "trust", "-U", "rushlight", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    def run(self, name, *words):
        command = [program(name), "-D", self.folder / "data", *words]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self.user
        )

    def start(self):
        options = f"-k {self.folder} -c listen_addresses= -c max_connections=300"
        self.run("pg_ctl", "-w", "-o", options, "-l", self.folder / "log", "start")

    def stop(self):
        """As a crash would."""
        self.run("pg_ctl", "-m", "immediate", "stop")

    def url(self):
        return f"postgres://rushlight@{str(self.folder).replace('/', '%2F')}/postgres"

    def empty(self):
        """A URL with a schema that nobody has used."""
        self.schemas += 1
        return f"{self.url()}?schema=test_{self.schemas}"

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
