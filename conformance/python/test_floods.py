"""A gigabyte of output from one invocation, and from several at a time: what it costs the server, its folder and others."""

import threading
import time
from pathlib import Path

import pytest

MIB = 1 << 20
# Lines of 1 KB, a mebibyte a write.
FLOOD = """import os
PIECE = (b'x' * 1023 + b'\\n') * 1024
def handler(mib, context):
    for _ in range(mib):
        left = memoryview(PIECE)
        while left:
            left = left[os.write(1, left):]
    return mib
"""
ECHO = "def handler(event, context):\n    return event\n"


def memory_mib(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def folder_mib(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MIB


@pytest.mark.parametrize("floods, each_mib", [(1, 1024), (4, 256)])
def test_a_gigabyte_of_output_harms_nobody(server, deploy, invoke, floods, each_mib):
    flood, echo = deploy(FLOOD, runtime="python3.12", Timeout=60), deploy(ECHO, runtime="python3.12")
    invoke(echo, 0)
    before = memory_mib(server.process.pid), folder_mib(server.data)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(invoke(flood, each_mib))) for _ in range(floods)]
    for thread in threads:
        thread.start()
    beside = 0
    while any(thread.is_alive() for thread in threads):
        assert invoke(echo, beside)[0] == beside
        beside += 1
        assert memory_mib(server.process.pid) < before[0] + 128
        time.sleep(0.02)
    for answer, error, log in answers:
        assert (answer, error) == (each_mib, None)
        assert "dropped: an invocation may log 4194304 bytes" in log
    assert len(answers) == floods
    assert beside > 0 and folder_mib(server.data) < before[1] + 64
