#!/usr/bin/env bash
# Runs the commands of the README, as they are printed there, in a fresh clone of the last commit, and looks whether the
# alert arrives; then whether the package is whole. A folder as argument keeps the clone there, with what was built; `.`
# takes this one as it is. ARCHITECTURE=--arm64 runs the package for Lambda, under qemu, in place of one for this machine.
set -euo pipefail
repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
clone=${1:-$(mktemp --directory)/trailwire}
architecture=${ARCHITECTURE:---native}
if [ "$clone" = . ]; then
    clone=$repository
elif [ -d "$clone/.git" ]; then
    git -C "$clone" fetch --quiet "$repository" HEAD
    git -C "$clone" checkout --quiet --force FETCH_HEAD
else
    git clone --quiet "$repository" "$clone"
fi
cd "$clone"

commands=$(awk '/^### On this machine$/ { found = 1 } found && /^```$/ { exit } block { print } found && /^```sh$/ { block = 1 }' README.md)
[ "$(grep --count --invert-match '\\$' <<<"$commands")" -le 10 ]
commands=${commands/--native/$architecture}
printf '%s\n' "$commands"
# moto would outlive the shell.
bash -euo pipefail -c "trap '[ -z \"\${!-}\" ] || kill \$!' EXIT
$commands" | tee target/local.out
grep --quiet 'Subject.*\[MEDIUM\] sns-topic-created: CreateTopic by alice (123456789012 eu-west-1)' target/local.out
grep --quiet 'Somebody created an SNS topic' target/local.out

# A file beside bootstrap is found there; the same sources give the same package; what fails is said by the status.
printf 'topic_arn: arn:aws:sns:eu-west-1:123456789012:x\nrules:\n- {id: x, pattern: {eventName: [x]}}\n' >target/rules.yaml
deploy/package.sh "$architecture" target/rules.yaml
sum=$(sha256sum <target/package/trailwire.zip)
deploy/package.sh "$architecture" target/rules.yaml
[ "$sum" = "$(sha256sum <target/package/trailwire.zip)" ]
emulator() { TRAILWIRE_RULES=$1 deploy/local/emulator.py target/package/trailwire.zip "${@:2}"; }
echo '{"Service": "Amazon S3", "Event": "s3:TestEvent"}' >target/nothing.json
[ "$(emulator rules.yaml target/nothing.json target/nothing.json)" = $'null\nnull' ]
status=0 && emulator rules.yaml deploy/local/requirements.txt || status=$?
[ $status -eq 1 ]
status=0 && emulator missing.yaml target/nothing.json || status=$?
[ $status -eq 2 ]
echo "all of it works"
