// What the function of the guide "Using AWS Lambda with AWS CloudTrail" does with a log file: inflate all of it, parse
// all of it, filter. From a file in place of S3, to standard output in place of SNS.
//
//     node benches/peers/tutorial.js FILE
const fs = require("fs");
const zlib = require("zlib");

const log = JSON.parse(zlib.gunzipSync(fs.readFileSync(process.argv[2])).toString());
const matching = log.Records.filter(
  (record) =>
    record.eventType === "AwsApiCall" &&
    record.eventSource === "sns.amazonaws.com" &&
    record.eventName === "CreateTopic",
);
for (const record of matching) {
  console.log(JSON.stringify(record));
}
