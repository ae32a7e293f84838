# SPDX-License-Identifier: Apache-2.0
"""interrupt.py COMMAND...: ends a command while it asks for a password, by a
signal and by Ctrl-C. The terminal must be left as it was, with echo."""
import os
import pty
import signal
import sys
import termios
import time


def flags(terminal):
    return termios.tcgetattr(terminal)[3]


def run(end):
    """The command's wait status, and the terminal's flags before, while it
    asks, and after."""
    terminal, other = pty.openpty()
    before = flags(terminal)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(os.open(os.ttyname(other), os.O_RDWR))
        for fd in range(3):
            os.dup2(other, fd)
        os.execvp(sys.argv[1], sys.argv[1:])
    seen = b""
    while not seen.endswith(b": "):
        seen += os.read(terminal, 1024)
    for _ in range(500):
        if not flags(terminal) & termios.ECHO:
            break
        time.sleep(0.01)
    asking = flags(terminal)
    end(pid, terminal)
    status = os.waitpid(pid, 0)[1]
    return status, before, asking, flags(terminal)


bad = 0
for name, end, good in [
        ("SIGTERM", lambda pid, _: os.kill(pid, signal.SIGTERM),
         lambda status: os.WIFSIGNALED(status) and
         os.WTERMSIG(status) == signal.SIGTERM),
        ("SIGINT", lambda pid, _: os.kill(pid, signal.SIGINT),
         lambda status: os.WIFSIGNALED(status) and
         os.WTERMSIG(status) == signal.SIGINT),
        ("Ctrl-C", lambda _, terminal: os.write(terminal, b"abc\x03"),
         lambda status: os.WIFEXITED(status) and
         os.WEXITSTATUS(status) == 1)]:
    status, before, asking, after = run(end)
    if asking & termios.ECHO or after != before or not good(status):
        sys.stderr.write(f"{name}: status {status}, flags {before:o} "
                         f"{asking:o} {after:o}\n")
        bad = 1
sys.exit(bad)
