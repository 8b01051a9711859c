#!/usr/bin/env bash
# Makes the package that Lambda takes, on Linux or macOS with Rust and Python 3 (with venv):
#
#     deploy/package.sh [--arm64 | --x86-64 | --native] [FILE…]
#
# It gives target/package/trailwire.zip: `bootstrap`, for arm64 if nothing else is asked for, and the files that are
# named, such as rules (TRAILWIRE_RULES=rules.yaml). The same sources, tools and folders give the same zip, byte for byte.
#
# cargo-lambda builds it, with zig as the linker, which links against an older C library than this machine may have.
# Unless cargo-lambda is installed, it is fetched from PyPI to target/package/tools. The end checks what is packed: the
# processor, and that no C library newer than that of Amazon Linux 2023 is needed.
set -euo pipefail

architecture=--arm64
case "${1-}" in
    --arm64 | --x86-64) architecture=$1; shift ;;
    --native) [ "$(uname -m)" = x86_64 ] && architecture=--x86-64; shift ;;
    -*) echo "usage: deploy/package.sh [--arm64 | --x86-64 | --native] [FILE…]" >&2; exit 2 ;;
esac
files=()
for file in "$@"; do
    [ -f "$file" ] || { echo "$file: no such file" >&2; exit 2; }
    files+=("$(cd "$(dirname "$file")" && pwd)/$(basename "$file")")
done
cd "$(dirname "$0")/.."

if ! command -v cargo-lambda >/dev/null; then
    tools=target/package/tools
    if [ ! -x $tools/bin/cargo-lambda ]; then
        python3 -m venv --clear $tools
        $tools/bin/pip install --quiet cargo-lambda==1.9.2 ziglang==0.17.1
    fi
    PATH=$PWD/$tools/bin:$PATH
fi
if command -v rustup >/dev/null; then
    rustup target add "$([ $architecture = --arm64 ] && echo aarch64 || echo x86_64)-unknown-linux-gnu"
fi
cargo lambda build --locked --profile dist --no-default-features --features lambda --bin bootstrap $architecture

mkdir -p target/package
python3 - $architecture target/lambda/bootstrap/bootstrap ${files[@]+"${files[@]}"} <<'END'
import hashlib, os, re, sys, zipfile

architecture, bootstrap, *files = sys.argv[1:]
program = open(bootstrap, "rb").read()
wanted = {"--arm64": 183, "--x86-64": 62}[architecture]
if program[:4] != b"\x7fELF" or int.from_bytes(program[18:20], "little") != wanted:
    sys.exit(f"{bootstrap}: not for the processor that was asked for")
newest = max((int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", program)), default=0)
if newest > 34:
    sys.exit(f"{bootstrap}: needs glibc 2.{newest}; Amazon Linux 2023 has 2.34")

path = "target/package/trailwire.zip"
with zipfile.ZipFile(path, "w") as archive:
    for name, source, mode in [("bootstrap", bootstrap, 0o755)] + [(os.path.basename(it), it, 0o644) for it in files]:
        if name in archive.namelist():
            sys.exit(f"{source}: there is a {name} already")
        # Without this, zipfile packs no mode, and Lambda could not start it; the time would differ at each run.
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.create_system = 3
        entry.external_attr = (0o100000 | mode) << 16
        archive.writestr(entry, open(source, "rb").read(), zipfile.ZIP_DEFLATED, 9)
stored = open(path, "rb").read()
print(f"{path}: {len(stored):,} bytes, bootstrap {len(program):,} bytes, glibc 2.{newest}")
print(f"sha256 {hashlib.sha256(stored).hexdigest()}")
END
