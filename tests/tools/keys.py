# SPDX-License-Identifier: Apache-2.0
"""keys.py COMMAND...: types keys that are no part of a password while a command
asks for one, and stops it and lets it go on, as a shell does. The command
succeeds only with the password "other", and reports a wrong one."""
import fcntl
import os
import select
import signal
import sys
import termios
import time

RIGHT = b"other\n"


def shell(other):
    """The session's leader: runs the command as a job in the foreground, and
    tells its parent on the job's stopping by stopping as well."""
    os.setsid()
    fcntl.ioctl(other, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(other, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        for fd in range(3):
            os.dup2(other, fd)
        os.execvp(sys.argv[1], sys.argv[1:])
    while True:
        status = os.waitpid(job, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            os._exit(os.waitstatus_to_exitcode(status) & 127)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.tcsetpgrp(other, job)
        os.killpg(job, signal.SIGCONT)


class Run:
    def __init__(self):
        self.terminal, self.other = os.openpty()
        self.before = self.flags()
        self.pid = os.fork()
        if self.pid == 0:
            shell(self.other)
        self.seen = b""
        self.questions = 0

    def flags(self):
        return termios.tcgetattr(self.terminal)[3]

    def question(self):
        """Waits for the next one, and for the terminal to be ready for it."""
        self.questions += 1
        while self.seen.count(b"Password") < self.questions or \
                not self.seen.endswith(b": "):
            assert select.select([self.terminal], [], [], 20)[0], "no question"
            self.seen += os.read(self.terminal, 1024)
        for _ in range(500):
            if not self.flags() & termios.ECHO:
                return
            time.sleep(0.01)
        raise AssertionError("echo")

    def type(self, keys):
        os.write(self.terminal, keys)

    def job(self):
        return os.tcgetpgrp(self.terminal)

    def stopped(self):
        for _ in range(1000):
            pid, status = os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG)
            if pid != 0:
                assert os.WIFSTOPPED(status), f"ended: {status}"
                assert self.flags() == self.before, "terminal not as before"
                os.kill(self.pid, signal.SIGCONT)
                return
            time.sleep(0.01)
        raise AssertionError("did not stop")

    def end(self):
        end = time.monotonic() + 20
        os.set_blocking(self.terminal, False)
        while time.monotonic() < end:
            try:
                self.seen += os.read(self.terminal, 1024)
            except OSError:
                pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                assert self.flags() == self.before, "terminal not as before"
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        raise AssertionError("did not end")


    def leave(self):
        """Ends what has not ended by itself."""
        job = self.job()
        if job > 1:
            os.killpg(job, signal.SIGKILL)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def suspended(run):
    run.question()
    run.type(b"ot\x1a")
    run.stopped()
    run.question()
    run.type(RIGHT)
    return run.end() == 0


def stopped_from_outside(run):
    run.question()
    run.type(b"ot")
    os.killpg(run.job(), signal.SIGTSTP)
    run.stopped()
    run.question()
    run.type(RIGHT)
    return run.end() == 0


def quits(run):
    run.question()
    run.type(b"other\x1c")
    return run.end() == 1


def spoilt(keys):
    def way(run):
        run.question()
        run.type(keys)
        run.question()
        run.type(RIGHT)
        return run.end() == 0 and b"Not taken" in run.seen
    return way


bad = 0
for name, way in [("Ctrl-Z", suspended), ("SIGTSTP", stopped_from_outside),
                  ("Ctrl-\\", quits), ("arrow", spoilt(b"other\x1b[D\n")),
                  ("Tab", spoilt(b"o\tther\n")),
                  ("Escape", spoilt(b"\x1b" + RIGHT)),
                  ("Ctrl-A", spoilt(b"\x01\x04"))]:
    run = Run()
    try:
        good = way(run)
        assert b"wrong" not in run.seen, "it was tried"
        assert good, "answer"
    except (AssertionError, OSError) as problem:
        sys.stderr.write(f"{name}: {problem}: {run.seen!r}\n")
        run.leave()
        bad = 1
sys.exit(bad)
