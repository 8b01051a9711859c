#!/usr/bin/env python3
"""How trailwire starts, beside the least that a function of its kind is (`bare/`): from exec to its first request for an
event, the memory that is resident then, and the sizes of the program and of its zip. Exit status 1 when a bound is not
kept.

    benches/cold-start/measure.py                    builds both with this machine's linker, and runs them in turns
    benches/cold-start/measure.py --lambda x86-64    with cargo-lambda, as they are packaged
    benches/cold-start/measure.py --lambda arm64     (on another machine that is the sizes only)

Both are of the same crates in the same versions, with the same profile.
"""

import argparse
import io
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
import zipfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))

# Trailwire's program, in bytes.
MAX_BYTES = 12_000_000
# Trailwire, in parts of the bare program: time to the first request, and resident memory there.
MAX_RATIO = 1.3

# What cargo-lambda and the kernel call the processors of Lambda.
MACHINES = {"arm64": "aarch64", "x86-64": "x86_64"}

ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "trailwire",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "TRAILWIRE_RULES": "cis",
    "TRAILWIRE_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:alerts",
}


def build(architecture):
    """Builds both programs, for this machine or with cargo-lambda; returns their paths, the bare one first."""
    bare = os.path.join(TARGET, "cold-start")
    shutil.rmtree(bare, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "benches/cold-start/bare"), bare)
    # What it does not need of that falls away.
    shutil.copy(os.path.join(ROOT, "Cargo.lock"), bare)
    cargo, paths = ["cargo", "build"], ("dist/bare", "dist/bootstrap")
    if architecture:
        cargo = ["cargo", "lambda", "build", f"--{architecture}"]
        paths = ("lambda/bare/bootstrap", "lambda/bootstrap/bootstrap")
    ours = ["--locked", "--no-default-features", "--features", "lambda", "--bin", "bootstrap"]
    # Both in the same place: Cargo's configuration is that of the folder.
    for more in [["--manifest-path", os.path.join(bare, "Cargo.toml")], ours]:
        environment = {**os.environ, "CARGO_TARGET_DIR": TARGET}
        subprocess.run([*cargo, "--profile", "dist", *more], cwd=ROOT, env=environment, check=True)
    return [os.path.join(TARGET, path) for path in paths]


def start(program, listener):
    """Runs a program until it asks for an event; returns milliseconds, and KiB resident as VmRSS and Pss."""
    port = listener.getsockname()[1]
    environment = {**ENVIRONMENT, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    connection = None
    begun = time.perf_counter_ns()
    process = os.posix_spawn(program, [program], environment, file_actions=silent)
    try:
        connection, _ = listener.accept()
        connection.settimeout(listener.gettimeout())
        request = b""
        while b"/runtime/invocation/next" not in request:
            got = connection.recv(4096)
            if not got:
                sys.exit(f"{program} asked for something else: {request}")
            request += got
        took = (time.perf_counter_ns() - begun) / 1e6
        # It has nothing to do any more but what it began before.
        time.sleep(0.02)
        return took, field(process, "status", "VmRSS:"), field(process, "smaps_rollup", "Pss:")
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        # Only now: it would complain of it.
        if connection:
            connection.close()


def field(process, file, name):
    with open(f"/proc/{process}/{file}") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name))


def zipped(program):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(program, "bootstrap")
    return len(file.getvalue())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=41, help="starts of each program")
    parser.add_argument("--lambda", choices=MACHINES, dest="architecture", help="build for this with cargo-lambda")
    arguments = parser.parse_args()
    programs = build(arguments.architecture)
    runs_here = MACHINES.get(arguments.architecture, platform.machine()) == platform.machine()

    rows = [("program, bytes", [os.path.getsize(program) for program in programs])]
    rows.append(("zip, bytes", [zipped(program) for program in programs]))
    size = rows[0][1][1]
    failed = size > MAX_BYTES
    bounded = {}
    if runs_here:
        samples = ([], [])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(30)
            for program in programs:
                start(program, listener)
            for run in range(arguments.runs):
                # In turns, and each as often the first as the second: the clock of a machine drifts.
                for which in (0, 1) if run % 2 else (1, 0):
                    samples[which].append(start(programs[which], listener))
        for column, what in enumerate(["first request, ms", "VmRSS, KiB", "Pss, KiB"]):
            rows.append((what, [statistics.median(sample[column] for sample in of) for of in samples]))
            bounded[what] = column < 2

    print(f"{'':20}{'bare':>12}{'trailwire':>12}{'ratio':>8}")
    for what, (bare, ours) in rows:
        ratio, digits, bound = ours / bare, 1 if what.endswith("ms") else 0, ""
        if bounded.get(what):
            missed = ratio > MAX_RATIO
            failed |= missed
            bound = f"  at most {MAX_RATIO}" + (": MISSED" if missed else "")
        print(f"{what:20}{bare:12,.{digits}f}{ours:12,.{digits}f}{ratio:8.2f}{bound}")
    if runs_here:
        print(f"medians of {arguments.runs} starts each, in turns")
    if size > MAX_BYTES:
        print(f"trailwire's program is larger than {MAX_BYTES:,} bytes")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
