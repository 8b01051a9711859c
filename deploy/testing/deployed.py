"""The stack in moto, the module of Terraform there, and the function between them."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import boto3
import botocore.session
import botocore.validate
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

import costs
from testing.common import ACCOUNT, BUCKET, HERE, KEY, PROJECT, REGION, SAM, TRAIL, commands, listed
from testing.rendering import render
from testing.runtime import Function

os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_PAGER": "",
    "MOTO_ACCOUNT_ID": ACCOUNT,
    # The AWS CLI of this environment.
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}
# Not a line for each request.
for chatter in ["werkzeug", "samtranslator"]:
    logging.getLogger(chatter).setLevel(logging.CRITICAL)


class Deployed(unittest.TestCase):
    """What is deployed to moto, in a bucket and a stack of its own for each test."""

    @classmethod
    def setUpClass(cls):
        # An invocation by moto would need Docker; those that matter are made here.
        default_user_config["lambda"] = {"use_docker": False}
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.server.start()
        host, port = cls.server.get_host_and_port()
        os.environ["AWS_ENDPOINT_URL"] = cls.endpoint = f"http://{host}:{port}"
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name)
        shutil.copytree(HERE, cls.root / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
        package = cls.root / "target/package/trailwire.zip"
        package.parent.mkdir(parents=True)
        with zipfile.ZipFile(package, "w") as package:
            package.writestr("bootstrap", "#!/bin/sh\n")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        del os.environ["AWS_ENDPOINT_URL"]
        cls.folder.cleanup()

    def client(self, service):
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint)

    def setUp(self):
        # moto is told to forget everything, so that tests need no names of their own.
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")).close()
        for bucket in [BUCKET, "artifacts", "work"]:
            self.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def shell(self, script, **variables):
        """Runs commands as the README has them."""
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.root,
            env=os.environ | variables,
            capture_output=True,
            text=True,
        )
        self.assertEqual(run.returncode, 0, f"{script}\n{run.stdout}{run.stderr}")
        return run.stdout

    def deploy(self, **parameters):
        """Deploys the packaged template: what moto knows, and the rest by the calls that CloudFormation makes."""
        self.shell(commands("without SAM,").split("aws cloudformation deploy")[0], ARTIFACTS="artifacts")
        packaged = yaml_parse((self.root / "target/package/template.yaml").read_text())
        plain = transform(packaged, {}, ManagedPolicyLoader(None))
        plain["Parameters"] = SAM["Parameters"]
        later = lambda name, attribute=None: {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
        pseudo = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": "stack"}
        template = render(plain, {"BucketName": BUCKET, **parameters}, pseudo, later)
        calls = {n: r for n, r in template["Resources"].items() if r["Type"] in self.CALLS}
        for name in calls:
            del template["Resources"][name]
        # moto resolves names in outputs; so each that a call needs becomes one.
        needed = []
        for resource in calls.values():
            for reference in references(resource["Properties"]):
                needed.append(reference) if reference not in needed else None
        template["Outputs"] |= {f"Needed{i}": {"Value": reference} for i, reference in enumerate(needed)}
        formation = self.client("cloudformation")
        formation.create_stack(StackName="stack", TemplateBody=json.dumps(template))
        (stack,) = formation.describe_stacks(StackName="stack")["Stacks"]
        self.assertEqual(stack["StackStatus"], "CREATE_COMPLETE")
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        for resource in calls.values():
            properties = replaced(resource["Properties"], needed, outputs)
            self.CALLS[resource["Type"]](self, properties)
        # moto would take the messages out of the queue, for a function that it cannot run.
        functions = self.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            self.assertEqual(mapping["EventSourceArn"], outputs["QueueArn"])
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        return outputs

    CALLS = {
        "AWS::SQS::QueuePolicy": lambda self, p: [
            self.client("sqs").set_queue_attributes(
                QueueUrl=url, Attributes={"Policy": json.dumps(p["PolicyDocument"])}
            )
            for url in p["Queues"]
        ],
        "AWS::SNS::TopicPolicy": lambda self, p: [
            self.client("sns").set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(p["PolicyDocument"])
            )
            for arn in p["Topics"]
        ],
        "AWS::SNS::Subscription": lambda self, p: self.client("sns").subscribe(
            TopicArn=p["TopicArn"],
            Protocol=p["Protocol"],
            Endpoint=p["Endpoint"],
            Attributes={"RawMessageDelivery": "true"} if p.get("RawMessageDelivery") else {},
        ),
        "AWS::CloudWatch::Alarm": lambda self, p: self.client("cloudwatch").put_metric_alarm(
            AlarmName=p["AlarmDescription"][:20], **p
        ),
        "AWS::Lambda::EventInvokeConfig": lambda self, p: self.client("lambda").put_function_event_invoke_config(
            FunctionName=p["FunctionName"], DestinationConfig=p["DestinationConfig"]
        ),
    }

    def messages(self, queue_arn):
        queues = self.client("sqs")
        url = queues.get_queue_url(QueueName=queue_arn.rsplit(":", 1)[1])["QueueUrl"]
        taken = []
        while more := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            taken += more
            for message in more:
                queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def put(self, key, body):
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    def alerts_queue(self, topic_arn):
        queues = self.client("sqs")
        url = queues.create_queue(QueueName="alerts")["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
        return arn

    # The way that a file takes, by trigger: what tells the bucket, and which prefix of the README's text is before it.
    TOLD_BY = {
        "queue-eventbridge": "For `queue-eventbridge`:",
        "queue-notification": "For `queue-notification`, with",
        "direct": "For `direct`, with",
    }
    LOG = "AWSLogs/123456789012/CloudTrail/eu-west-1/2026/10/14/a b+c.json.gz"
    # A log file, and what the rules of the tutorial say of it.
    log = next((PROJECT / "testdata/bucket").rglob("*_Kp3vT7aZq0WmXr2C.json.gz")).read_bytes()
    ALERTS = ["[HIGH] sns-topic-removed", "[MEDIUM] sns-topic-created", "[MEDIUM] sns-topic-created"]

    def wire(self, trigger, **parameters):
        """Deploys, and tells the bucket beside what it tells others."""
        others = self.client("sqs").create_queue(QueueName="others")["QueueUrl"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=others, AttributeNames=["QueueArn"])["Attributes"]
        before = {"Id": "others", "QueueArn": attributes["QueueArn"], "Events": ["s3:ObjectRemoved:*"]}
        store = self.client("s3")
        if trigger == "queue-topic":
            topic = self.client("sns").create_topic(Name="trail")["TopicArn"]
            parameters["SourceTopicArn"] = topic
            tell = {"TopicConfigurations": [{"Id": "t", "TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
            store.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=tell)
        elif trigger != "none":
            store.put_bucket_notification_configuration(
                Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [before]}
            )
        outputs = self.deploy(Trigger=trigger, **parameters)
        if trigger in self.TOLD_BY:
            script = commands(self.TOLD_BY[trigger])
            variables = dict(
                BUCKET=BUCKET, PREFIX="AWSLogs/", QUEUE=outputs["QueueArn"], FUNCTION=outputs["FunctionArn"]
            )
            self.shell(script, **variables)
            # Once more, as one does who is not sure: it changes nothing.
            once = store.get_bucket_notification_configuration(Bucket=BUCKET)
            self.shell(script, **variables)
            twice = store.get_bucket_notification_configuration(Bucket=BUCKET)
            for told in [once, twice]:
                del told["ResponseMetadata"]
            self.assertEqual(once, twice)
            self.assertIn("others", [q["Id"] for q in once["QueueConfigurations"]])
        self.messages(outputs["QueueArn"])
        return outputs

    def test_a_new_file_is_told_to_the_queue(self):
        for trigger, key_in in [
            ("queue-eventbridge", lambda event: event["detail"]["object"]["key"]),
            ("queue-notification", lambda event: urllib.parse.unquote_plus(event["Records"][0]["s3"]["object"]["key"])),
            ("queue-topic", lambda event: urllib.parse.unquote_plus(event["Records"][0]["s3"]["object"]["key"])),
        ]:
            with self.subTest(trigger):
                self.setUp()
                outputs = self.wire(trigger)
                self.put(self.LOG, b"{}")
                if trigger != "queue-topic":
                    self.put("elsewhere/a.json.gz", b"{}")
                (message,) = self.messages(outputs["QueueArn"])
                self.assertEqual(key_in(json.loads(message["Body"])), self.LOG)

    def test_the_bucket_may_call_the_function_where_it_does(self):
        outputs = self.wire("direct")
        told = self.client("s3").get_bucket_notification_configuration(Bucket=BUCKET)
        (entry,) = told["LambdaFunctionConfigurations"]
        self.assertEqual(entry["LambdaFunctionArn"], outputs["FunctionArn"])
        policy = json.loads(self.client("lambda").get_policy(FunctionName=outputs["FunctionName"])["Policy"])
        (statement,) = policy["Statement"]
        self.assertEqual(statement["Condition"]["ArnLike"]["AWS:SourceArn"], f"arn:aws:s3:::{BUCKET}")

    def test_what_is_deployed_is_what_was_written(self):
        self.check(self.deploy(Email="me@example.com"))

    def check(self, outputs):
        """Looks at what is there, whoever deployed it, with a trigger of EventBridge."""
        queues = self.client("sqs")
        url = lambda output: queues.get_queue_url(QueueName=outputs[output].rsplit(":", 1)[1])["QueueUrl"]
        queue = queues.get_queue_attributes(QueueUrl=url("QueueArn"), AttributeNames=["All"])["Attributes"]
        redrive = json.loads(queue["RedrivePolicy"])
        self.assertEqual(
            (redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"])), (outputs["FailedQueueArn"], 5)
        )
        self.assertEqual((queue["VisibilityTimeout"], queue["MessageRetentionPeriod"]), ("725", "604800"))
        (rule,) = self.client("events").list_rules()["Rules"]
        policy = {s["Sid"]: s for s in json.loads(queue["Policy"])["Statement"]}
        self.assertEqual(policy["FromEventBridge"]["Condition"], {"ArnEquals": {"aws:SourceArn": rule["Arn"]}})
        failed = queues.get_queue_attributes(QueueUrl=url("FailedQueueArn"), AttributeNames=["All"])["Attributes"]
        self.assertEqual(failed["MessageRetentionPeriod"], "1209600")
        (target,) = self.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
        self.assertEqual(
            (target["Arn"], target["DeadLetterConfig"]["Arn"]), (outputs["QueueArn"], outputs["FailedQueueArn"])
        )

        functions = self.client("lambda")
        function = functions.get_function_configuration(FunctionName=outputs["FunctionName"])
        # moto's CloudFormation knows no architectures.
        set_up = [function[name] for name in ["Runtime", "Handler", "Timeout", "MemorySize"]]
        self.assertEqual(set_up, ["provided.al2023", "bootstrap", 120, 256])
        variables = function["Environment"]["Variables"]
        self.assertEqual(variables["TRAILWIRE_ROLE_ARN"], function["Role"])
        self.assertEqual(variables["TRAILWIRE_TOPIC_ARN"], outputs["TopicArn"])
        self.assertEqual(variables["TRAILWIRE_RULES"], "tutorial")
        (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
        self.assertEqual((mapping["BatchSize"], mapping["EventSourceArn"]), (10, outputs["QueueArn"]))
        invoke = functions.get_function_event_invoke_config(FunctionName=outputs["FunctionName"])
        self.assertEqual(invoke["DestinationConfig"]["OnFailure"]["Destination"], outputs["FailedQueueArn"])

        roles = self.client("iam")
        name = function["Role"].rsplit("/", 1)[1]
        (policy,) = roles.list_role_policies(RoleName=name)["PolicyNames"]
        document = roles.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        # moto's CloudFormation keeps it as Python prints it, which is YAML too.
        document = yaml_parse(document) if isinstance(document, str) else document
        (log,) = self.client("logs").describe_log_groups()["logGroups"]
        self.assertEqual(log["retentionInDays"], 30)
        expected = {
            f"arn:aws:s3:::{BUCKET}/AWSLogs/*": {"s3:GetObject", "s3:GetObjectVersion"},
            f"arn:aws:s3:::{BUCKET}": {"s3:ListBucket"},
            outputs["TopicArn"]: {"sns:Publish"},
            outputs["QueueArn"]: {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
            outputs["FailedQueueArn"]: {"sqs:SendMessage"},
            # In AWS the ARN of a log group ends with `:*`, for its streams; in moto's CloudFormation it does not.
            log["arn"].removesuffix(":*"): {"logs:CreateLogStream", "logs:PutLogEvents"},
        }
        allowed = {s["Resource"].removesuffix(":*"): set(listed(s["Action"])) for s in document["Statement"]}
        self.assertEqual(allowed, expected)
        self.assertEqual(roles.list_attached_role_policies(RoleName=name)["AttachedPolicies"], [])

        topics = self.client("sns")
        topic = topics.get_topic_attributes(TopicArn=outputs["TopicArn"])["Attributes"]
        self.assertEqual({s["Sid"] for s in json.loads(topic["Policy"])["Statement"]}, {"OnlyEncrypted", "Alarms"})
        (inbox,) = topics.list_subscriptions_by_topic(TopicArn=outputs["TopicArn"])["Subscriptions"]
        self.assertEqual((inbox["Protocol"], inbox["Endpoint"]), ("email", "me@example.com"))
        alarms = self.client("cloudwatch").describe_alarms()["MetricAlarms"]
        self.assertEqual(len(alarms), costs.ALARMS)
        self.assertTrue(all(alarm["AlarmActions"] == [outputs["TopicArn"]] for alarm in alarms))

    @unittest.skipUnless(os.environ.get("TERRAFORM"), "no provider of Terraform is at hand")
    def test_terraform_makes_the_same(self):
        module = Path(os.environ["TERRAFORM"])
        (module / "test.tf").write_text('provider "aws" {\n  s3_use_path_style = true\n}\n')
        package = self.root / "target/package/trailwire.zip"

        def run(command, *arguments, **variables):
            variables = {"package": package, "bucket_name": BUCKET, **variables}
            given = [f"-var={name}={value}" for name, value in variables.items()]
            command = ["terraform", f"-chdir={module}", command, *arguments, *(given if command != "show" else [])]
            done = subprocess.run([*command, "-no-color"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout

        # What is there outlives neither moto nor this test.
        self.addCleanup(lambda: [path.unlink() for path in module.glob("terraform.tfstate*")])
        run("apply", "-auto-approve", email="me@example.com")
        values = json.loads(run("show", "-json"))["values"]
        outputs = {n.replace("_", " ").title().replace(" ", ""): o["value"] for n, o in values["outputs"].items()}
        self.check(outputs)

        # To change what is there takes the provider minutes: what it would do is enough.
        own = {"aws_cloudwatch_event_rule", "aws_cloudwatch_event_target"}
        for trigger, variables, expected in [
            ("queue-eventbridge", {"manage_bucket_notification": "true"}, own | {"aws_s3_bucket_notification"}),
            ("queue-notification", {"manage_bucket_notification": "true"}, {"aws_s3_bucket_notification"}),
            ("queue-topic", {"source_topic_arn": TRAIL}, {"aws_sns_topic_subscription"}),
            ("direct", {"manage_bucket_notification": "true"}, {"aws_s3_bucket_notification", "aws_lambda_permission"}),
            ("none", {"rules": "s3://rules/a.yaml", "reserved_concurrency": 5, "queue_kms_key_arn": KEY}, set()),
        ]:
            run("plan", f"-out={module}/plan", trigger=trigger, **variables)
            plan = json.loads(run("show", "-json", f"{module}/plan"))["planned_values"]["root_module"]["resources"]
            varying = own | {"aws_s3_bucket_notification", "aws_sns_topic_subscription", "aws_lambda_permission"}
            self.assertEqual({r["type"] for r in plan} & varying, expected, trigger)
            self.assertEqual(
                "aws_cloudwatch_metric_alarm.silence[0]" in {r["address"] for r in plan}, trigger != "none"
            )
        for wrong in [
            {"trigger": "queue-topic"},
            {"silence_hours": "0.5"},
            {"memory_size": 64},
            {"source_topic_arn": TRAIL},
        ]:
            with self.assertRaisesRegex(AssertionError, "Invalid value for variable"):
                run("plan", **wrong)

    def test_a_batch_job_is_one_that_s3_takes(self):
        keys = [self.LOG, 'AWSLogs/1/CloudTrail/r/2026/10/14/é,"%41.json.gz']
        for key in [*keys, "AWSLogs/1/CloudTrail/", "AWSLogs/1/CloudTrail-Digest/r/d.json.gz", "other/x"]:
            self.put(key, b"{}")
        arn = f"arn:aws-cn:lambda:{REGION}:{ACCOUNT}:function:f"
        variables = dict(
            BUCKET=BUCKET, PREFIX="AWSLogs/", WORK_BUCKET="work", FUNCTION_ARN=arn, ROLE_ARN="arn:role", DRY_RUN="1"
        )
        job = json.loads(self.shell("deploy/batch-operations/run.sh", **variables))
        model = botocore.session.get_session().get_service_model("s3control").operation_model("CreateJob")
        report = botocore.validate.ParamValidator().validate({"ClientRequestToken": "t", **job}, model.input_shape)
        self.assertFalse(report.has_errors(), report.generate_report())
        location = job["Manifest"]["Location"]
        bucket, key = location["ObjectArn"].removeprefix("arn:aws-cn:s3:::").split("/", 1)
        manifest = self.client("s3").get_object(Bucket=bucket, Key=key)
        self.assertEqual(manifest["ETag"].strip('"'), location["ETag"])
        lines = manifest["Body"].read().decode().splitlines()
        self.assertEqual([line.split(",")[0] for line in lines], [BUCKET] * len(keys))
        self.assertEqual({urllib.parse.unquote(line.split(",")[1]) for line in lines}, set(keys))
        inventory = json.loads(self.shell("deploy/batch-operations/run.sh", **variables, INVENTORY=key))
        self.assertEqual(inventory["Manifest"]["Spec"], {"Format": "S3InventoryReport_CSV_20211130"})

    def test_the_map_makes_events_that_the_function_takes(self):
        definition = json.loads((HERE / "distributed-map/state-machine.asl.json").read_text())
        files = definition["States"]["Files"]
        self.assertEqual(files["ItemBatcher"]["BatchInput"], {"Bucket.$": "$.bucket"})
        (read,) = files["ItemProcessor"]["States"].values()
        self.assertEqual(read["Parameters"]["Payload.$"], "$")
        # What it leaves to substitutions is what the template substitutes.
        self.shell(commands("**Step Functions** calls").split("aws cloudformation deploy")[0], ARTIFACTS="artifacts")
        packaged = yaml_parse((self.root / "target/package/map.yaml").read_text())
        plain = transform(packaged, {}, ManagedPolicyLoader(None))
        given = plain["Resources"]["Backfill"]["Properties"]["DefinitionSubstitutions"]
        self.assertEqual(set(re.findall(r"\$\{(\w+)\}", json.dumps(definition))), set(given))

    @unittest.skipUnless(os.environ.get("BOOTSTRAP"), "BOOTSTRAP names no function to run")
    def test_a_file_becomes_an_alert(self):
        for trigger in ["queue-eventbridge", "queue-notification", "queue-topic"]:
            with self.subTest(trigger):
                self.setUp()
                outputs = self.wire(trigger)
                with self.function(outputs) as function:
                    alerts = self.alerts_queue(outputs["TopicArn"])
                    self.put(self.LOG, self.log)
                    event = sqs_event(self.messages(outputs["QueueArn"]), outputs["QueueArn"])
                    self.assertEqual(function.invoke(event), {"batchItemFailures": []})
                    subjects = [json.loads(message["Body"])["Subject"] for message in self.messages(alerts)]
                    self.assertEqual(sorted(subject.split(": ")[0] for subject in subjects), self.ALERTS)
                    self.alarmed_metrics(function, ObjectsRead=1, Failures=0)

    @unittest.skipUnless(os.environ.get("BOOTSTRAP"), "BOOTSTRAP names no function to run")
    def test_what_failed_comes_back(self):
        outputs = self.deploy(Trigger="direct")
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventVersion": "2.1",
            "s3": {"bucket": {"name": BUCKET}, "object": {"key": urllib.parse.quote_plus(self.LOG, safe="/")}},
        }
        event = {"Records": [record]}
        with self.function(outputs) as function:
            alerts = self.alerts_queue(outputs["TopicArn"])
            error = function.invoke(event)
            self.assertEqual(error["errorType"], "trailwire.Failed")
            self.alarmed_metrics(function, ObjectsRead=0, Failures=1)
            # What Lambda makes of it, brought back by the command of the README once the file is there.
            failed = {"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event}
            sqs = self.client("sqs")
            url = sqs.get_queue_url(QueueName=outputs["FailedQueueArn"].rsplit(":", 1)[1])["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(failed))
            self.put(self.LOG, self.log)
            (message,) = self.messages(outputs["FailedQueueArn"])
            self.assertEqual(function.invoke(sqs_event([message], outputs["QueueArn"])), {"batchItemFailures": []})
            self.assertEqual(len(self.messages(alerts)), len(self.ALERTS))
            self.assertIsNone(function.invoke(json.loads(message["Body"])))
            self.assertEqual(len(self.messages(alerts)), len(self.ALERTS))
            # One that fails beside one that does not: only the first is to come again.
            missing = json.loads(json.dumps(event))
            missing["Records"][0]["s3"]["object"]["key"] = "AWSLogs/missing.json.gz"
            both = sqs_event(
                [{"MessageId": n, "Body": json.dumps(e)} for n, e in [("good", event), ("bad", missing)]],
                outputs["QueueArn"],
            )
            self.assertEqual(function.invoke(both), {"batchItemFailures": [{"itemIdentifier": "bad"}]})

    @unittest.skipUnless(os.environ.get("BOOTSTRAP"), "BOOTSTRAP names no function to run")
    def test_backfills_read_what_is_there(self):
        self.put(self.LOG, self.log)
        outputs = self.deploy(Trigger="none", Format="json")
        with self.function(outputs) as function:
            alerts = self.alerts_queue(outputs["TopicArn"])
            item = {
                "Etag": '"e"',
                "Key": self.LOG,
                "LastModified": 1668699881,
                "Size": len(self.log),
                "StorageClass": "STANDARD",
            }
            summary = function.invoke({"BatchInput": {"Bucket": BUCKET}, "Items": [item]})
            self.assertEqual((summary["objects"], summary["alerts"]), (1, len(self.ALERTS)))
            task = {
                "taskId": "t",
                "s3Key": urllib.parse.quote(self.LOG),
                "s3VersionId": None,
                "s3BucketArn": f"arn:aws:s3:::{BUCKET}",
            }
            answer = function.invoke(
                {"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": [task]}
            )
            (result,) = answer["results"]
            self.assertEqual((result["taskId"], result["resultCode"]), ("t", "Succeeded"))
            bodies = [json.loads(json.loads(message["Body"])["Message"]) for message in self.messages(alerts)]
            self.assertEqual({body["rule"] for body in bodies}, {"sns-topic-created", "sns-topic-removed"})
            self.assertEqual(len(bodies), 2 * len(self.ALERTS))

    def function(self, outputs):
        """The function with the environment that was deployed."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=outputs["FunctionName"])
        return Function(
            os.environ["BOOTSTRAP"],
            configuration["Environment"]["Variables"]
            | {
                "AWS_LAMBDA_FUNCTION_NAME": outputs["FunctionName"],
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            },
        )

    def alarmed_metrics(self, function, **expected):
        line = next(json.loads(line) for line in reversed(function.output()) if '"_aws"' in line)
        (definition,) = line["_aws"]["CloudWatchMetrics"]
        self.assertEqual((definition["Namespace"], definition["Dimensions"]), ("trailwire", [["FunctionName"]]))
        self.assertEqual({name: line[name] for name in expected}, expected)


def sqs_event(messages, arn):
    return {
        "Records": [
            {"messageId": m["MessageId"], "body": m["Body"], "eventSource": "aws:sqs", "eventSourceARN": arn}
            for m in messages
        ]
    }


def is_reference(tree):
    return isinstance(tree, dict) and len(tree) == 1 and next(iter(tree)) in ("Ref", "Fn::GetAtt")


def references(tree):
    if is_reference(tree):
        yield tree
    elif isinstance(tree, dict):
        yield from references(list(tree.values()))
    elif isinstance(tree, list):
        for item in tree:
            yield from references(item)


def replaced(tree, needed, outputs):
    if is_reference(tree):
        return outputs[f"Needed{needed.index(tree)}"]
    if isinstance(tree, dict):
        return {key: replaced(value, needed, outputs) for key, value in tree.items()}
    if isinstance(tree, list):
        return [replaced(item, needed, outputs) for item in tree]
    return tree
