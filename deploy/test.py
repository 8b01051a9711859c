"""Holds the templates to what they promise, and deploys them to moto. check.sh runs this in its venv.

BOOTSTRAP, the path of the function for this machine, has a file go the whole way to an alert. TERRAFORM, a folder with
the module and its provider, has the module applied. Without them these tests are skipped, and say so.
"""

import json
import re
import sys
import unittest

sys.dont_write_bytecode = True

from samtranslator.yaml_helper import yaml_parse  # noqa: E402

import costs  # noqa: E402
from testing.common import (  # noqa: E402
    ACCOUNT,
    BUCKET,
    FUNCTION,
    HERE,
    KEY,
    PROJECT,
    README,
    REGION,
    SAM,
    TOPIC,
    TRAIL,
    TRIGGERS,
    listed,
    rendered,
    resources,
    role_statements,
    rows,
    statements,
)
from testing.deployed import Deployed  # noqa: E402, F401


class Permissions(unittest.TestCase):
    # What the role may do by default, and what each parameter adds.
    LOGS = f"arn:aws:s3:::{BUCKET}"
    ALWAYS = {
        ("s3:GetObject", f"{LOGS}/AWSLogs/*"),
        ("s3:GetObjectVersion", f"{LOGS}/AWSLogs/*"),
        ("s3:ListBucket", LOGS),
        ("sqs:ReceiveMessage", "<Files.Arn>"),
        ("sqs:DeleteMessage", "<Files.Arn>"),
        ("sqs:GetQueueAttributes", "<Files.Arn>"),
        ("sqs:SendMessage", "<Failed.Arn>"),
        ("logs:CreateLogStream", "<Log.Arn>"),
        ("logs:PutLogEvents", "<Log.Arn>"),
    }
    ALERT = {("sns:Publish", "<Topic>")}
    OPTIONS = [
        ({}, ALERT),
        ({"Rules": "s3://rules/a/b.yaml"}, ALERT | {("s3:GetObject", "arn:aws:s3:::rules/a/b.yaml")}),
        ({"Rules": "rules.yaml"}, ALERT),
        ({"TopicArn": TOPIC}, {("sns:Publish", TOPIC)}),
        ({"MoreTopicArns": f"{TOPIC},{TOPIC}2"}, ALERT | {("sns:Publish", TOPIC), ("sns:Publish", f"{TOPIC}2")}),
        ({"ReadKmsKeyArns": f"{KEY},{KEY}2"}, ALERT | {("kms:Decrypt", KEY), ("kms:Decrypt", f"{KEY}2")}),
        ({"TopicKmsKeyArn": KEY}, ALERT | {("kms:GenerateDataKey", KEY), ("kms:Decrypt", KEY)}),
        ({"QueueKmsKeyArn": KEY}, ALERT | {("kms:GenerateDataKey", KEY), ("kms:Decrypt", KEY)}),
    ]

    def test_the_role_may_do_exactly_what_is_listed(self):
        for trigger in TRIGGERS:
            for parameters, more in self.OPTIONS:
                role = resources(Trigger=trigger, **parameters)["Role"]
                allowed = set()
                for statement in role_statements(role).values():
                    self.assertEqual(statement["Effect"], "Allow")
                    allowed |= {(a, r) for a in listed(statement["Action"]) for r in listed(statement["Resource"])}
                self.assertEqual(allowed, self.ALWAYS | more, (trigger, parameters))

    def test_the_readme_lists_every_action(self):
        everything = dict(
            TopicKmsKeyArn=KEY, QueueKmsKeyArn=KEY, ReadKmsKeyArns=KEY, Rules="s3://b/k", MoreTopicArns=TOPIC
        )
        section = README.split("\n## Permissions\n")[1].split("\n## ")[0]
        allowed = {a for s in role_statements(resources(**everything)["Role"]).values() for a in listed(s["Action"])}
        table = {
            a
            for line in section.splitlines()
            if line.startswith("| `")
            for a in re.findall(r"`([a-z0-9]+:\w+)`", line.split("|")[1])
        }
        self.assertEqual(allowed, table)

    def test_the_roles_of_backfills_name_what_they_use(self):
        for folder, file in [("batch-operations", "role.yaml"), ("distributed-map", "template.yaml")]:
            template = yaml_parse((HERE / folder / file).read_text())
            values = {"FunctionArn": FUNCTION, "BucketName": BUCKET, "WorkBucket": "work", "ResultsBucket": "work"}
            role = rendered(template, **{name: values[name] for name in template["Parameters"]})["Resources"]["Role"]
            for statement in role_statements(role).values():
                for resource in listed(statement["Resource"]):
                    machine = rf"arn:aws:states:{REGION}:{ACCOUNT}:\w+:stack([:/]\*)?"
                    self.assertRegex(resource, rf"^({FUNCTION}|arn:aws:s3:::(work/\w+/\*|{BUCKET})|{machine})$")
                self.assertFalse([action for action in listed(statement["Action"]) if "*" in action])

    def test_the_queue_takes_messages_of_its_trigger_only(self):
        bucket = {"ArnEquals": {"aws:SourceArn": self.LOGS}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
        expected = {
            "queue-eventbridge": ("events.amazonaws.com", {"ArnEquals": {"aws:SourceArn": "<NewFile.Arn>"}}),
            "queue-topic": ("sns.amazonaws.com", {"ArnEquals": {"aws:SourceArn": TRAIL}}),
            "queue-notification": ("s3.amazonaws.com", bucket),
        }
        for trigger in TRIGGERS:
            all_resources = resources(Trigger=trigger)
            policy = statements(all_resources["FilesPolicy"]["Properties"])
            self.assertEqual(policy.pop("OnlyEncrypted")["Effect"], "Deny")
            failed = statements(all_resources["FailedPolicy"]["Properties"])
            self.assertEqual(failed.pop("OnlyEncrypted")["Effect"], "Deny")
            self.assertEqual(list(failed), ["FromEventBridge"] if trigger == "queue-eventbridge" else [])
            said = [(s["Principal"]["Service"], s["Condition"]) for s in policy.values()]
            self.assertEqual(said, [expected[trigger]] if trigger in expected else [], trigger)
            self.assertTrue(all(s["Action"] == "sqs:SendMessage" for s in policy.values()))
            permission = all_resources.get("FromBucket", {}).get("Properties")
            self.assertEqual(permission is not None, trigger == "direct")
            if permission:
                self.assertEqual((permission["SourceArn"], permission["SourceAccount"]), (self.LOGS, ACCOUNT))
        other = resources(Trigger="queue-notification", BucketAccountId="210987654321")["FilesPolicy"]["Properties"]
        condition = statements(other)["FromBucket"]["Condition"]
        self.assertEqual(condition["StringEquals"], {"aws:SourceAccount": "210987654321"})

    def test_a_new_topic_lets_nobody_in_but_alarms(self):
        policy = statements(resources()["TopicPolicy"]["Properties"])
        self.assertEqual(policy["OnlyEncrypted"]["Effect"], "Deny")
        self.assertEqual(policy["Alarms"]["Principal"], {"Service": "cloudwatch.amazonaws.com"})
        self.assertEqual(
            set(statements(resources(AlarmTopicArn=TOPIC)["TopicPolicy"]["Properties"])), {"OnlyEncrypted"}
        )
        self.assertNotIn("TopicPolicy", resources(TopicArn=TOPIC))


class Templates(unittest.TestCase):
    def test_the_partition_is_nowhere_written(self):
        for folder in ["sam", "terraform", "batch-operations", "distributed-map"]:
            for path in (HERE / folder).iterdir():
                self.assertNotIn("arn:aws", path.read_text(), path)
        for trigger in TRIGGERS:
            for partition in ["aws-cn", "aws-us-gov"]:
                text = json.dumps(resources(Trigger=trigger, partition=partition))
                self.assertEqual(set(re.findall(r"arn:([a-z-]+):", text)), {partition})

    def test_every_variable_is_one_of_the_function(self):
        section = (PROJECT / "README.md").read_text().split("\n### The Lambda function\n")[1].split("\n## ")[0]
        known = {
            v
            for line in section.splitlines()
            if line.startswith("| `TRAILWIRE")
            for v in re.findall(r"`(TRAILWIRE_\w+)`", line.split("|")[1])
        }
        used = set(resources()["Function"]["Properties"]["Environment"]["Variables"])
        terraform = set(re.findall(r"\bTRAILWIRE_\w+", (HERE / "terraform/main.tf").read_text()))
        self.assertLessEqual({"TRAILWIRE_RULES", "TRAILWIRE_ROLE_ARN"}, used)
        self.assertLessEqual(used, known)
        self.assertEqual(used, terraform)

    def test_the_function_is_told_its_role(self):
        function = resources()["Function"]["Properties"]
        self.assertEqual((function["Runtime"], function["Architectures"]), ("provided.al2023", ["arm64"]))
        self.assertEqual(function["Environment"]["Variables"]["TRAILWIRE_ROLE_ARN"], "<Role.Arn>")
        self.assertEqual(function["Role"], "<Role.Arn>")

    def test_a_message_is_not_seen_again_before_its_invocation_is_over(self):
        all_resources = resources()
        function, queue = (all_resources[name]["Properties"] for name in ["Function", "Files"])
        mapping = function["Events"]["Files"]["Properties"]
        self.assertGreaterEqual(
            queue["VisibilityTimeout"], 6 * function["Timeout"] + mapping["MaximumBatchingWindowInSeconds"]
        )
        self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(queue["RedrivePolicy"], {"deadLetterTargetArn": "<Failed.Arn>", "maxReceiveCount": 5})
        kept = all_resources["Failed"]["Properties"]["MessageRetentionPeriod"]
        self.assertGreater(kept, queue["MessageRetentionPeriod"])

    def test_queues_are_encrypted_one_way_or_the_other(self):
        for name in ["Files", "Failed"]:
            for key, expected in [("", (True, None)), (KEY, (None, KEY))]:
                queue = resources(QueueKmsKeyArn=key)[name]["Properties"]
                self.assertEqual((queue.get("SqsManagedSseEnabled"), queue.get("KmsMasterKeyId")), expected)

    def test_reserved_instances_bound_what_the_queue_asks_for(self):
        function = resources(ReservedConcurrency="7")["Function"]["Properties"]
        self.assertEqual(function["ReservedConcurrentExecutions"], "7")
        self.assertEqual(function["Events"]["Files"]["Properties"]["ScalingConfig"], {"MaximumConcurrency": "7"})
        function = resources()["Function"]["Properties"]
        self.assertNotIn("ReservedConcurrentExecutions", function)
        self.assertNotIn("ScalingConfig", function["Events"]["Files"]["Properties"])

    def test_alarms_look_at_metrics_that_there_are(self):
        source = (PROJECT / "src/lambda/metrics.rs").read_text()
        namespace = re.search(r'NAMESPACE: &str = "(\w+)"', source)[1]
        emitted = set(re.findall(r'\("(\w+)", "(?:Count|Bytes|Milliseconds)"', source)) | set(
            re.findall(r'=> "(Alerts\w+)"', source)
        )
        self.assertIn('"Dimensions": [["FunctionName"]]', source)
        of_aws = {"AWS/SQS": {"QueueName"}, "AWS/Lambda": {"FunctionName"}, namespace: {"FunctionName"}}
        alarms = {n: r["Properties"] for n, r in resources().items() if r["Type"] == "AWS::CloudWatch::Alarm"}
        self.assertEqual(set(alarms), set(rows("Alarms")))
        for name, alarm in alarms.items():
            (metric,) = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m] or [alarm]
            self.assertEqual({d["Name"] for d in metric["Dimensions"]}, of_aws[metric["Namespace"]], name)
            if metric["Namespace"] == namespace:
                self.assertIn(metric["MetricName"], emitted)
            self.assertEqual(alarm["AlarmActions"], ["<Topic>"])
            self.assertEqual(alarm["TreatMissingData"], "breaching" if name == "SilenceAlarm" else "notBreaching")
        self.assertEqual((costs.METRICS, costs.ALARMS), (len(emitted), len(alarms)))
        self.assertEqual(resources(AlarmTopicArn=TOPIC)["LateAlarm"]["Properties"]["AlarmActions"], [TOPIC])
        for parameters in [{"Trigger": "none"}, {"SilenceHours": 0}]:
            self.assertNotIn("SilenceAlarm", resources(**parameters))

    def test_terraform_takes_the_same_parameters(self):
        text = (HERE / "terraform/variables.tf").read_text()
        variables = dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.M | re.S))
        snake = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): p for name, p in SAM["Parameters"].items()}
        self.assertEqual(set(variables), set(snake) | {"name", "package", "manage_bucket_notification"})
        for name, parameter in snake.items():
            default = re.search(r"^  default\s+= (.*)$", variables[name], re.M)
            default = default and {"null": "", "[]": ""}.get(default[1], default[1].strip('"'))
            self.assertEqual(default, str(parameter["Default"]) if "Default" in parameter else None, name)

    def test_the_readme_has_every_parameter_and_trigger(self):
        self.assertEqual(sorted(rows("Parameters")), sorted(SAM["Parameters"]))
        self.assertEqual(rows("Which trigger"), ["Trigger", *TRIGGERS])
        for name, parameter in SAM["Parameters"].items():
            if parameter.get("Default", "") != "" and name not in ["Trigger"]:
                line = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
                self.assertIn(str(parameter["Default"]), line)

    def test_the_readme_has_what_costs_prints(self):
        for name, table in [("monthly", costs.monthly()), ("backfill", costs.backfill())]:
            self.assertIn(f"<!-- costs.py: {name} -->\n\n{table}\n\n", README)
        self.assertIn(f"<!-- costs.py: monthly -->\n\n{costs.monthly()}\n\n", (PROJECT / "README.md").read_text())

    def test_blocks_of_json_in_the_readme_are_json(self):
        for block in re.findall(r"```json\n(.*?)```", README, re.S):
            json.loads(block)


if __name__ == "__main__":
    unittest.main()
