//! What is surely or probably a mistake in a rule that loads: fields that no
//! record has, values that theirs never have.
//!
//! A rule that never matches looks like one that has nothing to report; this is
//! where it is told apart. What [`schema`] does not know is left alone.

use super::node::{Node, Place, Value};
use super::overlap::ignores_all;
use super::schema::{self, Kind};
use super::{Pattern, RuleSource, Sample};
use std::sync::Arc;

/// Something to say about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Where it is, in the rule's file.
    pub place: Place,
    /// What it is.
    pub reason: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Part of the rule never matches.
    Warning,
    /// A number where a string is: it was most likely mangled on its way here.
    Error,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Looks through a rule's pattern and what it ignores.
#[must_use]
pub fn lint(source: &RuleSource) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    for pattern in std::iter::once(&source.pattern).chain(source.ignore.iter().map(Arc::as_ref)) {
        findings.object(pattern, "");
        findings.combinations(pattern, &[]);
    }
    if ignores_all(&source.rule) {
        findings.add(Level::Warning, source.place, "never alerts: whatever it matches is ignored".to_owned());
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, level: Level, place: Place, reason: String) {
        self.0.push(Finding { level, place, reason });
    }

    fn never(&mut self, place: Place, path: &str, why: &str) {
        self.add(Level::Warning, place, format!("{path}: never matches: {why}"));
    }

    /// Looks through the object `node`, whose keys stand behind `above`.
    fn object(&mut self, node: &Node, above: &str) {
        let Value::Object(members) = &node.value else { return };
        for member in members {
            match &member.node.value {
                Value::Array(branches) if member.key == "$or" => {
                    branches.iter().for_each(|branch| self.object(branch, above));
                }
                Value::Array(elements) => {
                    let path = format!("{above}{}", member.key);
                    if self.path(&path, member.place, elements) {
                        self.elements(&path, elements);
                    }
                }
                _ => self.object(&member.node, &format!("{above}{}.", member.key)),
            }
        }
    }

    /// Looks at the name of a field; true if it is worth looking at the values.
    fn path(&mut self, path: &str, place: Place, elements: &[Node]) -> bool {
        if schema::kind(path).is_some() {
            return true;
        }
        let top = path.split('.').next().unwrap_or(path);
        let never = if elements.iter().all(|element| matches!(operator(element), Some(("exists", Value::Bool(false)))))
        {
            "always matches"
        } else {
            "never matches"
        };
        let known = schema::FIELDS.iter().find(|(known, _)| same_but_case(known, path));
        let above = path.match_indices('.').map(|(at, _)| &path[..at]);
        let closed = |kind| matches!(kind, Kind::Text | Kind::Account | Kind::Word(_) | Kind::Flag);
        if let Some((known, _)) = known {
            self.add(Level::Warning, place, format!("{path}: {never}: CloudTrail spells it {known}"));
        } else if matches!(top, "source" | "detail-type" | "account" | "region" | "time" | "id" | "resources")
            && path == top
        {
            let why = "it is a field of EventBridge's envelope, which a pattern is only for if it has detail";
            self.add(Level::Warning, place, format!("{path}: {never}: {why}"));
        } else if let Some(above) = above.into_iter().find(|above| schema::kind(above).is_some_and(closed)) {
            self.add(Level::Warning, place, format!("{path}: {never}: {above} has no fields inside"));
        } else if schema::kind(top).is_none() {
            let known = schema::FIELDS.iter().find(|(known, _)| same_but_case(known, top));
            let hint = known.map_or_else(String::new, |(known, _)| format!("; CloudTrail spells it {known}"));
            self.add(Level::Warning, place, format!("{path}: {never}: no record is known to have {top}{hint}"));
        } else {
            return true;
        }
        false
    }

    fn elements(&mut self, path: &str, elements: &[Node]) {
        let kind = schema::kind(path).unwrap_or(Kind::Free);
        for element in elements {
            match kind {
                Kind::Free => self.free(path, element),
                Kind::Object => self.inner(path, element),
                Kind::Flag => self.flag(path, element),
                Kind::Text | Kind::Account | Kind::Word(_) => self.text(path, kind, element),
            }
        }
    }

    /// An element for a field of which little is known.
    fn free(&mut self, path: &str, element: &Node) {
        let account = path.rsplit('.').next().is_some_and(|name| name.to_ascii_lowercase().ends_with("accountid"));
        if account && let Some(number) = number(element) {
            self.number(path, number);
        }
    }

    fn inner(&mut self, path: &str, element: &Node) {
        if let Some(("exists", Value::Bool(false))) = operator(element) {
            let reason = format!("{path}: always matches: it is an object, and never a value; ask for a field inside");
            self.add(Level::Warning, element.place, reason);
        } else {
            self.never(element.place, path, "it is an object, and never a value; ask for a field inside");
        }
    }

    fn flag(&mut self, path: &str, element: &Node) {
        let fits = match &element.value {
            Value::Bool(_) | Value::Null => true,
            Value::Object(_) => matches!(operator(element), Some(("exists" | "anything-but", _))),
            _ => false,
        };
        if !fits {
            self.never(element.place, path, "it is true or false, without quotes");
        }
    }

    fn text(&mut self, path: &str, kind: Kind, element: &Node) {
        if let Some(number) = number(element) {
            return self.number(path, number);
        }
        match (&element.value, operator(element)) {
            (Value::Bool(_), _) => self.never(element.place, path, "it is a string: put it in quotes"),
            (Value::String(text), _) | (_, Some(("exactly", Value::String(text)))) => {
                self.exact(path, kind, text, element);
            }
            (_, Some(("prefix", Value::String(text)))) if path == "eventSource" && text.starts_with("aws.") => {
                self.never(element.place, path, "its values are like s3.amazonaws.com");
            }
            (_, Some(("exists", Value::Bool(false)))) if matches!(path, "eventVersion" | "awsRegion") => {
                self.never(element.place, path, "every record has it");
            }
            (_, Some(("anything-but", Value::Object(not))))
                if not.iter().any(|member| member.key == "wildcard" && names(&member.node, "*")) =>
            {
                self.never(element.place, path, "nothing is left that it would accept");
            }
            _ => {}
        }
    }

    /// A string, and nothing else, for a field that holds strings.
    fn exact(&mut self, path: &str, kind: Kind, text: &str, element: &Node) {
        let place = element.place;
        match kind {
            Kind::Account => {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                if !text.is_empty()
                    && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
                    && (digits, text.len()) != (12, 12)
                {
                    self.never(place, path, &format!("{text:?} is not twelve digits"));
                }
            }
            Kind::Word(words) => {
                if !words.contains(&text)
                    && let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text))
                {
                    self.never(place, path, &format!("{text:?} is spelled {word:?}"));
                } else if path == "eventType" && text.contains(" via CloudTrail") {
                    self.never(place, path, &format!("{text:?} is a detail-type of EventBridge"));
                }
            }
            _ => match path {
                "eventSource" => self.event_source(text, place),
                "eventName" => {
                    let calls = || schema::CALLS.iter().flat_map(|(_, names)| *names);
                    if calls().all(|name| *name != text)
                        && let Some(name) = calls().find(|name| name.eq_ignore_ascii_case(text))
                    {
                        self.never(place, path, &format!("{text:?} is spelled {name:?}"));
                    }
                }
                "awsRegion" => {
                    let zone = text.strip_suffix(|last: char| last.is_ascii_lowercase());
                    let zone = zone.filter(|region| region.ends_with(|last: char| last.is_ascii_digit()));
                    if let Some(region) = zone {
                        self.never(place, path, &format!("{text:?} is a zone; its region is {region:?}"));
                    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                        self.never(place, path, &format!("{text:?} is spelled in lower case"));
                    }
                }
                _ => {}
            },
        }
    }

    fn event_source(&mut self, text: &str, place: Place) {
        let service = text.strip_prefix("aws.").unwrap_or(text);
        if !service.contains('.') {
            let reason = format!("{text:?} is no domain; CloudTrail writes {service}.amazonaws.com");
            self.never(place, "eventSource", &reason);
        } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.never(place, "eventSource", &format!("{text:?} is spelled in lower case"));
        }
    }

    fn number(&mut self, path: &str, number: &Node) {
        let reason = format!(
            "{path}: CloudTrail writes a string, which no number is equal to: put {} in quotes",
            number.to_json()
        );
        self.add(Level::Error, number.place, reason);
    }

    /// Looks for values that never come together. `fields` are those of the
    /// objects around `object`, all of which must match with it.
    fn combinations<'a>(&mut self, object: &'a Node, fields: &[(String, &'a Node)]) {
        let mut all = fields.to_vec();
        let mut choices = Vec::new();
        gather(object, "", &mut all, &mut choices);
        for (at, (path, values)) in all.iter().enumerate() {
            for (other, (other_path, other_values)) in all.iter().enumerate() {
                // What does not concern a field of this object was told before.
                if at.max(other) >= fields.len()
                    && let Some((value, needed)) = never_together(path, values, other_path, other_values)
                {
                    let why = format!("{value} comes with {other_path} {needed}, which this rule does not accept");
                    self.never(values.place, path, &why);
                }
            }
        }
        choices.iter().for_each(|branch| self.combinations(branch, &all));
    }
}

/// Collects the fields of an object, by path, and the branches of its choices.
fn gather<'a>(object: &'a Node, above: &str, fields: &mut Vec<(String, &'a Node)>, choices: &mut Vec<&'a Node>) {
    let Value::Object(members) = &object.value else { return };
    for member in members {
        match &member.node.value {
            // Choices further inside name their fields from there; none of what never comes together is inside.
            Value::Array(branches) if member.key == "$or" => {
                if above.is_empty() {
                    choices.extend(branches);
                }
            }
            Value::Array(_) => fields.push((format!("{above}{}", member.key), &member.node)),
            _ => gather(&member.node, &format!("{above}{}.", member.key), fields, choices),
        }
    }
}

/// A value of `path`, and one of `other` that it always comes with: if no value
/// that is asked for comes with one that is accepted there.
fn never_together(path: &str, values: &Node, other: &str, accepted: &Node) -> Option<(String, String)> {
    let Value::Array(elements) = &values.value else { return None };
    let implied = |element| schema::implied(path, element).into_iter().find(|(implied, _)| *implied == other);
    let first = elements.first()?;
    let needed = implied(first)?.1;
    let accepted = Pattern::compile(&Node::keyed("it", accepted.clone())).ok()?;
    // A service by its bare name is told of by itself, and old records may lack the other field.
    let accepts =
        |value: &str| [value, &value.replace(".amazonaws.com", "")].iter().any(|value| accepts(&accepted, value));
    let absent = Sample::from_json("{}").is_ok_and(|none| none.matches(&accepted) != Ok(false));
    let never = !absent && elements.iter().all(|element| implied(element).is_some_and(|(_, needed)| !accepts(&needed)));
    never.then(|| (first.to_json(), needed))
}

fn same_but_case(known: &str, path: &str) -> bool {
    known.eq_ignore_ascii_case(path) && known != path
}

/// The one operator of an element, and its value.
fn operator(element: &Node) -> Option<(&str, &Value)> {
    match &element.value {
        Value::Object(members) => members.first().map(|member| (&member.key[..], &member.node.value)),
        _ => None,
    }
}

/// Whether a value is this string, or a list with it.
fn names(node: &Node, text: &str) -> bool {
    match &node.value {
        Value::String(own) => own == text,
        Value::Array(nodes) => nodes.iter().any(|node| names(node, text)),
        _ => false,
    }
}

/// A number that an element compares with.
fn number(element: &Node) -> Option<&Node> {
    match &element.value {
        Value::Number(_) => Some(element),
        Value::Object(members) => members
            .iter()
            .filter(|member| matches!(&member.key[..], "anything-but" | "numeric"))
            .find_map(|member| number(&member.node)),
        Value::Array(nodes) => nodes.iter().find_map(number),
        _ => None,
    }
}

/// Whether a pattern on the field `it` accepts a value, as JSON.
fn accepts(pattern: &Pattern, value: &str) -> bool {
    Sample::from_json(&format!("{{\"it\":{value}}}")).is_ok_and(|sample| sample.matches(pattern) != Ok(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(pattern: &str) -> Vec<String> {
        let source = RuleSource::from_pattern("r", pattern).unwrap();
        let line = |finding: Finding| format!("{} {}", finding.level.name(), finding.reason);
        lint(&source).into_iter().map(line).collect()
    }

    #[test]
    fn what_never_matches_is_told_with_its_reason() {
        for (pattern, expected) in [
            (
                r#"{"eventSource":["s3"]}"#,
                r#"warning eventSource: never matches: "s3" is no domain; CloudTrail writes s3.amazonaws.com"#,
            ),
            (
                r#"{"eventSource":["aws.s3"]}"#,
                r#"warning eventSource: never matches: "aws.s3" is no domain; CloudTrail writes s3.amazonaws.com"#,
            ),
            (
                r#"{"eventSource":[{"prefix":"aws."}]}"#,
                "warning eventSource: never matches: its values are like s3.amazonaws.com",
            ),
            (
                r#"{"eventSource":["S3.amazonaws.com"]}"#,
                r#"warning eventSource: never matches: "S3.amazonaws.com" is spelled in lower case"#,
            ),
            (
                r#"{"eventName":["consoleLogin"]}"#,
                r#"warning eventName: never matches: "consoleLogin" is spelled "ConsoleLogin""#,
            ),
            (
                r#"{"eventSource":["iam.amazonaws.com"],"eventName":["ConsoleLogin"]}"#,
                r#"warning eventName: never matches: "ConsoleLogin" comes with eventSource "signin.amazonaws.com", which this rule does not accept"#,
            ),
            (
                r#"{"eventType":["AwsApiCall"],"eventName":["ConsoleLogin"]}"#,
                r#"warning eventName: never matches: "ConsoleLogin" comes with eventType "AwsConsoleSignIn", which this rule does not accept"#,
            ),
            (
                r#"{"managementEvent":[true],"$or":[{"eventCategory":["Data"]},{"eventName":["X"]}]}"#,
                r#"warning eventCategory: never matches: "Data" comes with managementEvent false, which this rule does not accept"#,
            ),
            (
                r#"{"eventSource":["s3.amazonaws.com"],"$or":[{"eventName":["CreateVpc"]},{"errorCode":["x"]}]}"#,
                r#"warning eventName: never matches: "CreateVpc" comes with eventSource "ec2.amazonaws.com", which this rule does not accept"#,
            ),
            (
                r#"{"recipientAccountId":[123456789012]}"#,
                "error recipientAccountId: CloudTrail writes a string, which no number is equal to: put 123456789012 in quotes",
            ),
            (
                r#"{"userIdentity":{"accountId":[{"anything-but":[123456789012]}]}}"#,
                "error userIdentity.accountId: CloudTrail writes a string, which no number is equal to: put 123456789012 in quotes",
            ),
            (
                r#"{"requestParameters":{"targetAccountId":[123456789012]}}"#,
                "error requestParameters.targetAccountId: CloudTrail writes a string, which no number is equal to: put 123456789012 in quotes",
            ),
            (
                r#"{"eventVersion":[1.08]}"#,
                "error eventVersion: CloudTrail writes a string, which no number is equal to: put 1.08 in quotes",
            ),
            (
                r#"{"recipientAccountId":["1234-5678-9012"]}"#,
                r#"warning recipientAccountId: never matches: "1234-5678-9012" is not twelve digits"#,
            ),
            (r#"{"readOnly":["true"]}"#, "warning readOnly: never matches: it is true or false, without quotes"),
            (
                r#"{"userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":[false]}}}}"#,
                "warning userIdentity.sessionContext.attributes.mfaAuthenticated: never matches: it is a string: put it in quotes",
            ),
            (
                r#"{"userIdentity":{"type":["root"]}}"#,
                r#"warning userIdentity.type: never matches: "root" is spelled "Root""#,
            ),
            (
                r#"{"eventType":["AwsConsoleSignin"]}"#,
                r#"warning eventType: never matches: "AwsConsoleSignin" is spelled "AwsConsoleSignIn""#,
            ),
            (
                r#"{"eventType":["AWS API Call via CloudTrail"]}"#,
                r#"warning eventType: never matches: "AWS API Call via CloudTrail" is a detail-type of EventBridge"#,
            ),
            (
                r#"{"userIdentity":["x"]}"#,
                "warning userIdentity: never matches: it is an object, and never a value; ask for a field inside",
            ),
            (
                r#"{"userIdentity":[{"exists":false}]}"#,
                "warning userIdentity: always matches: it is an object, and never a value; ask for a field inside",
            ),
            (
                r#"{"sourceIpAddress":["1.2.3.4"]}"#,
                "warning sourceIpAddress: never matches: CloudTrail spells it sourceIPAddress",
            ),
            (
                r#"{"userIdentity":{"username":["x"]}}"#,
                "warning userIdentity.username: never matches: CloudTrail spells it userIdentity.userName",
            ),
            (
                r#"{"useridentity":{"foo":["x"]}}"#,
                "warning useridentity.foo: never matches: no record is known to have useridentity; CloudTrail spells it userIdentity",
            ),
            (
                r#"{"errorcode":[{"exists":false}]}"#,
                "warning errorcode: always matches: CloudTrail spells it errorCode",
            ),
            (r#"{"eventNam":["x"]}"#, "warning eventNam: never matches: no record is known to have eventNam"),
            (r#"{"eventName":{"x":["y"]}}"#, "warning eventName.x: never matches: eventName has no fields inside"),
            (
                r#"{"source":["aws.s3"]}"#,
                "warning source: never matches: it is a field of EventBridge's envelope, which a pattern is only for if it has detail",
            ),
            (
                r#"{"awsRegion":["eu-west-1a"]}"#,
                r#"warning awsRegion: never matches: "eu-west-1a" is a zone; its region is "eu-west-1""#,
            ),
            (r#"{"awsRegion":[{"exists":false}]}"#, "warning awsRegion: never matches: every record has it"),
            (
                r#"{"errorCode":[{"anything-but":{"wildcard":"*"}}]}"#,
                "warning errorCode: never matches: nothing is left that it would accept",
            ),
        ] {
            assert_eq!(findings(pattern), [expected], "{pattern}");
        }
    }

    #[test]
    fn a_rule_that_ignores_all_it_matches_is_told() {
        let told = |ignore: &str| {
            let mut source = RuleSource::from_pattern("r", r#"{"eventName":["A"],"readOnly":[true]}"#).unwrap();
            source.rule.ignore.push(Pattern::from_json(ignore).unwrap());
            lint(&source).len()
        };
        for ignore in
            [r#"{"eventName":["A","B"]}"#, r#"{"eventName":[{"prefix":"A"}]}"#, r#"{"readOnly":[{"exists":true}]}"#]
        {
            assert_eq!(told(ignore), 1, "{ignore}");
        }
        for ignore in [r#"{"eventName":["B"]}"#, r#"{"eventName":["A"],"awsRegion":["x-1"]}"#] {
            assert_eq!(told(ignore), 0, "{ignore}");
        }
    }

    #[test]
    fn what_may_match_is_left_alone() {
        for pattern in [
            r#"{"eventSource":["s3.amazonaws.com",{"prefix":"s3"}],"eventName":["ListBuckets","SomethingNew"]}"#,
            r#"{"eventName":["CreatePolicy"],"eventSource":["organizations.amazonaws.com"]}"#,
            r#"{"eventName":["ConsoleLogin","CreateTopic"],"eventSource":["sns.amazonaws.com"]}"#,
            r#"{"eventName":["PutObject"],"eventSource":["s3-outposts.amazonaws.com"]}"#,
            r#"{"eventType":["AwsVpceEvent"],"eventCategory":["NetworkActivity"]}"#,
            r#"{"eventCategory":["Management"],"managementEvent":[{"exists":false}]}"#,
            r#"{"errorCode":[{"anything-but":{"suffix":["A","z","0","this"]}}]}"#,
            r#"{"userIdentity":{"accountId":["123456789012","ANONYMOUS_PRINCIPAL"],"type":["SomethingNew"]}}"#,
            r#"{"readOnly":[false],"managementEvent":[{"exists":true}],"eventCategory":["Data"]}"#,
            r#"{"eventType":[{"anything-but":"AwsServiceEvent"}],"eventName":["ConsoleLogin"]}"#,
            r#"{"$or":[{"eventType":["AwsApiCall"]},{"eventName":["ConsoleLogin"]}]}"#,
            r#"{"requestParameters":{"anything":{"at":["all",1,true]}},"responseElements":[null]}"#,
            r#"{"errorCode":[{"exists":false},{"anything-but":"x"}],"awsRegion":["us-gov-west-1"]}"#,
        ] {
            assert_eq!(findings(pattern), [""; 0], "{pattern}");
        }
    }
}
