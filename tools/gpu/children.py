# ===- children.py - requests to child processes with time limits ---------===#
"""A child takes requests one after the other and is replaced where one crashes or
takes too long, so that a hang costs one request and the others are still run.
"""

import json
import os
import select
import signal
import subprocess
import sys


class Child:
    """A process of `command` that `serve` runs, started when it is needed."""

    def __init__(self, command, timeout):
        self.command, self.timeout, self.process = command, timeout, None

    def run(self, request):
        """The answer, or None where the child has crashed or taken too long."""
        if self.process is None:
            # In a group of its own: PyTorch's compiler has children too.
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, start_new_session=True,
            )
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], self.timeout)
            line = self.process.stdout.readline() if ready else ""
        except BrokenPipeError:
            line = ""
        if line:
            return json.loads(line)
        self.kill()
        return None

    def kill(self):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None


def serve(answer):
    """Prints `answer` of each request of standard input, an object a line."""
    # Libraries print where they like: that goes to the standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
