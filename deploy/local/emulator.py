#!/usr/bin/env python3
"""Runs a Lambda package on this machine: `bootstrap` from a zip, with the environment that Lambda gives it, against a
Runtime API (2018-06-01) that hands it events from files, one after the other.

What the function logs goes to standard error, and its answers to standard output, a line each. Variables of AWS_ and
TRAILWIRE_ are passed on; no other ones are. A `bootstrap` for arm64 runs on other machines under qemu. Exit status: 0
when every event was answered, 1 when an answer was an error or did not come, 2 when the function could not be started.
"""

import argparse
import http.server
import os
import platform
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile

# The machines of ELF headers, and what Python and qemu call them.
MACHINES = {62: "x86_64", 183: "aarch64"}
ACCOUNT = "123456789012"


class Refused(Exception):
    """Why the function cannot be started, and what to do."""


class Runtime(http.server.ThreadingHTTPServer):
    """The Runtime API. Answers are pairs: whether it is an error, and the body; `None` once the function has ended."""

    daemon_threads = True

    def __init__(self, name, region, timeout):
        super().__init__(("127.0.0.1", 0), Handler)
        self.arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"
        self.timeout_seconds = timeout
        self.events = queue.Queue()
        self.answers = queue.Queue()
        self.ready = threading.Event()
        self.current = None

    def handle_error(self, *_):
        """The function breaks its connections when it ends."""

    def invoke(self, event):
        """Hands out an event and takes its answer; `queue.Empty` where none comes in time."""
        self.events.put(event)
        # A second more than the function has been told.
        return self.answers.get(timeout=self.timeout_seconds + 1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    prefix = "/2018-06-01/runtime/"

    def do_GET(self):
        if self.path != self.prefix + "invocation/next":
            return self.reply(404, b"{}")
        self.server.ready.set()
        event = self.server.events.get()
        self.server.current = str(uuid.uuid4())
        deadline = int((time.time() + self.server.timeout_seconds) * 1000)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": self.server.current,
            "Lambda-Runtime-Invocation-Id": self.server.current,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        self.reply(200, event, headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8", "replace")
        if self.path == self.prefix + "init/error":
            print(body, file=sys.stderr)
        elif self.path == f"{self.prefix}invocation/{self.server.current}/response":
            self.server.answers.put((False, body))
        elif self.path == f"{self.prefix}invocation/{self.server.current}/error":
            self.server.answers.put((True, body))
        else:
            return self.reply(400, b'{"errorType":"InvalidRequestID"}')
        self.reply(202, b'{"status":"OK"}')

    def reply(self, status, body, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def unpack(package, folder):
    """Unpacks a zip as Lambda does, modes too; or takes a `bootstrap` as it is. Returns the path of `bootstrap`."""
    bootstrap = os.path.join(folder, "bootstrap")
    if not zipfile.is_zipfile(package):
        shutil.copy(package, bootstrap)
        return bootstrap
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, folder)
            mode = entry.external_attr >> 16 & 0o777
            if mode and not entry.is_dir():
                os.chmod(path, mode)
    if not os.path.isfile(bootstrap):
        raise Refused(f"{package}: there is no bootstrap at its top level")
    if not os.access(bootstrap, os.X_OK):
        raise Refused(f"{package}: bootstrap is not executable: Lambda could not start it")
    return bootstrap


def command(bootstrap, sysroot):
    """What runs `bootstrap` here."""
    with open(bootstrap, "rb") as file:
        header = file.read(20)
    machine = MACHINES.get(int.from_bytes(header[18:20], "little"))
    if header[:4] != b"\x7fELF" or machine is None:
        raise Refused("bootstrap is no Linux program for x86_64 or arm64")
    if machine == platform.machine():
        return [bootstrap]
    qemu = shutil.which(f"qemu-{machine}-static") or shutil.which(f"qemu-{machine}")
    sysroot = sysroot or f"/usr/{machine}-linux-gnu"
    if qemu is None or not os.path.isdir(sysroot):
        raise Refused(
            f"bootstrap is for {machine}, which this machine has to emulate: install qemu-user-static and the C library "
            f"for {machine} (on Debian and Ubuntu: apt install qemu-user-static libc6-arm64-cross), or build it for "
            f"{platform.machine()}"
        )
    return [qemu, "-L", sysroot, bootstrap]


def environment(runtime, folder, name, memory, region):
    """As Lambda sets it, beside what the caller sets."""
    passed = {key: value for key, value in os.environ.items() if key.startswith(("AWS_", "TRAILWIRE_"))}
    # Lambda has neither of both, and they would lead to files of whoever runs this.
    for key in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        passed.pop(key, None)
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        **passed,
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % runtime.server_address[1],
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "LAMBDA_TASK_ROOT": folder,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": "bootstrap",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", help="a zip as Lambda takes it, or a bootstrap by itself")
    parser.add_argument("event", nargs="+", help="a file with an event, as JSON")
    parser.add_argument("--name", default="trailwire", help="the function's name")
    parser.add_argument("--memory", type=int, default=128, help="the function's memory in MB, which is told and not kept")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for the start, and for each event")
    parser.add_argument("--sysroot", help="where the C library for the package's processor is")
    arguments = parser.parse_args()
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-west-1"
    try:
        events = []
        for path in arguments.event:
            with open(path, "rb") as file:
                events.append(file.read())
        with tempfile.TemporaryDirectory() as folder:
            return run(arguments, region, folder, events)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    except Refused as error:
        print(error, file=sys.stderr)
    return 2


def run(arguments, region, folder, events):
    bootstrap = unpack(arguments.package, folder)
    runtime = Runtime(arguments.name, region, arguments.timeout)
    threading.Thread(target=runtime.serve_forever, daemon=True).start()
    variables = environment(runtime, folder, arguments.name, arguments.memory, region)
    # All that it prints is its log; standard output is for answers.
    function = subprocess.Popen(
        command(bootstrap, arguments.sysroot), cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    threading.Thread(target=lambda: (function.wait(), runtime.answers.put(None)), daemon=True).start()
    try:
        end = time.monotonic() + arguments.timeout
        while not runtime.ready.wait(0.01):
            if function.poll() is not None or time.monotonic() > end:
                raise Refused("the function did not start: its log says why")
        failed = False
        for event in events:
            try:
                answer = runtime.invoke(event)
            except queue.Empty:
                print(f"no answer in {arguments.timeout} s", file=sys.stderr)
                return 1
            if answer is None:
                print(f"the function ended with status {function.wait()}", file=sys.stderr)
                return 1
            error, body = answer
            print(body, flush=True)
            failed |= error
        return int(failed)
    finally:
        function.kill()
        function.wait()


if __name__ == "__main__":
    sys.exit(main())
