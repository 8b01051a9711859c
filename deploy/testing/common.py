"""What all tests look at: the template, as it comes out for given parameters, and the README."""

from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from testing.rendering import render

HERE = Path(__file__).resolve().parent.parent
PROJECT = HERE.parent
REGION, ACCOUNT = "eu-west-1", "123456789012"
SAM = yaml_parse((HERE / "sam/template.yaml").read_text())
README = (HERE / "README.md").read_text()
TRIGGERS = SAM["Parameters"]["Trigger"]["AllowedValues"]
BUCKET = "trail-logs"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:mine"
TRAIL = f"arn:aws:sns:{REGION}:{ACCOUNT}:trail"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a-1"


def rendered(template=SAM, partition="aws", **parameters):
    """A template as CloudFormation would see it, with `<Name>` and `<Name.Attribute>` for what only exists later."""
    if template is SAM:
        parameters = {"BucketName": BUCKET, **parameters}
    if parameters.get("Trigger") == "queue-topic":
        parameters["SourceTopicArn"] = TRAIL.replace("aws", partition)
    pseudo = {"AWS::Partition": partition, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": "stack"}
    return render(
        template, parameters, pseudo, lambda name, attribute=None: f"<{name}{'.' + attribute if attribute else ''}>"
    )


def resources(**parameters):
    return rendered(**parameters)["Resources"]


def statements(policy):
    return {s["Sid"]: s for s in policy["PolicyDocument"]["Statement"]}


def role_statements(resource):
    (policy,) = resource["Properties"]["Policies"]
    return statements(policy)


def listed(value):
    return value if isinstance(value, list) else [value]


def rows(heading):
    """The first cells of a table of the README."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line.split("|")[1].strip().strip("`") for line in section.splitlines() if line.startswith("| `")]


def commands(after):
    """The first block of commands behind a text of the README."""
    return README.split(after, 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
