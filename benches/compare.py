#!/usr/bin/env python3
"""Time and memory of trailwire beside what is at hand on most machines: jq, ripgrep, the AWS guide's function in Node.js,
DuckDB. All ask the same rule of three fields of the same gzip file, in turns with trailwire; answers are checked.

    benches/compare.py                      builds trailwire, makes a file of 100 MB, prints a table
    benches/compare.py --bytes 500000000    of so many bytes, decompressed
    benches/compare.py --file FILE.json.gz  one of your own
    benches/compare.py --write              also writes benches/results.json, which docs/draw.py draws

What is not installed is left out, and told. Needs Linux, for the peaks of memory. DuckDB is the Python package `duckdb`.
"""

import argparse
import gzip
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
HERE = os.path.join(ROOT, "benches")
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
TRAILWIRE = os.path.join(TARGET, "release/trailwire")

PATTERN = '{"eventType":["AwsApiCall"],"eventSource":["sns.amazonaws.com"],"eventName":["CreateTopic"]}'
FILTER = (
    '.Records[] | select(.eventType == "AwsApiCall" and .eventSource == "sns.amazonaws.com" '
    'and .eventName == "CreateTopic")'
)
# What a search in the text looks for. It is also inside of records of other calls.
TEXT = '"eventName":"CreateTopic"'

# What differs from one record of a call to the next: ids, times, and the last number of addresses.
VARIES = re.compile(
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<id>(?<=-)[0-9a-f]{17}(?![0-9a-f]))"
    r"|(?P<time>(?<=T09:)[0-9]{2}:[0-9]{2}(?=Z))"
    r"|(?P<host>(?<=192\.0\.2\.)[0-9]+|(?<=198\.51\.100\.)[0-9]+|(?<=203\.0\.113\.)[0-9]+)"
    r"|(?P<key>(?<=\"ASIA)[A-Z0-9]{16})"
)


def records_of(path):
    """The records of a log file, as they are written there."""
    with open(path, "rb") as file:
        content = file.read()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    start, decoder, records = text.find('{"Records":['), json.JSONDecoder(), []
    at = start + len('{"Records":[')
    while start == 0 and text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        records.append(text[at:end])
        at = end + (text[end] == ",")
    return records


def make(path, size):
    """Writes a log file of at least so many bytes, decompressed, the same at each run: the records of the test data, each
    with ids and times of its own, as one gzip member. One in a thousand matches, and as many only name the call."""
    rng = random.Random(1)
    varied = {
        "uuid": lambda: "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}".format(*map(rng.getrandbits, (32, 16, 12, 12, 48))),
        "id": lambda: f"{rng.getrandbits(68):017x}",
        "time": lambda: f"{rng.randrange(60):02}:{rng.randrange(60):02}",
        "host": lambda: str(rng.randrange(1, 255)),
        "key": lambda: "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16)),
    }
    topics, named, others = [], [], []
    for folder, folders, files in os.walk(os.path.join(ROOT, "testdata/bucket")):
        folders.sort()
        for record in (record for file in sorted(files) for record in records_of(os.path.join(folder, file))):
            read, parts, at = json.loads(record), [], 0
            for match in VARIES.finditer(record):
                parts += [record[at : match.start()], varied[match.lastgroup]]
                at = match.end()
            parts.append(record[at:])
            topic = (read.get("eventSource"), read.get("eventName")) == ("sns.amazonaws.com", "CreateTopic")
            (topics if topic else named if TEXT in record else others).append(parts)
    written, count = 0, 0
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.partial", "wb") as file:
        # The level and the buffer are those of gzip's own default; no name and no time, so that the file is the same.
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as out:
            while written < size:
                chosen = topics if count % 1000 == 500 else named if count % 1000 == 0 else others
                parts = rng.choice(chosen)
                text = "".join(part if isinstance(part, str) else part() for part in parts)
                written += out.write((("," if count else '{"Records":[') + text).encode())
                count += 1
            out.write(b"]}")
    os.replace(f"{path}.partial", path)


def facts(path):
    """Of a log file: its bytes, decompressed; how many records it has; how often the text is in it."""
    size, texts, rest = 0, 0, b""
    with gzip.open(path) as file:
        while chunk := file.read(1 << 20):
            size += len(chunk)
            # The end of the last chunk, one byte short of the text: so it is found across the border, and once.
            texts += (rest + chunk).count(TEXT.encode())
            rest = (rest + chunk)[1 - len(TEXT) :]
    # Without a rule every record matches.
    count = [TRAILWIRE, "scan", "--quiet", "-o", "count", path]
    every = subprocess.run(count, check=True, capture_output=True, text=True)
    return size, int(every.stdout.split("\t")[0]), texts


class Peer:
    """A pipeline of commands that asks the rule of a file. Its answer is the number of lines that it prints, or that
    number itself (`counts`)."""

    def __init__(self, name, commands, version, counts=False, answers=True, note=""):
        self.name, self.commands, self.version, self.note = name, commands, version, note
        self.counts, self.answers = counts, answers
        self.runs, self.peak, self.found = [], 0, None

    def run(self, watch=False):
        """Runs it once; returns seconds on the clock and of processors. To `watch` takes time itself."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            start, processes, before = time.perf_counter(), [], None
            for index, command in enumerate(self.commands):
                last = index == len(self.commands) - 1
                process = subprocess.Popen(
                    command, stdin=before, stdout=output if last else subprocess.PIPE, stderr=errors
                )
                if before:
                    before.close()
                before = process.stdout
                processes.append(process)
            if watch:
                self.watch(processes)
            cpu = 0.0
            for process in processes:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                cpu += usage.ru_utime + usage.ru_stime
            seconds = time.perf_counter() - start
            if any(process.returncode for process in processes):
                errors.seek(0)
                raise RuntimeError(f"{self.name}: {errors.read().decode(errors='replace').strip()[-300:]}")
            output.seek(0)
            lines = output.read().splitlines()
        if self.answers:
            found = int(lines[0]) if self.counts else len(lines)
            if self.found not in (None, found):
                raise RuntimeError(f"{self.name}: {found} matches now, and {self.found} before")
            self.found = found
        return seconds, cpu

    def watch(self, processes):
        """Keeps the peak of resident memory (VmHWM) of the largest process. What `wait4` tells of it is no use here: it
        counts what Python had when it started the process."""
        while any(os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None for p in processes):
            for process in processes:
                try:
                    with open(f"/proc/{process.pid}/status", encoding="ascii", errors="replace") as status:
                        mark = re.search(r"^VmHWM:\s*([0-9]+) kB", status.read(), re.MULTILINE)
                except OSError:
                    continue
                self.peak = max(self.peak, int(mark[1]) * 1024 if mark else 0)
            time.sleep(0.002)


def version(*command):
    """The first line that a command prints of itself, or nothing where it is not there."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return (answer.stdout + answer.stderr).strip().splitlines()[0]


def peers(path):
    """trailwire, and every peer, whether it is there or not: then it has no version."""
    ours = [TRAILWIRE, "scan", "--quiet", "-p", PATTERN, "-o", "record", path]
    jq, unpack = version("jq", "--version"), version("gzip", "--version")
    node = version("node", "--version")
    tutorial, duckdb = os.path.join(HERE, "peers/tutorial.js"), os.path.join(HERE, "peers/duckdb_query.py")
    text = ["rg", "-z", "--fixed-strings", "--count-matches", "--no-filename", TEXT, path]
    return Peer("trailwire scan", [ours], version(TRAILWIRE, "--version")), [
        Peer("gzip -dc", [["gzip", "-dc", path]], unpack, answers=False, note="inflates, and asks nothing"),
        Peer("rg -z", [text], version("rg", "--version"), counts=True, note="text search for one field, wherever it is"),
        Peer("Node.js", [["node", tutorial, path]], node and f"node {node}", note="what the AWS guide's function does"),
        Peer("zcat and jq", [["zcat", path], ["jq", "-c", FILTER]], jq and unpack and jq),
        Peer(
            "DuckDB",
            [[sys.executable, duckdb, path]],
            version(sys.executable, "-c", "import duckdb; print('duckdb', duckdb.__version__)"),
            counts=True,
            note="reads three fields of each record, and counts",
        ),
    ]


def measure(path, rounds):
    """Runs all of them, each in turns with trailwire; returns what is written to results.json."""
    size, records, texts = facts(path)
    ours, others = peers(path)
    for peer in (peer for peer in others if not peer.version):
        print(f"{peer.name} is not here, and left out")
    others = [peer for peer in others if peer.version]
    for peer in [ours, *others]:
        peer.run(watch=True)
    for peer in others:
        expected = texts if peer.name == "rg -z" else ours.found
        if peer.answers and peer.found != expected:
            raise RuntimeError(f"{peer.name} finds {peer.found} in place of {expected}")
    turns = {peer.name: [] for peer in others}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for peer in others:
            pair = ours.run(), peer.run()
            ours.runs.append(pair[0])
            peer.runs.append(pair[1])
            turns[peer.name].append(pair[1][0] / pair[0][0])

    def row(peer):
        return {
            "name": peer.name,
            "version": peer.version,
            "note": peer.note,
            "seconds": round(statistics.median(run[0] for run in peer.runs), 3),
            "processor_seconds": round(statistics.median(run[1] for run in peer.runs), 3),
            "times_trailwire": round(statistics.median(turns[peer.name]), 1) if peer.name in turns else 1,
            "peak_mib": round(peer.peak / 2**20, 1),
            "found": peer.found,
        }

    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "commit": commit.stdout.strip(),
        "machine": machine(),
        "bytes": size,
        "stored": os.path.getsize(path),
        "records": records,
        "matches": ours.found,
        "rounds": rounds,
        "peers": [row(peer) for peer in [ours, *others]],
    }


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as cpus:
        model = re.search(r"model name\s*: (.*)", cpus.read())
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} processors"


def table(results):
    """The results as a table in Markdown."""
    lines = ["| | seconds | × trailwire | processor, s | peak, MiB | found | |", "|---|---:|---:|---:|---:|---:|---|"]
    for peer in results["peers"]:
        found = "–" if peer["found"] is None else f"{peer['found']:,}"
        lines.append(
            f"| {peer['name']} | {peer['seconds']:.2f} | {peer['times_trailwire']} | {peer['processor_seconds']:.2f} "
            f"| {peer['peak_mib']:,.1f} | {found} | {'; '.join(filter(None, [peer['version'], peer['note']]))} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=100_000_000, help="of the file that is made (default: %(default)s)")
    parser.add_argument("--file", help="a log file of your own, gzip")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each peer (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write benches/results.json")
    options = parser.parse_args()
    subprocess.run(
        ["cargo", "build", "--locked", "--release", "--bin", "trailwire"], cwd=ROOT, check=True, stdout=sys.stderr
    )
    path = options.file or os.path.join(TARGET, f"peers/logs-{options.bytes}.json.gz")
    if not os.path.exists(path):
        make(path, options.bytes)
    results = measure(path, options.rounds)
    print("\n" + table(results))
    if options.write:
        with open(os.path.join(HERE, "results.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(results, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
