# SPDX-License-Identifier: Apache-2.0
"""prompt.py COMMAND...: runs a command on a terminal of its own and types a
wrong password with a correction, then, after a while, the right one. Nothing
that was typed may be echoed, and nothing be written over a question."""
import os
import pty
import select
import sys

WRONG, RIGHT = b"nonsense", b"othex\x7fr"

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

seen = b""
answers = [WRONG, RIGHT]
while True:
    try:
        more = os.read(terminal, 1024)
    except OSError:
        break
    if not more:
        break
    seen += more
    if answers and seen.count(b": ") + seen.count(b"wrong.") > 0 and \
            seen.endswith(b": "):
        if len(answers) == 1 and select.select([terminal], [], [], 2.2)[0]:
            sys.stderr.write(f"{seen + os.read(terminal, 1024)!r}\n")
            sys.exit(1)
        os.write(terminal, answers.pop(0) + b"\n")

status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if WRONG in seen or b"oth" in seen or answers or b"wrong" not in seen:
    sys.stderr.write(repr(seen) + "\n")
    sys.exit(1)
sys.exit(status)
