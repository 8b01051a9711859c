//! What is known of CloudTrail's records: which fields there are, and what
//! kind of value they hold.
//!
//! Only for lints, which say what is surely a mistake: fields whose values
//! differ from service to service are not here, and nothing that AWS may add to.

use super::node::{Node, Value};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string of twelve digits.
    Account,
    /// A string that is one of these, as far as those differ by more than case.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// Further fields, and no value of its own.
    Object,
    /// Anything.
    Free,
}

use Kind::{Account, Flag, Free, Object, Text, Word};

const USER_TYPES: &[&str] = &[
    "Root",
    "IAMUser",
    "AssumedRole",
    "Role",
    "FederatedUser",
    "Directory",
    "AWSAccount",
    "AWSService",
    "IdentityCenterUser",
    "SAMLUser",
    "WebIdentityUser",
    "Unknown",
];
const EVENT_TYPES: &[&str] = &[
    "AwsApiCall",
    "AwsServiceEvent",
    "AwsConsoleAction",
    "AwsConsoleSignIn",
    // The reference has the plural, and its example, as records do, has not.
    "AwsVpceEvent",
    "AwsVpceEvents",
    "AwsCloudTrailInsight",
    "AwsAggregatedEvent",
];
const CATEGORIES: &[&str] = &["Management", "Data", "NetworkActivity", "Insight", "Aggregated"];

/// Fields by path. All at the top are here; of those below, the ones with a
/// kind of their own.
pub(super) const FIELDS: &[(&str, Kind)] = &[
    ("accountId", Account),
    ("addendum", Object),
    ("addendum.originalEventID", Text),
    ("addendum.originalRequestID", Text),
    ("addendum.reason", Text),
    ("addendum.updatedFields", Text),
    ("additionalEventData", Free),
    ("additionalEventData.MFAUsed", Word(&["Yes", "No"])),
    ("apiVersion", Text),
    ("awsRegion", Text),
    ("edgeDeviceDetails", Free),
    ("errorCode", Text),
    ("errorMessage", Text),
    ("eventCategory", Word(CATEGORIES)),
    ("eventContext", Free),
    ("eventID", Text),
    ("eventId", Text),
    ("eventName", Text),
    ("eventSource", Text),
    ("eventTime", Text),
    ("eventType", Word(EVENT_TYPES)),
    ("eventVersion", Text),
    ("insightDetails", Object),
    ("insightDetails.errorCode", Text),
    ("insightDetails.eventName", Text),
    ("insightDetails.eventSource", Text),
    ("insightDetails.insightType", Text),
    ("insightDetails.state", Word(&["Start", "End"])),
    ("managementEvent", Flag),
    ("readOnly", Flag),
    ("recipientAccountId", Account),
    ("requestID", Text),
    ("requestParameters", Free),
    ("resources", Object),
    ("resources.ARN", Text),
    ("resources.accountId", Account),
    ("resources.type", Text),
    ("responseElements", Free),
    ("serviceEventDetails", Free),
    ("sessionCredentialFromConsole", Word(&["true"])),
    ("sharedEventID", Text),
    ("sourceIPAddress", Text),
    ("summary", Free),
    ("timeWindow", Object),
    ("tlsDetails", Object),
    ("tlsDetails.cipherSuite", Text),
    ("tlsDetails.clientProvidedHostHeader", Text),
    ("tlsDetails.keyExchange", Text),
    ("tlsDetails.tlsVersion", Text),
    ("userAgent", Text),
    ("userIdentity", Object),
    ("userIdentity.accessKeyId", Text),
    ("userIdentity.accountId", Account),
    ("userIdentity.arn", Text),
    ("userIdentity.invokedBy", Text),
    ("userIdentity.principalId", Text),
    ("userIdentity.sessionContext", Object),
    ("userIdentity.sessionContext.attributes", Object),
    ("userIdentity.sessionContext.attributes.creationDate", Text),
    ("userIdentity.sessionContext.attributes.mfaAuthenticated", Word(&["true", "false"])),
    ("userIdentity.sessionContext.sessionIssuer", Object),
    ("userIdentity.sessionContext.sessionIssuer.accountId", Account),
    ("userIdentity.sessionContext.sessionIssuer.arn", Text),
    ("userIdentity.sessionContext.sessionIssuer.principalId", Text),
    ("userIdentity.sessionContext.sessionIssuer.type", Word(USER_TYPES)),
    ("userIdentity.sessionContext.sessionIssuer.userName", Text),
    ("userIdentity.type", Word(USER_TYPES)),
    ("userIdentity.userName", Text),
    ("vpcEndpointAccountId", Account),
    ("vpcEndpointId", Text),
];

/// What a path holds, if that is known.
pub(super) fn kind(path: &str) -> Option<Kind> {
    FIELDS.iter().find(|(known, _)| *known == path).map(|&(_, kind)| kind)
}

/// Calls that rules often ask for, and the only service that has them. None that
/// another may have too: S3 has relatives (s3-outposts, s3tables, s3express), and
/// `CreateTopic` is also one of QuickSight's.
pub(super) const CALLS: &[(&str, &[&str])] = &[
    (
        SIGNIN,
        &[
            "ConsoleLogin",
            "CheckMfa",
            "SwitchRole",
            "ExitRole",
            "PasswordRecoveryRequested",
            "PasswordRecoveryCompleted",
        ],
    ),
    ("sts", &["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetCallerIdentity", "GetSessionToken"]),
    ("cloudtrail", &["CreateTrail", "DeleteTrail", "UpdateTrail", "StartLogging", "StopLogging", "PutEventSelectors"]),
    (
        "iam",
        &[
            "AddUserToGroup",
            "AttachGroupPolicy",
            "AttachRolePolicy",
            "AttachUserPolicy",
            "CreateAccessKey",
            "CreateLoginProfile",
            "CreateRole",
            "CreateVirtualMFADevice",
            "DeactivateMFADevice",
            "DeleteAccessKey",
            "DeleteAccountPasswordPolicy",
            "DeleteGroupPolicy",
            "DeleteLoginProfile",
            "DeleteRole",
            "DeleteRolePolicy",
            "DeleteUserPolicy",
            "DeleteVirtualMFADevice",
            "DetachGroupPolicy",
            "DetachRolePolicy",
            "DetachUserPolicy",
            "PutGroupPolicy",
            "PutRolePolicy",
            "PutUserPolicy",
            "UpdateAccessKey",
            "UpdateAccountPasswordPolicy",
            "UpdateAssumeRolePolicy",
            "UpdateLoginProfile",
        ],
    ),
    ("kms", &["DisableKey", "ScheduleKeyDeletion", "GenerateDataKey", "PutKeyPolicy"]),
    ("s3", &["GetBucketAcl", "PutBucketAcl"]),
    ("secretsmanager", &["GetSecretValue", "PutSecretValue"]),
    (
        "config",
        &["StopConfigurationRecorder", "DeleteDeliveryChannel", "PutDeliveryChannel", "PutConfigurationRecorder"],
    ),
    (
        "ec2",
        &[
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "CreateNetworkAcl",
            "CreateNetworkAclEntry",
            "CreateSecurityGroup",
            "CreateVpc",
            "DeleteFlowLogs",
            "DeleteSecurityGroup",
            "DeleteVpc",
            "ModifySnapshotAttribute",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
            "RunInstances",
            "StopInstances",
            "TerminateInstances",
        ],
    ),
];

/// Further values that always come with one of another field, as JSON.
const TOGETHER: &[(&str, &str, &str, &str)] = &[
    ("eventCategory", r#""Data""#, "managementEvent", "false"),
    ("eventCategory", r#""Insight""#, "eventType", r#""AwsCloudTrailInsight""#),
    ("eventCategory", r#""Management""#, "managementEvent", "true"),
    ("eventType", r#""AwsCloudTrailInsight""#, "eventCategory", r#""Insight""#),
    ("eventType", r#""AwsVpceEvent""#, "eventCategory", r#""NetworkActivity""#),
    ("eventType", r#""AwsVpceEvents""#, "eventCategory", r#""NetworkActivity""#),
];

/// The service whose calls have an event type of their own.
const SIGNIN: &str = "signin";

/// Fields whose value is known where `path` has the value that `element`
/// stands for, with that value as JSON.
pub(super) fn implied(path: &str, element: &Node) -> Vec<(&'static str, String)> {
    let mut implied = Vec::new();
    if path == "eventName"
        && let Value::String(name) = &element.value
        && let Some((service, _)) = CALLS.iter().find(|(_, names)| names.contains(&&name[..]))
    {
        implied.push(("eventSource", format!("\"{service}.amazonaws.com\"")));
        if *service == SIGNIN {
            implied.push(("eventType", r#""AwsConsoleSignIn""#.to_owned()));
        }
    }
    let value = element.to_json();
    let together = TOGETHER.iter().filter(|(known, of, ..)| *known == path && *of == value);
    implied.extend(together.map(|(_, _, other, value)| (*other, (*value).to_owned())));
    implied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_once_with_all_above_them() {
        assert!(FIELDS.is_sorted_by_key(|(path, _)| path.split('.').collect::<Vec<_>>()));
        for (path, _) in FIELDS {
            let above = path.rsplit_once('.').map(|(above, _)| kind(above));
            assert!(matches!(above, None | Some(Some(Object | Free))), "{path}");
        }
    }

    #[test]
    fn calls_are_known_once() {
        let mut names: Vec<_> = CALLS.iter().flat_map(|(_, names)| *names).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
