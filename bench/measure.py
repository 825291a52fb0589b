"""Runs one command and prints what it cost, as JSON: wall seconds, user and
system CPU seconds, peak RSS in bytes of the largest process, exit code.

It is a program of its own because it must be small: the peak of a child counts
from what it shares with its parent before exec on, so that a large parent
would be measured instead of a small child.

    measure.py SECONDS CPUS LOG COMMAND...     CPUS: the CPUs to use, as in 0,1
"""

import json
import os
import signal
import sys
import time

seconds, cpus, log, command = float(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
os.sched_setaffinity(0, [int(c) for c in cpus.split(",")])
start = time.monotonic()
child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    (os.POSIX_SPAWN_DUP2, 1, 2),
])
late = []
signal.signal(signal.SIGALRM, lambda *_: (late.append(True), os.killpg(child, signal.SIGKILL)))
signal.setitimer(signal.ITIMER_REAL, seconds)
try:
    _, status, usage = os.wait4(child, 0)
except KeyboardInterrupt:
    os.killpg(child, signal.SIGKILL)
    sys.exit("interrupted")
wall = time.monotonic() - start
signal.setitimer(signal.ITIMER_REAL, 0)
print(json.dumps({
    "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss << 10,
    "code": os.waitstatus_to_exitcode(status), "late": bool(late),
}))
