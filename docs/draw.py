#!/usr/bin/env python3
"""Draws the pictures of this folder: `flow.svg`; `email.svg`, from what trailwire prints; `speed.svg` and `memory.svg`, from
benches/results.json.

    docs/draw.py                    runs target/release/trailwire for the email
    docs/draw.py PROGRAM            runs another one
    docs/draw.py - < ALERTS         takes what `trailwire invoke` printed
    docs/draw.py --check …          writes nothing, and fails if a picture is not what would be drawn

The alert is the first of:

    trailwire invoke testdata/events/s3.json --bucket-dir testdata/bucket -r tutorial
"""

import argparse
import json
import os
import subprocess
import sys
import textwrap
from xml.sax.saxutils import escape

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
ALERTS = ["invoke", "testdata/events/s3.json", "--bucket-dir", "testdata/bucket", "-r", "tutorial"]

# Each picture brings its own ground: the page around it may be light where the system is dark.
STYLE = """
    text { font-family: -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2328; }
    .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
    .bold { font-weight: 600; }
    .dim { fill: #59636e; }
    .ground { fill: #ffffff; stroke: #d1d9e0; }
    .box { fill: #f6f8fa; stroke: #818b98; }
    .ours { fill: #ddf4ff; stroke: #0969da; }
    .bar { fill: #818b98; }
    .bar.first { fill: #0969da; }
    .line { fill: none; stroke: #59636e; stroke-width: 1.5; }
    .tip { fill: #59636e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .dim { fill: #9198a1; }
      .ground { fill: #0d1117; stroke: #3d444d; }
      .box { fill: #212830; stroke: #656c76; }
      .ours { fill: #0c2d6b; stroke: #4493f8; }
      .bar { fill: #656c76; }
      .bar.first { fill: #4493f8; }
      .line { stroke: #9198a1; }
      .tip { fill: #9198a1; }
    }
"""


class Picture:
    def __init__(self, width, height, title, description):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' role="img" aria-labelledby="title desc">',
            f'  <title id="title">{escape(title)}</title>',
            f'  <desc id="desc">{escape(description)}</desc>',
            f"  <style>{STYLE}  </style>",
        ]
        self.box(0.5, 0.5, width - 1, height - 1, "ground")

    def box(self, x, y, width, height, kind="box", dashed=False, radius=6):
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'  <rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"{dashes}/>'
        )

    def text(self, x, y, words, kind="", size=14, anchor="start"):
        kept = ' xml:space="preserve"' if "  " in words else ""
        self.parts.append(
            f'  <text class="{kind}" x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}"{kept}>{escape(words)}</text>'
        )

    def arrow(self, x, y, to_x, to_y=None, dashed=False):
        """To the right, or with `to_y` straight up or down."""
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        if to_y is None:
            path, tip = f"M{x} {y}H{to_x - 6}", f"M{to_x} {y}l-8 -4.5v9z"
        else:
            back = 8 if to_y < y else -8
            path, tip = f"M{x} {y}V{to_y + back * 0.75:g}", f"M{to_x} {to_y}l-4.5 {back}h9z"
        self.parts.append(f'  <path class="line" d="{path}"{dashes}/>')
        self.parts.append(f'  <path class="tip" d="{tip}"/>')

    def done(self):
        return "\n".join([*self.parts, "</svg>", ""])


def flow():
    picture = Picture(
        1040,
        288,
        "How a log file becomes an alert",
        "S3 tells the Lambda function of a new log file, directly or through an SQS queue. The function reads the file as a "
        "stream: it inflates, scans, finds records and fields and asks the rules, all through one small buffer. Each match "
        "goes to an SNS topic, and from there to email addresses and queues.",
    )

    def place(x, y, name, below, dashed=False):
        picture.box(x, y, 104, 56, dashed=dashed)
        picture.text(x + 52, y + 25, name, "bold", anchor="middle")
        picture.text(x + 52, y + 43, below, "dim", 11.5, "middle")

    place(20, 84, "S3", "a new log file")
    place(20, 196, "SQS", "or by a queue", dashed=True)
    picture.arrow(124, 112, 176)
    picture.arrow(72, 140, 72, 196, dashed=True)
    picture.parts.append('  <path class="line" d="M124 224H150V112" stroke-dasharray="5 4"/>')

    picture.box(176, 24, 588, 240, "box", radius=10)
    picture.text(196, 50, "Lambda function", "bold")
    stages = [
        ("inflate", "gzip to JSON"),
        ("scan", "64 bytes a step"),
        ("records", "one by one"),
        ("fields", "that rules want"),
        ("rules", "all in one index"),
    ]
    for index, (name, below) in enumerate(stages):
        x = 192 + index * 113
        picture.box(x, 84, 100, 56, "ours")
        picture.text(x + 50, 109, name, "bold", anchor="middle")
        picture.text(x + 50, 127, below, "dim", 11, "middle")
        if index:
            picture.arrow(x - 13, 112, x)
    for x in (242, 468, 694):
        picture.parts.append(f'  <path class="line" d="M{x} 140V172"/>')
    picture.box(192, 172, 552, 34, "ours", dashed=True)
    picture.text(468, 194, "one buffer, used over and over", "bold", 13, "middle")
    picture.text(468, 230, "The file streams through it: chunks come in, matches go out,", "dim", 12.5, "middle")
    picture.text(468, 248, "and memory stays the same however large the file is.", "dim", 12.5, "middle")

    picture.arrow(764, 112, 800)
    place(800, 84, "SNS", "a topic")
    picture.arrow(904, 112, 932)
    picture.box(932, 84, 88, 56)
    picture.text(976, 117, "email", "bold", anchor="middle")
    picture.parts.append('  <path class="line" d="M852 140V224H920"/>')
    picture.arrow(918, 224, 932)
    picture.box(932, 196, 88, 56)
    picture.text(976, 229, "queue", "bold", anchor="middle")
    return picture.done()


def email(alerts):
    """The first alert as a mail program shows it."""
    lines = alerts.split("\n")
    record = next(number for number, line in enumerate(lines) if line.startswith("{"))
    subject, body = lines[0], lines[2:record]
    width = 108
    shown = []
    for line in body:
        # What is wrapped goes on below its column.
        indent = " " * 10 if line[:10].strip() and line[8:10] == "  " else ""
        shown += textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=False) or [""]
    whole = textwrap.wrap(lines[record], width, break_on_hyphens=False)
    shown += whole[:4]

    top, step = 118, 18
    height = top + step * (len(shown) + 1) + 20
    picture = Picture(
        900, height, "An alert as an email", f"A mail window. Subject: {subject}. " + " ".join(" ".join(body).split())
    )
    picture.box(0.5, 0.5, 899, 84, "box")
    for index in range(3):
        picture.parts.append(f'  <circle class="bar" cx="{876 - index * 18}" cy="20" r="5"/>')
    picture.text(24, 32, "From", "dim", 13)
    picture.text(90, 32, "AWS Notifications <no-reply@sns.amazonaws.com>", "", 13)
    picture.text(24, 64, "Subject", "dim", 13)
    picture.text(90, 64, subject, "bold", 15)
    for number, line in enumerate(shown):
        picture.text(24, top + number * step, line.rstrip(), "mono", 12.5)
    picture.text(24, top + len(shown) * step, f"… and {len(whole) - 4} more lines of it", "dim", 12.5)
    return picture.done()


def bars(results, title, unit, value, label):
    """A bar for each peer, as long as its value."""
    peers = sorted(results["peers"], key=value)
    wide, left, top, step = 900, 300, 84, 46
    most = max(map(value, peers))
    said = ", ".join(f"{peer['name']} {label(peer)}" for peer in peers)
    picture = Picture(wide, top + step * len(peers) + 44, title, f"{unit}. {said}.")
    picture.text(24, 36, title, "bold", 17)
    picture.text(24, 58, unit, "dim", 13)
    for index, peer in enumerate(peers):
        y = top + index * step
        first = peer["name"].startswith("trailwire")
        picture.text(left - 14, y + (15 if peer["note"] else 20), peer["name"], "bold" if first else "", 14, "end")
        picture.text(left - 14, y + 31, peer["note"], "dim", 11, "end")
        length = max(2, round(440 * value(peer) / most, 1))
        picture.box(left, y + 2, length, 26, "bar first" if first else "bar", radius=2)
        picture.text(left + length + 10, y + 20, label(peer), "bold" if first else "", 14)
    picture.text(24, top + step * len(peers) + 22, f"{results['machine']}. How it was measured: benches/README.md", "dim", 11.5)
    return picture.done()


def pictures(alerts):
    with open(os.path.join(ROOT, "benches/results.json"), encoding="utf-8") as file:
        results = json.load(file)
    megabytes = f"{results['bytes'] / 1e6:.0f} MB of logs ({results['stored'] / 1e6:.0f} MB as gzip)"

    def time(peer):
        seconds = f"{peer['seconds']:.2f} s"
        return seconds if peer["times_trailwire"] == 1 else f"{seconds}, {peer['times_trailwire']} ×"

    return {
        "flow.svg": flow(),
        "email.svg": email(alerts),
        "speed.svg": bars(
            results,
            "Time it takes",
            f"Seconds for one rule on {megabytes}, and how many times trailwire's; shorter is better",
            lambda p: p["seconds"],
            time,
        ),
        "memory.svg": bars(
            results,
            "Memory it takes",
            f"Peak of resident memory, MiB, for one rule on {megabytes}; shorter is better",
            lambda p: p["peak_mib"],
            lambda p: f"{p['peak_mib']:.{0 if p['peak_mib'] >= 100 else 1}f} MiB",
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail if a picture is not what would be drawn")
    parser.add_argument("program", nargs="?", default=os.path.join(TARGET, "release/trailwire"))
    options = parser.parse_args()
    if options.program == "-":
        alerts = sys.stdin.read()
    else:
        program = [os.path.realpath(options.program), *ALERTS]
        alerts = subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    stale = []
    for name, drawn in pictures(alerts).items():
        path = os.path.join(HERE, name)
        if options.check:
            there = ""
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    there = file.read()
            stale += [name] if there != drawn else []
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(drawn)
    if stale:
        sys.exit(f"not what docs/draw.py draws: {', '.join(stale)}")


if __name__ == "__main__":
    main()
