"""Tests of `common.errors`."""

import os
import subprocess
import sys


def test_a_reader_that_stops_reading_causes_no_traceback():
    read, write = os.pipe()
    os.close(read)
    code = "from common import errors; errors.run(lambda: print('x' * 100_000))"
    command = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (command.returncode, command.stderr) == (1, "")
