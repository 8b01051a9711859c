#!/usr/bin/env bash
# Reads log files that are in a bucket already, by S3 Batch Operations: an invocation for each.
#
#   BUCKET=logs PREFIX=AWSLogs/123456789012/CloudTrail/eu-west-1/2026/10/ \
#   WORK_BUCKET=work FUNCTION_ARN=arn:… ROLE_ARN=arn:… ./run.sh
#
# lists the files and makes a job of them. With INVENTORY=manifests/…/manifest.json, a manifest of S3 Inventory (CSV) in
# WORK_BUCKET, nothing is listed: for more than a million files. The job waits until it is confirmed.
set -euo pipefail
cd "$(dirname "$0")"
: "${WORK_BUCKET:?}" "${FUNCTION_ARN:?}" "${ROLE_ARN:?}"

partition=$(cut -d : -f 2 <<<"$FUNCTION_ARN")
# Of the function, and so of the job: a key may be given to no other.
account=$(cut -d : -f 5 <<<"$FUNCTION_ARN")

if [ -n "${INVENTORY:-}" ]; then
    key=$INVENTORY
    spec='{"Format": "S3InventoryReport_CSV_20211130"}'
else
    : "${BUCKET:?}" "${PREFIX:?}"
    key=manifests/$(date -u +%Y%m%dT%H%M%SZ).csv
    spec='{"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]}'
    manifest=$(mktemp)
    trap 'rm -f "$manifest"' EXIT
    # Keys are URL-encoded, as the format asks, which also leaves no comma and no quote in them. Digests and folders
    # would be skipped by the function, but paid for.
    aws s3api list-objects-v2 --bucket "$BUCKET" --prefix "$PREFIX" --output json |
        jq --raw-output --arg bucket "$BUCKET" '
            .Contents[]?.Key
            | select((endswith("/") or contains("/CloudTrail-Digest/")) | not)
            | $bucket + "," + (@uri | gsub("%2F"; "/"))' >"$manifest"
    if [ ! -s "$manifest" ]; then
        echo "no log files below s3://$BUCKET/$PREFIX" >&2
        exit 1
    fi
    echo "$(wc -l <"$manifest") files" >&2
    aws s3api put-object --bucket "$WORK_BUCKET" --key "$key" --body "$manifest" >/dev/null
fi
etag=$(aws s3api head-object --bucket "$WORK_BUCKET" --key "$key" --query ETag --output text | tr -d '"')

job=$(jq --arg account "$account" --arg role "$ROLE_ARN" --arg function "$FUNCTION_ARN" \
    --arg work "arn:$partition:s3:::$WORK_BUCKET" --arg key "$key" --arg etag "$etag" --argjson spec "$spec" '
    .AccountId = $account | .RoleArn = $role | .Operation.LambdaInvoke.FunctionArn = $function
    | .Manifest = {Spec: $spec, Location: {ObjectArn: ($work + "/" + $key), ETag: $etag}}
    | .Report.Bucket = $work' job.json)
if [ -n "${DRY_RUN:-}" ]; then
    echo "$job"
    exit
fi
id=$(aws s3control create-job --cli-input-json "$job" --query JobId --output text)
cat <<END
The job waits. Start it, look at it, end it:
  aws s3control update-job-status --account-id $account --job-id $id --requested-job-status Ready
  aws s3control describe-job --account-id $account --job-id $id
  aws s3control update-job-status --account-id $account --job-id $id --requested-job-status Cancelled
END
