//! Whether an `ignore` list leaves anything to alert on.
//!
//! A list that no record gets past switches its rules off in silence, so it is
//! refused. Whether there is such a record is tried out: on a few that are as
//! unlike each other as CloudTrail's records get, and, should all of those be
//! ignored, on variants that hold what the list itself names.

use super::node::{Member, Node, Place, Value};
use super::schema::{self, Kind};
use super::{Pattern, Rule, RuleError, RuleSet, Sample};
use std::sync::Arc;

/// Records of every kind, with values that nobody would name.
const PROBES: [&str; 4] = [
    r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA0PROBE","arn":"arn:aws:iam::000000000010:user/probe","accountId":"000000000010","accessKeyId":"AKIA0PROBE","userName":"probe"},"eventTime":"2025-07-05T01:02:03Z","eventSource":"probe-one.amazonaws.com","eventName":"ProbeOne","awsRegion":"probe-region-1","sourceIPAddress":"198.51.100.97","userAgent":"probe/1","errorCode":"ProbeError","errorMessage":"a probe","requestParameters":{"probe":"one"},"responseElements":null,"requestID":"probe-request-1","eventID":"0b6e5c1a-52d3-4e8f-9a71-3f0c2d9b1e01","readOnly":false,"eventType":"AwsApiCall","apiVersion":"2031-01-01","managementEvent":true,"recipientAccountId":"000000000011","vpcEndpointId":"vpce-probe","eventCategory":"Management","sharedEventID":"probe-shared-1"}"#,
    r#"{"eventVersion":"1.10","userIdentity":{"type":"AWSService","invokedBy":"probe-two.amazonaws.com"},"eventTime":"2024-06-04T01:02:03Z","eventSource":"probe-two.amazonaws.com","eventName":"ProbeTwo","awsRegion":"probe-region-2","sourceIPAddress":"probe-two.amazonaws.com","userAgent":"probe-two.amazonaws.com","requestParameters":null,"responseElements":null,"requestID":"probe-request-2","eventID":"1c7f6d2b-63e4-4f9a-8b82-4a1d3eac2f02","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"000000000022","eventCategory":"Data"}"#,
    r#"{"eventVersion":"1.08","userIdentity":{"type":"Root","principalId":"000000000030","arn":"arn:aws:iam::000000000030:root","accountId":"000000000030","accessKeyId":""},"eventTime":"2023-05-03T01:02:03Z","eventSource":"probe-three.amazonaws.com","eventName":"ProbeThree","awsRegion":"probe-region-3","sourceIPAddress":"2001:db8::97","userAgent":"Probe/3","requestParameters":null,"responseElements":{"Probe":"three"},"additionalEventData":{"Probe":"three"},"eventID":"2d8a7e3c-74f5-4aab-9c93-5b2e4fbd3a03","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"000000000033","eventCategory":"Management"}"#,
    r#"{"eventVersion":"1.05","userIdentity":{"accountId":"000000000040","invokedBy":"AWS Internal"},"eventTime":"2026-04-02T01:02:03Z","eventSource":"probe-four.amazonaws.com","eventName":"ProbeFour","awsRegion":"probe-region-4","sourceIPAddress":"AWS Internal","userAgent":"AWS Internal","requestParameters":null,"responseElements":null,"eventID":"3e9b8f4d-8506-4bbc-8da4-6c3f5ace4b04","eventType":"AwsServiceEvent","recipientAccountId":"000000000044","serviceEventDetails":{"probe":"four"}}"#,
];

/// Refuses, at `place`, a list of patterns that every record matches; `nodes` are
/// the patterns as text.
pub(super) fn check(patterns: &[Pattern], nodes: &[Arc<Node>], place: Place) -> Result<(), RuleError> {
    let rules = RuleSet::new(patterns.iter().map(|pattern| Rule::new("ignored", pattern.clone())).collect());
    let ignored = |probe: &Node| {
        let matching = Sample::from_node(probe)?.matching(&rules);
        // What takes too long to match is not ignored either.
        Ok(matching.is_ok_and(|rules| !rules.is_empty()))
    };
    let mut probes = Vec::new();
    for text in PROBES {
        let probe = Node::from_json(text)?;
        if !ignored(&probe)? {
            return Ok(());
        }
        probes.push(probe);
    }
    let mut named = Vec::new();
    nodes.iter().for_each(|node| fields(node, &mut Vec::new(), &mut named));
    // What no record has, or not as a string, none can be made with.
    let is_string = |path: &str| !matches!(schema::kind(path), Some(Kind::Flag | Kind::Object));
    named.retain(|one| schema::kind(one.path[0]).is_some() && is_string(&one.path.join(".")));
    // Each by itself, and all fields at once with the first of their values.
    let mut first: Vec<&Named<'_>> = Vec::new();
    for one in &named {
        if first.iter().all(|other| other.path != one.path) {
            first.push(one);
        }
    }
    let variants = named.iter().map(|one| vec![one]).chain(std::iter::once(first));
    for variant in variants {
        for probe in &probes {
            let mut record = probe.clone();
            let changed = variant.iter().filter(|one| put(&mut record, &one.path, one.value)).count();
            if changed > 0 && !ignored(&record)? {
                return Ok(());
            }
        }
    }
    Err(place.error("ignore matches every record, so nothing would ever alert"))
}

/// A field that a pattern asks for, and a string that it names there, if any.
#[derive(Debug)]
struct Named<'a> {
    path: Vec<&'a str>,
    value: Option<&'a str>,
}

fn fields<'a>(pattern: &'a Node, path: &mut Vec<&'a str>, named: &mut Vec<Named<'a>>) {
    let Value::Object(members) = &pattern.value else { return };
    for member in members {
        match &member.node.value {
            Value::Array(branches) if member.key == "$or" => {
                branches.iter().for_each(|branch| fields(branch, path, named));
            }
            _ => {
                let depth = path.len();
                path.extend(member.key.split('.'));
                match &member.node.value {
                    Value::Array(elements) => {
                        let before = named.len();
                        elements.iter().for_each(|element| strings(element, path, named));
                        if named.len() == before {
                            named.push(Named { path: path.clone(), value: None });
                        }
                    }
                    _ => fields(&member.node, path, named),
                }
                path.truncate(depth);
            }
        }
    }
}

fn strings<'a>(element: &'a Node, path: &[&'a str], named: &mut Vec<Named<'a>>) {
    match &element.value {
        Value::String(text) => named.push(Named { path: path.to_vec(), value: Some(text) }),
        Value::Array(nodes) => nodes.iter().for_each(|node| strings(node, path, named)),
        Value::Object(members) => members.iter().for_each(|member| strings(&member.node, path, named)),
        _ => {}
    }
}

/// Puts a string at `path` of a record: in place of another one, or where there
/// is nothing; any string, if none is named. False where something else is.
fn put(record: &mut Node, path: &[&str], value: Option<&str>) -> bool {
    let place = record.place;
    match (&mut record.value, path) {
        (Value::String(known), []) => value.map(|value| value.clone_into(known)).is_some(),
        (Value::Object(members), [key, rest @ ..]) => {
            if let Some(member) = members.iter_mut().find(|member| member.key == *key) {
                return put(&mut member.node, rest, value);
            }
            let mut node = Node { value: Value::Null, place };
            put(&mut node, rest, value);
            members.push(Member { key: (*key).to_owned(), place, node });
            true
        }
        (Value::Null, []) => {
            record.value = Value::String(value.unwrap_or("x").to_owned());
            true
        }
        (Value::Null, [_, ..]) => {
            record.value = Value::Object(Vec::new());
            put(record, path, value)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(list: &str) -> bool {
        let Value::Array(nodes) = Node::from_json(list).unwrap().value else { panic!("{list}") };
        let patterns: Vec<_> = nodes.iter().map(|node| Pattern::compile(node).unwrap()).collect();
        let nodes: Vec<_> = nodes.into_iter().map(Arc::new).collect();
        check(&patterns, &nodes, Place::default()).is_err()
    }

    #[test]
    fn a_list_that_lets_nothing_pass_is_refused() {
        for list in [
            r#"[{"eventName":[{"exists":true}]}]"#,
            r#"[{"eventSource":[{"prefix":""}]}]"#,
            r#"[{"eventSource":[{"suffix":".amazonaws.com"}]}]"#,
            r#"[{"eventVersion":[{"prefix":"1."}]}]"#,
            r#"[{"eventTime":[{"prefix":"2"}]}]"#,
            r#"[{"noSuchField":[{"exists":false}]}]"#,
            r#"[{"userIdentity":[{"exists":false}]}]"#,
            r#"[{"errorCode":[{"exists":true},{"exists":false}]}]"#,
            r#"[{"errorCode":[{"exists":true}]},{"errorCode":[{"exists":false}]}]"#,
            r#"[{"eventName":[{"anything-but":"A"},{"anything-but":"B"}]}]"#,
            r#"[{"eventName":[{"anything-but":"A"}]},{"eventName":["A"]}]"#,
            r#"[{"readOnly":[{"anything-but":"x"},{"exists":false}]}]"#,
            r#"[{"eventID":[{"wildcard":"*-*-*-*-*"}]}]"#,
            r#"[{"eventTime":[{"prefix":"202"}]}]"#,
        ] {
            assert!(refused(list), "{list}");
        }
    }

    #[test]
    fn a_list_that_lets_something_pass_is_not() {
        for list in [
            "[]",
            r#"[{"eventType":["AwsApiCall"]}]"#,
            r#"[{"readOnly":[true,false]}]"#,
            r#"[{"errorCode":[{"exists":false}]}]"#,
            r#"[{"eventName":[{"anything-but":"ConsoleLogin"}]}]"#,
            r#"[{"userIdentity":{"arn":[{"anything-but":["arn:aws:iam::123456789012:user/break-glass"]}]}}]"#,
            r#"[{"awsRegion":[{"anything-but":["eu-west-1","us-east-1"]}]}]"#,
            r#"[{"userIdentity":{"sessionContext":{"sessionIssuer":{"userName":[{"exists":false},{"anything-but":"admin"}]}}}}]"#,
            r#"[{"additionalEventData":{"MFAUsed":[{"exists":false}]}}]"#,
            r#"[{"eventSource":[{"anything-but":"iam.amazonaws.com"}]},{"eventName":[{"anything-but":"CreateUser"}]}]"#,
            r#"[{"sourceIPAddress":[{"prefix":"10."}]},{"eventName":[{"prefix":"List"},{"prefix":"Get"}]}]"#,
        ] {
            assert!(!refused(list), "{list}");
        }
    }
}
