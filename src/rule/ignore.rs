//! Whether an `ignore` list leaves anything to alert on.
//!
//! A list that no record gets past switches its rules off in silence, so it is
//! refused. Whether there is such a record is tried out: on a few that are as
//! unlike each other as CloudTrail's records get, and, should all of those be
//! ignored, on variants that hold what the list itself names.

use super::node::{Node, Place, Value};
use super::{Pattern, Rule, RuleError, RuleSet, Sample};

/// Records of every kind, with values that nobody would name.
const PROBES: [&str; 4] = [
    r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA0PROBE","arn":"arn:aws:iam::000000000010:user/probe","accountId":"000000000010","accessKeyId":"AKIA0PROBE","userName":"probe"},"eventTime":"2031-07-05T01:02:03Z","eventSource":"probe-one.amazonaws.com","eventName":"ProbeOne","awsRegion":"probe-region-1","sourceIPAddress":"198.51.100.97","userAgent":"probe/1","errorCode":"ProbeError","errorMessage":"a probe","requestParameters":{"probe":"one"},"responseElements":null,"requestID":"probe-request-1","eventID":"probe-event-1","readOnly":false,"eventType":"AwsApiCall","apiVersion":"2031-01-01","managementEvent":true,"recipientAccountId":"000000000011","vpcEndpointId":"vpce-probe","eventCategory":"Management","sharedEventID":"probe-shared-1"}"#,
    r#"{"eventVersion":"1.10","userIdentity":{"type":"AWSService","invokedBy":"probe-two.amazonaws.com"},"eventTime":"2031-06-04T01:02:03Z","eventSource":"probe-two.amazonaws.com","eventName":"ProbeTwo","awsRegion":"probe-region-2","sourceIPAddress":"probe-two.amazonaws.com","userAgent":"probe-two.amazonaws.com","requestParameters":null,"responseElements":null,"requestID":"probe-request-2","eventID":"probe-event-2","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"000000000022","eventCategory":"Data"}"#,
    r#"{"eventVersion":"1.08","userIdentity":{"type":"Root","principalId":"000000000030","arn":"arn:aws:iam::000000000030:root","accountId":"000000000030","accessKeyId":""},"eventTime":"2031-05-03T01:02:03Z","eventSource":"probe-three.amazonaws.com","eventName":"ProbeThree","awsRegion":"probe-region-3","sourceIPAddress":"2001:db8::97","userAgent":"Probe/3","requestParameters":null,"responseElements":{"Probe":"three"},"additionalEventData":{"Probe":"three"},"eventID":"probe-event-3","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"000000000033","eventCategory":"Management"}"#,
    r#"{"eventVersion":"1.05","userIdentity":{"accountId":"000000000040","invokedBy":"AWS Internal"},"eventTime":"2031-04-02T01:02:03Z","eventSource":"probe-four.amazonaws.com","eventName":"ProbeFour","awsRegion":"probe-region-4","sourceIPAddress":"AWS Internal","userAgent":"AWS Internal","requestParameters":null,"responseElements":null,"eventID":"probe-event-4","eventType":"AwsServiceEvent","recipientAccountId":"000000000044","serviceEventDetails":{"probe":"four"}}"#,
];

/// Refuses, at `place`, a list of patterns that every record matches; `nodes` are
/// the patterns as text.
pub(super) fn check(patterns: &[Pattern], nodes: &[Node], place: Place) -> Result<(), RuleError> {
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
    for (path, value) in named {
        for probe in &probes {
            let mut variant = probe.clone();
            if replace(&mut variant, &path, value) && !ignored(&variant)? {
                return Ok(());
            }
        }
    }
    Err(place.error("ignore matches every record, so nothing would ever alert"))
}

/// The strings that a pattern names, each with the path of its field.
fn fields<'a>(pattern: &'a Node, path: &mut Vec<&'a str>, named: &mut Vec<(Vec<&'a str>, &'a str)>) {
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
                    Value::Array(elements) => elements.iter().for_each(|element| strings(element, path, named)),
                    _ => fields(&member.node, path, named),
                }
                path.truncate(depth);
            }
        }
    }
}

fn strings<'a>(element: &'a Node, path: &[&'a str], named: &mut Vec<(Vec<&'a str>, &'a str)>) {
    match &element.value {
        Value::String(text) => named.push((path.to_vec(), text)),
        Value::Array(nodes) => nodes.iter().for_each(|node| strings(node, path, named)),
        Value::Object(members) => members.iter().for_each(|member| strings(&member.node, path, named)),
        _ => {}
    }
}

/// Replaces the value at `path`, if the record has one.
fn replace(record: &mut Node, path: &[&str], value: &str) -> bool {
    match (&mut record.value, path) {
        (Value::Object(members), [key, rest @ ..]) => members
            .iter_mut()
            .find(|member| member.key == *key)
            .is_some_and(|member| replace(&mut member.node, rest, value)),
        (Value::Array(_) | Value::Object(_), _) | (_, [_, ..]) => false,
        (known, []) => {
            *known = Value::String(value.to_owned());
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(list: &str) -> bool {
        let Value::Array(nodes) = Node::from_json(list).unwrap().value else { panic!("{list}") };
        let patterns: Vec<_> = nodes.iter().map(|node| Pattern::compile(node).unwrap()).collect();
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
            r#"[{"sourceIPAddress":[{"prefix":"10."}]},{"eventName":[{"prefix":"List"},{"prefix":"Get"}]}]"#,
        ] {
            assert!(!refused(list), "{list}");
        }
    }
}
