//! What the records of the test data say. Everything here is made up.
//!
//! Texts are templates: line breaks with the indentation behind them are left
//! out, and `%a` stands for the account, `%r` for the Region, `%t` for the
//! record's time, `%n` for its number in the file, `%u` for a new UUID and `%h`
//! for 17 new hex digits.

/// Who calls, and from where.
pub struct Caller {
    pub identity: &'static str,
    pub address: &'static str,
    pub agent: &'static str,
}

/// One call, from which any number of records is made.
pub struct Event {
    /// What the generator calls it.
    pub label: &'static str,
    /// How many records of it the ordinary file holds.
    pub copies: usize,
    pub caller: &'static Caller,
    /// First part of the event source, and the event name.
    pub call: (&'static str, &'static str),
    /// Code and message, where it failed.
    pub error: Option<(&'static str, &'static str)>,
    pub request: &'static str,
    pub response: &'static str,
    /// `additionalEventData`, if not empty.
    pub additional: &'static str,
    /// `resources`, if not empty.
    pub resources: &'static str,
}

const EVENT: Event = Event {
    label: "",
    copies: 1,
    caller: &ALICE,
    call: ("", ""),
    error: None,
    request: "null",
    response: "null",
    additional: "",
    resources: "",
};

const ALICE: Caller = Caller {
    identity: r#"{"type":"IAMUser","principalId":"AIDAALICE00000EXAMPLE","arn":"arn:aws:iam::%a:user/alice","accountId":"%a",
        "accessKeyId":"AKIAALICE0001EXAMPLE","userName":"alice"}"#,
    address: "192.0.2.44",
    agent: "aws-cli/2.31.4 md/awscrt#0.28.1 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7 \
        md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe",
};

const BOB: Caller = Caller {
    identity: r#"{"type":"IAMUser","principalId":"AIDABOB0000000EXAMPLE","arn":"arn:aws:iam::%a:user/bob","accountId":"%a",
        "accessKeyId":"ASIABOB000001EXAMPLE","userName":"bob","sessionContext":{"sessionIssuer":{},
        "webIdFederationData":{},"attributes":{"creationDate":"2026-10-14T08:57:12Z","mfaAuthenticated":"true"}}}"#,
    address: "2001:db8:4::17",
    agent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
};

/// Bob before he is signed in: no ARN, and an empty key.
const BOB_AT_THE_DOOR: Caller = Caller {
    identity: r#"{"type":"IAMUser","principalId":"AIDABOB0000000EXAMPLE","accountId":"%a","accessKeyId":"",
        "userName":"bob"}"#,
    ..BOB
};

const ROOT: Caller = Caller {
    identity: r#"{"type":"Root","principalId":"%a","arn":"arn:aws:iam::%a:root","accountId":"%a",
        "accessKeyId":"ASIAROOT00001EXAMPLE","sessionContext":{"sessionIssuer":{},"webIdFederationData":{},
        "attributes":{"creationDate":"2026-10-14T09:02:31Z","mfaAuthenticated":"true"}}}"#,
    address: "203.0.113.9",
    ..BOB
};

const DEPLOYER: Caller = Caller {
    identity: r#"{"type":"AssumedRole","principalId":"AROADEPLOYER00EXAMPLE:release-417",
        "arn":"arn:aws:sts::%a:assumed-role/deployer/release-417","accountId":"%a",
        "accessKeyId":"ASIADEPLOYER1EXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role",
        "principalId":"AROADEPLOYER00EXAMPLE","arn":"arn:aws:iam::%a:role/deployer","accountId":"%a",
        "userName":"deployer"},"webIdFederationData":{},"attributes":{"creationDate":"2026-10-14T09:01:48Z",
        "mfaAuthenticated":"false"}}}"#,
    address: "198.51.100.23",
    agent: "APN/1.0 HashiCorp/1.0 Terraform/1.13.3 (+https://www.terraform.io) terraform-provider-aws/6.15.0",
};

/// A Lambda function that uses its role.
const WORKER: Caller = Caller {
    identity: r#"{"type":"AssumedRole","principalId":"AROAWORKER0000EXAMPLE:invoice-worker",
        "arn":"arn:aws:sts::%a:assumed-role/invoice-worker/invoice-worker","accountId":"%a",
        "accessKeyId":"ASIAWORKER001EXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role",
        "principalId":"AROAWORKER0000EXAMPLE","arn":"arn:aws:iam::%a:role/invoice-worker","accountId":"%a",
        "userName":"invoice-worker"},"attributes":{"creationDate":"2026-10-14T08:44:03Z",
        "mfaAuthenticated":"false"}}}"#,
    address: "203.0.113.77",
    agent: "aws-sdk-rust/1.3.9 os/linux lang/rust/1.90.0 exec-env/AWS_Lambda_provided.al2023",
};

const TRAIL: Caller = Caller {
    identity: r#"{"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com"}"#,
    address: "cloudtrail.amazonaws.com",
    agent: "cloudtrail.amazonaws.com",
};

const LAMBDA: Caller = Caller {
    identity: r#"{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}"#,
    address: "lambda.amazonaws.com",
    agent: "lambda.amazonaws.com",
};

const S3_ADDITIONAL: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256",
    "bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%h/%h+%h=","bytesTransferredOut":2048.0}"#;

/// All calls.
pub const EVENTS: &[Event] = &[
    Event {
        label: "create-topic",
        call: ("sns", "CreateTopic"),
        request: r#"{"name":"orders-%n","attributes":{"DisplayName":"Orders \"EU\"","KmsMasterKeyId":"alias/orders",
            "DeliveryPolicy":"{\n  \"http\": {\"defaultHealthyRetryPolicy\": {\"numRetries\": 3}}\n}"},
            "tags":[{"key":"team","value":"orders"},{"key":"cost:center","value":"4711"}]}"#,
        response: r#"{"topicArn":"arn:aws:sns:%r:%a:orders-%n"}"#,
        ..EVENT
    },
    Event {
        label: "create-topic-denied",
        caller: &DEPLOYER,
        call: ("sns", "CreateTopic"),
        error: Some((
            "AuthorizationError",
            "User: arn:aws:sts::%a:assumed-role/deployer/release-417 is not authorized to perform: \
             SNS:CreateTopic on resource: arn:aws:sns:%r:%a:alerts because no identity-based policy allows it",
        )),
        request: r#"{"name":"alerts","attributes":{"FifoTopic":"false"}}"#,
        ..EVENT
    },
    Event {
        label: "delete-topic",
        caller: &DEPLOYER,
        call: ("sns", "DeleteTopic"),
        request: r#"{"topicArn":"arn:aws:sns:%r:%a:orders-%n"}"#,
        ..EVENT
    },
    Event {
        label: "sign-in-failure",
        caller: &BOB_AT_THE_DOOR,
        call: ("signin", "ConsoleLogin"),
        error: Some(("", "Failed authentication")),
        response: r#"{"ConsoleLogin":"Failure"}"#,
        additional: r#"{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue\u0026region\u003d%r\u0026state\u003dhashArgsFromTB_%h",
            "MobileVersion":"No","MFAUsed":"No"}"#,
        ..EVENT
    },
    Event {
        label: "sign-in",
        caller: &ROOT,
        call: ("signin", "ConsoleLogin"),
        response: r#"{"ConsoleLogin":"Success"}"#,
        additional: r#"{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue\u0026region\u003d%r\u0026state\u003dhashArgsFromTB_%h",
            "MobileVersion":"No","MFAIdentifier":"arn:aws:iam::%a:mfa/root-key","MFAUsed":"Yes"}"#,
        ..EVENT
    },
    Event {
        label: "create-access-key",
        call: ("iam", "CreateAccessKey"),
        request: r#"{"userName":"bob"}"#,
        response: r#"{"accessKey":{"userName":"bob","accessKeyId":"AKIABOB000002EXAMPLE","status":"Active",
            "createDate":"Oct 14, 2026 9:06:12 AM"}}"#,
        ..EVENT
    },
    Event {
        label: "decrypt",
        copies: 5,
        caller: &WORKER,
        call: ("kms", "Decrypt"),
        request: r#"{"encryptionContext":{"aws:lambda:FunctionArn":"arn:aws:lambda:%r:%a:function:invoice-worker"},
            "encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
        resources: r#"[{"accountId":"%a","type":"AWS::KMS::Key","ARN":"arn:aws:kms:%r:%a:key/%u"}]"#,
        ..EVENT
    },
    Event {
        label: "get-object",
        copies: 5,
        caller: &WORKER,
        call: ("s3", "GetObject"),
        request: r#"{"bucketName":"example-invoices","Host":"example-invoices.s3.%r.amazonaws.com",
            "key":"2026/10/invoice-%n.pdf"}"#,
        additional: S3_ADDITIONAL,
        resources: r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::example-invoices/2026/10/invoice-%n.pdf"},
            {"accountId":"%a","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::example-invoices"}]"#,
        ..EVENT
    },
    Event {
        label: "get-bucket-acl",
        copies: 3,
        caller: &TRAIL,
        call: ("s3", "GetBucketAcl"),
        request: r#"{"bucketName":"example-cloudtrail-logs","Host":"example-cloudtrail-logs.s3.%r.amazonaws.com",
            "acl":""}"#,
        additional: S3_ADDITIONAL,
        resources: r#"[{"accountId":"%a","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::example-cloudtrail-logs"}]"#,
        ..EVENT
    },
    Event {
        label: "assume-role",
        copies: 4,
        caller: &LAMBDA,
        call: ("sts", "AssumeRole"),
        request: r#"{"roleArn":"arn:aws:iam::%a:role/invoice-worker","roleSessionName":"invoice-worker",
            "sourceArn":"arn:aws:lambda:%r:%a:function:invoice-worker","durationSeconds":43200}"#,
        response: r#"{"credentials":{"accessKeyId":"ASIAWORKER001EXAMPLE","sessionToken":"EXAMPLE%h%h%h%h=",
            "expiration":"Oct 14, 2026, 9:05:03 PM"},"assumedRoleUser":{
            "assumedRoleId":"AROAWORKER0000EXAMPLE:invoice-worker",
            "arn":"arn:aws:sts::%a:assumed-role/invoice-worker/invoice-worker"}}"#,
        resources: r#"[{"accountId":"%a","type":"AWS::IAM::Role","ARN":"arn:aws:iam::%a:role/invoice-worker"}]"#,
        ..EVENT
    },
    Event {
        label: "open-port",
        caller: &BOB,
        call: ("ec2", "AuthorizeSecurityGroupIngress"),
        request: r#"{"groupId":"sg-%h","ipPermissions":{"items":[
            {"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},"ipRanges":{"items":[
            {"cidrIp":"0.0.0.0/0","description":"ssh"},{"cidrIp":"198.51.100.0/24"}]},"ipv6Ranges":{},"prefixListIds":{}},
            {"ipProtocol":"icmp","fromPort":-1,"toPort":-1,"groups":{},"ipRanges":{},"ipv6Ranges":{"items":[
            {"cidrIpv6":"2001:db8::/32"}]},"prefixListIds":{}}]}}"#,
        response: r#"{"requestId":"%u","_return":true}"#,
        ..EVENT
    },
    Event {
        // Holds an `errorCode` that is not the record's.
        label: "association-status",
        caller: &WORKER,
        call: ("ssm", "UpdateInstanceAssociationStatus"),
        request: r#"{"instanceId":"i-%h","associationId":"%u","executionResult":{"executionDate":"Oct 14, 2026 9:04:59 AM",
            "status":"Failed","errorCode":"1","detailedStatus":"Failed","executionSummary":"1 out of 1 plugin processed, 0 success, 1 failed",
            "outputUrl":{"s3OutputUrl":{}}}}"#,
        ..EVENT
    },
    Event {
        // Says CreateTopic, but not at the top level.
        label: "decoy-object",
        call: ("ssm", "CreateOpsItem"),
        request: r#"{"title":"topic without owner","source":"audit","priority":3,"operationalData":{
            "audit.record":{"eventSource":"sns.amazonaws.com","eventName":"CreateTopic","count":1},
            "/aws/dedup":{"value":"{\"dedupString\":\"topic\"}","type":"SearchableString"}},
            "nested":[{"eventSource":"sns.amazonaws.com","eventName":"CreateTopic"}]}"#,
        response: r#"{"opsItemId":"oi-%h"}"#,
        ..EVENT
    },
    Event {
        // The same as text in a string.
        label: "decoy-string",
        caller: &DEPLOYER,
        call: ("events", "PutRule"),
        request: r#"{"name":"topics","state":"ENABLED","eventBusName":"default",
            "eventPattern":"{\"eventSource\":\"sns.amazonaws.com\",\"eventName\":\"CreateTopic\"}"}"#,
        response: r#"{"ruleArn":"arn:aws:events:%r:%a:rule/topics"}"#,
        ..EVENT
    },
    Event {
        label: "create-function",
        caller: &DEPLOYER,
        call: ("lambda", "CreateFunction20150331"),
        request: r#"{"functionName":"report","runtime":"provided.al2023","role":"arn:aws:iam::%a:role/report",
            "handler":"bootstrap","timeout":30,"memorySize":256,"publish":false,"architectures":["arm64"],
            "environment":{},"tags":{}}"#,
        response: r#"{"functionArn":"arn:aws:lambda:%r:%a:function:report","codeSize":1812344,"version":"$LATEST",
            "lastModified":"%t","revisionId":"%u","vpcConfig":null,"layers":[]}"#,
        ..EVENT
    },
    Event {
        label: "run-instances",
        caller: &BOB,
        call: ("ec2", "RunInstances"),
        error: Some(("Client.InstanceLimitExceeded", "You have requested more instances (10) than allowed.")),
        request: r#"{"instancesSet":{"items":[{"imageId":"ami-%h","minCount":1,"maxCount":10}]},"instanceType":"c8g.large",
            "blockDeviceMapping":{"items":[{"deviceName":"/dev/xvda","ebs":{"volumeSize":30,"encrypted":true}}]},
            "monitoring":{"enabled":false},"subnetId":"subnet-%h","disableApiTermination":false,"clientToken":"%u"}"#,
        ..EVENT
    },
    Event {
        label: "describe-instances",
        copies: 3,
        caller: &DEPLOYER,
        call: ("ec2", "DescribeInstances"),
        request: r#"{"instancesSet":{"items":[{"instanceId":"i-%h"},{"instanceId":"i-%h"}]},"filterSet":{"items":[
            {"name":"instance-state-name","valueSet":{"items":[{"value":"running"},{"value":"stopped"}]}}]}}"#,
        ..EVENT
    },
    Event {
        label: "get-secret",
        copies: 2,
        caller: &WORKER,
        call: ("secretsmanager", "GetSecretValue"),
        request: r#"{"secretId":"arn:aws:secretsmanager:%r:%a:secret:invoice-db-a1B2c3","versionStage":"AWSCURRENT"}"#,
        ..EVENT
    },
    Event {
        label: "put-alarm",
        caller: &DEPLOYER,
        call: ("monitoring", "PutMetricAlarm"),
        request: r#"{"alarmName":"dead letters","threshold":0.0,"period":300,"evaluationPeriods":1,"namespace":"AWS/SQS",
            "comparisonOperator":"GreaterThanThreshold","alarmActions":["arn:aws:sns:%r:%a:alerts"],
            "dimensions":[{"name":"QueueName","value":"trail-files-dlq"}]}"#,
        ..EVENT
    },
    Event {
        label: "run-task",
        call: ("ecs", "RunTask"),
        request: r#"{"cluster":"batch","count":1,"launchType":"FARGATE","taskDefinition":"nightly:7"}"#,
        response: r#"{"failures":[],"tasks":[{"taskArn":"arn:aws:ecs:%r:%a:task/batch/%h","lastStatus":"PROVISIONING",
            "createdAt":1.791968712345E9,"cpu":"256","containers":[{"name":"main","exitCode":null,
            "networkInterfaces":[]}],"version":1}]}"#,
        ..EVENT
    },
    Event {
        label: "bucket-policy",
        call: ("s3", "PutBucketPolicy"),
        request: r#"{"bucketName":"example-invoices","Host":"example-invoices.s3.%r.amazonaws.com","policy":"",
            "bucketPolicy":{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["s3:PutObject"],
            "Resource":["arn:aws:s3:::example-invoices/*"],"Condition":{"StringEquals":{"s3:x-amz-acl":["public-read"]}}}]}}"#,
        additional: S3_ADDITIONAL,
        resources: r#"[{"accountId":"%a","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::example-invoices"}]"#,
        ..EVENT
    },
    Event {
        label: "user-policy",
        call: ("iam", "PutUserPolicy"),
        request: r#"{"userName":"bob","policyName":"temporary","policyDocument":"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"sns:CreateTopic\", \"Resource\": \"*\"}\n  ]\n}\n"}"#,
        ..EVENT
    },
    Event {
        label: "metric-filter",
        caller: &DEPLOYER,
        call: ("logs", "PutMetricFilter"),
        request: r#"{"logGroupName":"trail","filterName":"denied","filterPattern":"{ $.errorCode \u003d \"AccessDenied\" \u0026\u0026 $.readOnly IS FALSE }",
            "metricTransformations":[{"metricName":"Denied","metricNamespace":"Trail","metricValue":"1","defaultValue":0.0}]}"#,
        ..EVENT
    },
    Event { label: "account-summary", caller: &ROOT, call: ("iam", "GetAccountSummary"), ..EVENT },
];
