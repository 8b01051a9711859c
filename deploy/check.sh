#!/usr/bin/env bash
# Every check of what is in this folder. Needs Python 3.11 or later, and jq; with terraform, also the module is checked.
#
#     deploy/check.sh [FOLDER]
#
# keeps what it installs in FOLDER, or target/deploy-venv. TERRAFORM_PLUGINS is a folder with providers (a file system
# mirror), where their registry cannot be reached; BOOTSTRAP the function for this machine, so that it is run.
set -euo pipefail
venv=$(realpath -m "${1:-$(dirname "$0")/../target/deploy-venv}")
cd "$(dirname "$0")"

if ! cmp -s requirements.txt "$venv/requirements.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt "$venv"
fi

"$venv/bin/cfn-lint" --include-checks I -- sam/template.yaml batch-operations/role.yaml distributed-map/template.yaml
for file in */*.json; do
    "$venv/bin/python" -m json.tool "$file" >/dev/null
done
for file in *.sh */*.sh; do
    bash -n "$file"
done

if command -v terraform >/dev/null; then
    terraform fmt -check -diff terraform
    module=$venv/terraform
    rm -rf "$module"
    cp -r terraform "$module"
    if terraform -chdir="$module" init -input=false ${TERRAFORM_PLUGINS:+-plugin-dir="$TERRAFORM_PLUGINS"} >"$venv/init.log" 2>&1; then
        terraform -chdir="$module" validate
        export TERRAFORM=$module
    else
        echo "the provider of Terraform is not to be had here: the module was formatted, and not validated"
    fi
else
    echo "terraform is not here: the module was not checked"
fi

"$venv/bin/python" test.py
