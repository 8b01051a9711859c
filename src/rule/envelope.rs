//! Patterns for EventBridge's envelope, turned into patterns on the record.
//!
//! In: the pattern of an EventBridge rule, with a `detail`. Out: the pattern
//! that matches the CloudTrail record which such an event carries. What stands
//! beside `detail` is asked of the field it is made from:
//!
//! | envelope | record |
//! |---|---|
//! | `source: aws.NAME` | `eventSource: NAME.amazonaws.com`; `aws.cloudtrail` also stands for no `eventSource` at all (Insight events) |
//! | `detail-type` | `eventType`, by [`DETAIL_TYPES`] |
//! | `account` | `recipientAccountId` |
//! | `region` | `awsRegion` |
//! | `time` | `eventTime` |
//!
//! An `eventSource` outside `amazonaws.com` and an `eventType` beyond the table
//! (of events that EventBridge does not send, as those of network activity) are
//! something else than whatever a pattern names. Refused, with place and reason:
//! fields that no record has (`id`, `resources`), tests that cannot be put in
//! terms of the record's field exactly, and patterns that no record can meet. A
//! branch of `$or` that no record can meet is left out.

use super::node::{Member, Node, Place, Value};
use super::{Pattern, RuleError, Sample};
use std::borrow::Cow;

/// The detail types of each event type.
const DETAIL_TYPES: [(&str, &[&str]); 5] = [
    ("AwsApiCall", &["AWS API Call via CloudTrail"]),
    // EventBridge has sent both.
    ("AwsConsoleSignIn", &["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"]),
    ("AwsConsoleAction", &["AWS Console Action via CloudTrail"]),
    ("AwsServiceEvent", &["AWS Service Event via CloudTrail"]),
    (INSIGHT, &["AWS Insight via CloudTrail"]),
];

/// The event type of records that have no `eventSource`.
const INSIGHT: &str = "AwsCloudTrailInsight";

/// What the source of an AWS service begins with, and its `eventSource` ends
/// with.
const SOURCE_START: &str = "aws.";
const DOMAIN: &str = ".amazonaws.com";

/// The pattern on the record: `pattern` itself, unless it is one for the
/// envelope.
pub(super) fn record(pattern: &Node) -> Result<Cow<'_, Node>, RuleError> {
    if !is_envelope(pattern) {
        return Ok(Cow::Borrowed(pattern));
    }
    open(pattern).map(Cow::Owned).map_err(|(Refused::Never(error) | Refused::Invalid(error))| error)
}

/// Why a pattern, or a part of one, cannot be opened.
enum Refused {
    /// No record can meet it.
    Never(RuleError),
    /// It cannot be had at all.
    Invalid(RuleError),
}

impl From<RuleError> for Refused {
    fn from(error: RuleError) -> Self {
        Self::Invalid(error)
    }
}

/// The branches of a choice that records can meet.
fn possible(branches: impl Iterator<Item = Result<Node, Refused>>) -> Result<Vec<Node>, Refused> {
    let (mut nodes, mut never) = (Vec::new(), None);
    for branch in branches {
        match branch {
            Ok(node) => nodes.push(node),
            Err(Refused::Never(error)) => never = never.or(Some(error)),
            Err(invalid) => return Err(invalid),
        }
    }
    match (&nodes[..], never) {
        ([], Some(error)) => Err(Refused::Never(error)),
        // A choice has two branches at least.
        ([one], Some(_)) => Ok(vec![one.clone(), one.clone()]),
        _ => Ok(nodes),
    }
}

fn is_envelope(pattern: &Node) -> bool {
    let Value::Object(members) = &pattern.value else { return false };
    members.iter().any(|member| match &member.key[..] {
        "detail" | "detail-type" => true,
        "$or" => branches(&member.node).iter().any(is_envelope),
        key => key.starts_with("detail."),
    })
}

fn open(pattern: &Node) -> Result<Node, Refused> {
    let members = pattern.object("the pattern")?;
    let types = members.iter().find(|member| member.key == "detail-type").map(detail_type).transpose()?;
    // Only if the rule lets Insight events pass need their source be thought of.
    let insights = types.as_ref().is_none_or(|types| types.elements.iter().any(|one| accepts(one, INSIGHT)));
    let (mut opened, mut tests) = (Vec::new(), Vec::from_iter(types));
    for (at, member) in members.iter().enumerate() {
        let again = |other: &Member| other.key == "$or" && mentions(&other.node, &member.key);
        if members[..at].iter().any(|earlier| earlier.key == member.key)
            || is_beside_detail(&member.key) && members.iter().any(again)
        {
            return Err(member.place.error(format!("{} is given twice", member.key)).into());
        }
        match &member.key[..] {
            "detail" => match member.node.object("detail")? {
                [] => return Err(member.node.place.error("detail is an empty object, which nothing can match").into()),
                detail => opened.extend(detail.iter().cloned()),
            },
            "detail-type" => {}
            "source" => tests.push(source(member, insights)?),
            "account" => tests.push(Test::renamed(member, "recipientAccountId")?),
            "region" => tests.push(Test::renamed(member, "awsRegion")?),
            "time" => tests.push(Test::renamed(member, "eventTime")?),
            "$or" => opened.push(open_choice(member)?),
            key => match key.strip_prefix("detail.").filter(|rest| *rest != "$or") {
                Some(key) => opened.push(Member { key: key.to_owned(), ..member.clone() }),
                None => {
                    let reason = format!(
                        "{key} cannot be derived from a CloudTrail record: beside detail there may be source, \
                         detail-type, account, region and time"
                    );
                    return Err(member.place.error(reason).into());
                }
            },
        }
    }
    tests.iter().try_for_each(|test| test.add_to(&mut opened))?;
    if let Some(member) = opened.iter().find(|member| {
        member.key != "$or" && opened.iter().any(|other| other.key == "$or" && mentions(&other.node, &member.key))
    }) {
        let reason =
            format!("{0} is asked for beside $or and, in other words, in it: put it into each branch", member.key);
        return Err(member.place.error(reason).into());
    }
    Ok(Node { value: Value::Object(opened), place: pattern.place })
}

/// Whether a key is one of the envelope's that stand for a field of the record.
fn is_beside_detail(key: &str) -> bool {
    matches!(key, "source" | "detail-type" | "account" | "region" | "time")
}

fn open_choice(member: &Member) -> Result<Member, Refused> {
    let opened = possible(member.node.array("$or")?.iter().map(open))?;
    Ok(Member { node: Node { value: Value::Array(opened), place: member.node.place }, ..member.clone() })
}

fn branches(choice: &Node) -> &[Node] {
    if let Value::Array(nodes) = &choice.value { nodes } else { &[] }
}

/// A field of the envelope, as a test of a field of the record.
struct Test<'a> {
    /// The envelope's field.
    from: &'a str,
    /// The record's.
    field: &'static str,
    place: Place,
    /// Any of these; not empty.
    elements: Vec<Node>,
}

impl<'a> Test<'a> {
    /// A field that has the same values under another name.
    fn renamed(member: &'a Member, field: &'static str) -> Result<Self, Refused> {
        // The envelope always has a value.
        let rewrite = |element: &Node| if exists(element) == Some(false) { Vec::new() } else { vec![element.clone()] };
        Self::new(member, field, |element| Ok(rewrite(element)))
    }

    /// A field each of whose elements becomes any number of other ones.
    fn new(
        member: &'a Member,
        field: &'static str,
        rewrite: impl Fn(&Node) -> Result<Vec<Node>, RuleError>,
    ) -> Result<Self, Refused> {
        // So that a mistake is named by the name it was made under.
        Pattern::compile(&Node::keyed(&member.key, member.node.clone()))?;
        let elements = member.node.array(&member.key)?;
        let mut rewritten: Vec<Node> = Vec::new();
        for element in elements {
            for node in rewrite(element)? {
                if rewritten.iter().all(|known| known.to_json() != node.to_json()) {
                    rewritten.push(node);
                }
            }
        }
        if rewritten.is_empty() {
            let reason = format!("{}: no CloudTrail record has a value that matches", member.key);
            return Err(Refused::Never(member.node.place.error(reason)));
        }
        Ok(Self { from: &member.key, field, place: member.place, elements: rewritten })
    }

    /// Adds the test to the members of a pattern on the record, whatever they
    /// ask of the same field.
    fn add_to(&self, members: &mut Vec<Member>) -> Result<(), Refused> {
        let asks = |member: &Member| member.key == "$or" && mentions(&member.node, self.field);
        if let Some(choice) = members.iter_mut().find(|member| asks(member)) {
            let branch = |node: &Node| {
                let mut members = node.object("$or")?.to_vec();
                self.add_to(&mut members)?;
                Ok(Node { value: Value::Object(members), place: node.place })
            };
            choice.node.value = Value::Array(possible(branches(&choice.node).iter().map(branch))?);
            return Ok(());
        }
        let node = Node { value: Value::Array(self.elements.clone()), place: self.place };
        match members.iter_mut().find(|member| member.key == self.field) {
            Some(member) => {
                let both = self.both(&member.node)?;
                member.node.value = Value::Array(both);
            }
            None => members.push(Member { key: self.field.to_owned(), place: self.place, node }),
        }
        Ok(())
    }

    /// The elements for values that match the test and what `detail` asks of
    /// the field itself.
    fn both(&self, own: &Node) -> Result<Vec<Node>, Refused> {
        let Self { from, field, .. } = self;
        let own = own.array(field)?;
        let mut both: Vec<Node> = Vec::new();
        for (one, other) in self.elements.iter().flat_map(|one| own.iter().map(move |other| (one, other))) {
            let node = match (one, other) {
                _ if one.to_json() == other.to_json() => one,
                _ if exists(one) == Some(false) || exists(other) == Some(false) => continue,
                _ if exists(one) == Some(true) => other,
                _ if exists(other) == Some(true) => one,
                _ => match (literal(one), literal(other)) {
                    (_, Some(text)) if accepts(one, text) => other,
                    (Some(text), _) if accepts(other, text) => one,
                    (None, None) => {
                        let reason = format!("{from} and detail.{field} cannot be put into one test: keep one of them");
                        return Err(self.place.error(reason).into());
                    }
                    _ => continue,
                },
            };
            if both.iter().all(|known| known.to_json() != node.to_json()) {
                both.push(node.clone());
            }
        }
        if both.is_empty() {
            let reason = format!("no record can match both {from} and detail.{field}");
            return Err(Refused::Never(self.place.error(reason)));
        }
        Ok(both)
    }
}

/// Whether a choice asks for a field of the record in any branch.
fn mentions(choice: &Node, field: &str) -> bool {
    branches(choice).iter().any(|branch| match &branch.value {
        Value::Object(members) => {
            members.iter().any(|member| member.key == field || member.key == "$or" && mentions(&member.node, field))
        }
        _ => false,
    })
}

/// The one operator of an element.
fn operator(element: &Node) -> Option<(&str, &Node)> {
    match &element.value {
        Value::Object(members) => match &members[..] {
            [member] => Some((&member.key, &member.node)),
            _ => None,
        },
        _ => None,
    }
}

fn exists(element: &Node) -> Option<bool> {
    match operator(element)? {
        ("exists", Node { value: Value::Bool(exists), .. }) => Some(*exists),
        _ => None,
    }
}

/// The only string that an element accepts.
fn literal(element: &Node) -> Option<&str> {
    match (&element.value, operator(element)) {
        (Value::String(text), _) | (_, Some(("exactly", Node { value: Value::String(text), .. }))) => Some(text),
        _ => None,
    }
}

/// Whether a valid element accepts a string.
fn accepts(element: &Node, text: &str) -> bool {
    let place = element.place;
    let pattern = Pattern::compile(&Node::keyed("it", Node { value: Value::Array(vec![element.clone()]), place }));
    let sample = Sample::from_node(&Node::keyed("it", string(text, place)));
    matches!((pattern, sample), (Ok(pattern), Ok(sample)) if sample.matches(&pattern) == Ok(true))
}

fn detail_type(member: &Member) -> Result<Test<'_>, Refused> {
    Test::new(member, "eventType", |element| {
        let types = |test: &dyn Fn(&[&str]) -> bool| {
            let types = DETAIL_TYPES.iter().filter(|(_, names)| test(names));
            types.map(|(event_type, _)| string(event_type, element.place)).collect::<Vec<_>>()
        };
        Ok(match operator(element) {
            Some(("exists", _)) => of_what_is_always_there(element),
            Some(("anything-but", _)) => {
                let not = types(&|names| names.iter().any(|name| !accepts(element, name)));
                vec![if not.is_empty() { it_exists(true, element.place) } else { anything_but(not, element.place) }]
            }
            _ => types(&|names| names.iter().any(|name| accepts(element, name))),
        })
    })
}

/// What a test by `exists` of a field that each event has asks of the record: nothing, or the impossible.
fn of_what_is_always_there(element: &Node) -> Vec<Node> {
    match exists(element) {
        Some(true) => vec![it_exists(true, element.place), it_exists(false, element.place)],
        _ => Vec::new(),
    }
}

fn source(member: &Member, insights: bool) -> Result<Test<'_>, Refused> {
    Test::new(member, "eventSource", |element| {
        let place = element.place;
        let mut elements = match operator(element) {
            Some(("exists", _)) => return Ok(of_what_is_always_there(element)),
            Some(("anything-but", not)) => vec![anything_but_source(not)?],
            _ => glob(element)?.map_or(Vec::new(), |glob| glob.sources(place)),
        };
        if insights && accepts(element, "aws.cloudtrail") {
            elements.push(it_exists(false, place));
        }
        Ok(elements)
    })
}

/// The element for each `eventSource` whose source is none of `not`.
fn anything_but_source(not: &Node) -> Result<Node, RuleError> {
    let place = not.place;
    let (name, nodes) = operator(not).map_or((None, not), |(name, nodes)| (Some(name), nodes));
    let nodes = if let Value::Array(nodes) = &nodes.value { &nodes[..] } else { std::slice::from_ref(nodes) };
    let mut sources = Vec::new();
    for node in nodes {
        let element = match name {
            Some(name) => Node::keyed(name, node.clone()),
            None => node.clone(),
        };
        sources.extend(glob(&element)?.map_or(Vec::new(), |glob| glob.rests()));
    }
    Ok(match sources {
        // Whatever a source may be, it is something else.
        sources if sources.is_empty() => it_exists(true, place),
        sources if sources.iter().all(|source| source.literal().is_some()) => {
            anything_but(sources.iter().filter_map(Glob::literal).map(|text| string(&text, place)).collect(), place)
        }
        sources => {
            let wildcards = sources.iter().map(|source| string(&source.wildcard(), place)).collect();
            let wildcards = Node::keyed("wildcard", Node { value: Value::Array(wildcards), place });
            Node::keyed("anything-but", wildcards)
        }
    })
}

/// The strings an element accepts; `None` if it accepts no string.
fn glob(element: &Node) -> Result<Option<Glob>, RuleError> {
    let literal = |text: &str| text.chars().map(Token::Char).collect::<Vec<_>>();
    let tokens = match (&element.value, operator(element)) {
        (Value::String(text), _) => literal(text),
        (_, Some((name, Node { value: Value::String(text), .. }))) => match name {
            "exactly" => literal(text),
            "prefix" => [literal(text), vec![Token::Star]].concat(),
            "suffix" => [vec![Token::Star], literal(text)].concat(),
            "wildcard" => wildcard(text),
            _ => return Err(inexact(element)),
        },
        (Value::Null | Value::Bool(_) | Value::Number(_), _) | (_, Some(("numeric" | "cidr", _))) => return Ok(None),
        _ => return Err(inexact(element)),
    };
    Ok(Some(Glob(tokens)))
}

fn inexact(element: &Node) -> RuleError {
    element.place.error(format!(
        "source: {} cannot be derived exactly: ask for eventSource inside detail instead",
        element.to_json()
    ))
}

/// Reads a valid wildcard.
fn wildcard(text: &str) -> Vec<Token> {
    let mut characters = text.chars();
    let mut tokens = Vec::new();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => Token::Star,
            '\\' => Token::Char(characters.next().unwrap_or('\\')),
            character => Token::Char(character),
        });
    }
    tokens
}

/// A pattern of characters and stars.
#[derive(Clone, PartialEq)]
struct Glob(Vec<Token>);

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Char(char),
    /// Any number of any characters.
    Star,
}

impl Glob {
    /// The globs of `eventSource` that stand for the sources this accepts.
    fn rests(&self) -> Vec<Self> {
        let mut rests = vec![&self.0[..]];
        for character in SOURCE_START.chars() {
            let mut next = Vec::new();
            rests.iter().for_each(|rest| step(rest, character, &mut next));
            rests = next;
        }
        rests.iter().map(|rest| Self(rest.iter().copied().chain(DOMAIN.chars().map(Token::Char)).collect())).collect()
    }

    fn sources(&self, place: Place) -> Vec<Node> {
        self.rests().iter().map(|rest| rest.element(place)).collect()
    }

    /// The plainest element for this.
    fn element(&self, place: Place) -> Node {
        if let Some(text) = self.literal() {
            return string(&text, place);
        }
        match self.0.split_first() {
            Some((Token::Star, rest)) if !rest.contains(&Token::Star) => {
                let text = Self(rest.to_vec()).literal().unwrap_or_default();
                Node::keyed("suffix", string(&text, place))
            }
            _ => Node::keyed("wildcard", string(&self.wildcard(), place)),
        }
    }

    fn literal(&self) -> Option<String> {
        self.0.iter().map(|token| if let Token::Char(character) = token { Some(*character) } else { None }).collect()
    }

    fn wildcard(&self) -> String {
        let mut text = String::new();
        for token in &self.0 {
            match token {
                Token::Star => text.push('*'),
                Token::Char(character) => {
                    if matches!(character, '*' | '\\') {
                        text.push('\\');
                    }
                    text.push(*character);
                }
            }
        }
        text
    }
}

/// What may follow after `character` was read where `rest` is accepted.
fn step<'a>(rest: &'a [Token], character: char, next: &mut Vec<&'a [Token]>) {
    let mut push = |rest: &'a [Token]| {
        if !next.contains(&rest) {
            next.push(rest);
        }
    };
    match rest.split_first() {
        Some((Token::Star, behind)) => {
            push(rest);
            step(behind, character, next);
        }
        Some((Token::Char(this), behind)) if *this == character => push(behind),
        _ => {}
    }
}

fn string(text: &str, place: Place) -> Node {
    Node { value: Value::String(text.to_owned()), place }
}

fn it_exists(exists: bool, place: Place) -> Node {
    Node::keyed("exists", Node { value: Value::Bool(exists), place })
}

fn anything_but(not: Vec<Node>, place: Place) -> Node {
    Node::keyed("anything-but", Node { value: Value::Array(not), place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(pattern: &str) -> Result<String, String> {
        record(&Node::from_json(pattern).unwrap()).map(|node| node.to_json()).map_err(|error| error.reason)
    }

    #[test]
    fn what_is_beside_detail_is_asked_of_the_record() {
        for (pattern, record) in [
            (r#"{"source":["aws.s3"]}"#, r#"{"source":["aws.s3"]}"#),
            (r#"{"detail":{"a":["x"]}}"#, r#"{"a":["x"]}"#),
            (r#"{"detail.a":["x"],"detail":{"b":["y"]}}"#, r#"{"a":["x"],"b":["y"]}"#),
            (
                r#"{"source":["aws.s3"],"detail-type":["AWS API Call via CloudTrail"]}"#,
                r#"{"eventType":["AwsApiCall"],"eventSource":["s3.amazonaws.com"]}"#,
            ),
            (
                r#"{"account":["1"],"region":[{"prefix":"eu-"}],"time":[{"prefix":"2026"}],"detail":{"a":[1]}}"#,
                r#"{"a":[1],"recipientAccountId":["1"],"awsRegion":[{"prefix":"eu-"}],"eventTime":[{"prefix":"2026"}]}"#,
            ),
            (
                r#"{"detail-type":["AWS Console Signin via CloudTrail","AWS Console Sign In via CloudTrail","EC2 State"]}"#,
                r#"{"eventType":["AwsConsoleSignIn"]}"#,
            ),
            (
                r#"{"detail-type":[{"suffix":"via CloudTrail"}]}"#,
                r#"{"eventType":["AwsApiCall","AwsConsoleSignIn","AwsConsoleAction","AwsServiceEvent","AwsCloudTrailInsight"]}"#,
            ),
            (
                r#"{"detail-type":[{"anything-but":"AWS Console Signin via CloudTrail"}]}"#,
                r#"{"eventType":[{"anything-but":["AwsConsoleSignIn"]}]}"#,
            ),
            (r#"{"detail-type":[{"anything-but":"x"}]}"#, r#"{"eventType":[{"exists":true}]}"#),
        ] {
            assert_eq!(opened(pattern).as_deref(), Ok(record), "{pattern}");
        }
    }

    #[test]
    fn sources_become_domains() {
        for (source, event_source) in [
            (r#""aws.s3""#, r#""s3.amazonaws.com""#),
            (r#"{"exactly":"aws.s3"}"#, r#""s3.amazonaws.com""#),
            (r#"{"prefix":"aws."}"#, r#"{"suffix":".amazonaws.com"},{"exists":false}"#),
            (r#"{"prefix":""}"#, r#"{"suffix":".amazonaws.com"},{"exists":false}"#),
            (r#"{"prefix":"aws.ec"}"#, r#"{"wildcard":"ec*.amazonaws.com"}"#),
            (r#"{"suffix":"s3"}"#, r#"{"suffix":"s3.amazonaws.com"}"#),
            (r#"{"suffix":".s3"}"#, r#"{"suffix":".s3.amazonaws.com"},"s3.amazonaws.com""#),
            (r#"{"wildcard":"a*.s\\*3"}"#, r#"{"suffix":".s*3.amazonaws.com"},"s*3.amazonaws.com""#),
            (r#""aws.cloudtrail""#, r#""cloudtrail.amazonaws.com",{"exists":false}"#),
            (r#"{"anything-but":["aws.s3","my.app"]}"#, r#"{"anything-but":["s3.amazonaws.com"]},{"exists":false}"#),
            (
                r#"{"anything-but":{"prefix":"aws.ec"}}"#,
                r#"{"anything-but":{"wildcard":["ec*.amazonaws.com"]}},{"exists":false}"#,
            ),
            (r#"{"anything-but":5}"#, r#"{"exists":true},{"exists":false}"#),
            (r#"{"exists":true}"#, r#"{"exists":true},{"exists":false}"#),
        ] {
            let pattern = format!(r#"{{"source":[{source}],"detail":{{"a":[1]}}}}"#);
            assert_eq!(opened(&pattern), Ok(format!(r#"{{"a":[1],"eventSource":[{event_source}]}}"#)), "{pattern}");
        }
    }

    #[test]
    fn a_field_that_is_asked_for_twice_is_asked_for_both() {
        let both = |source: &str, own: &str| {
            let api = r#""AWS API Call via CloudTrail""#;
            let pattern = format!(
                r#"{{"source":[{source}],"detail-type":[{api}],"detail":{{"eventSource":[{own}],"eventType":["AwsApiCall","x"]}}}}"#
            );
            opened(&pattern).map(|text| {
                let node = Node::from_json(&text).unwrap();
                let members = node.object("").unwrap();
                assert_eq!(members[1].node.to_json(), r#"["AwsApiCall"]"#);
                members[0].node.to_json()
            })
        };
        for (source, own, expected) in [
            (r#""aws.iam","aws.sts""#, r#""iam.amazonaws.com""#, Ok(r#"["iam.amazonaws.com"]"#)),
            (r#"{"prefix":"aws.i"}"#, r#""iam.amazonaws.com","s3.amazonaws.com""#, Ok(r#"["iam.amazonaws.com"]"#)),
            (r#""aws.iam""#, r#"{"prefix":"i"}"#, Ok(r#"["iam.amazonaws.com"]"#)),
            (r#""aws.iam""#, r#"{"anything-but":"sts.amazonaws.com"}"#, Ok(r#"["iam.amazonaws.com"]"#)),
            (r#""aws.iam""#, r#"{"exists":true}"#, Ok(r#"["iam.amazonaws.com"]"#)),
            (r#""aws.iam""#, r#""s3.amazonaws.com""#, Err("no record can match both source and detail.eventSource")),
            (
                r#"{"prefix":"aws.i"}"#,
                r#"{"prefix":"i"}"#,
                Err("source and detail.eventSource cannot be put into one test: keep one of them"),
            ),
        ] {
            assert_eq!(both(source, own), expected.map(str::to_owned).map_err(str::to_owned), "{source} {own}");
        }
    }

    #[test]
    fn choices_are_opened() {
        for (pattern, record) in [
            (
                r#"{"detail-type":["AWS API Call via CloudTrail"],"$or":[{"source":["aws.s3"]},{"detail":{"a":[1]}}]}"#,
                r#"{"$or":[{"eventSource":["s3.amazonaws.com"]},{"a":[1]}],"eventType":["AwsApiCall"]}"#,
            ),
            (
                r#"{"$or":[{"region":["r"]},{"account":["1"]}],"detail":{"$or":[{"a":[1]},{"b":[2]}]}}"#,
                r#"{"$or":[{"awsRegion":["r"]},{"recipientAccountId":["1"]}],"$or":[{"a":[1]},{"b":[2]}]}"#,
            ),
            (
                r#"{"region":["r","s"],"detail":{"$or":[{"awsRegion":["r"]},{"b":[2]}]}}"#,
                r#"{"$or":[{"awsRegion":["r"]},{"b":[2],"awsRegion":["r","s"]}]}"#,
            ),
            // Branches that no record can meet are left out.
            (
                r#"{"source":["aws.iam"],"detail":{"$or":[{"eventSource":["s3.amazonaws.com"]},{"a":[1]},{"b":[2]}]}}"#,
                r#"{"$or":[{"a":[1],"eventSource":["iam.amazonaws.com"]},{"b":[2],"eventSource":["iam.amazonaws.com"]}]}"#,
            ),
            (r#"{"$or":[{"detail":{"a":[1]}},{"detail-type":["EC2 State"]}]}"#, r#"{"$or":[{"a":[1]},{"a":[1]}]}"#),
            (r#"{"region":["r",{"exists":false}],"detail":{"a":[1]}}"#, r#"{"a":[1],"awsRegion":["r"]}"#),
        ] {
            assert_eq!(opened(pattern).as_deref(), Ok(record), "{pattern}");
        }
    }

    #[test]
    fn what_no_record_tells_is_refused() {
        for (pattern, reason) in [
            (r#"{"id":["x"],"detail":{"a":[1]}}"#, "id cannot be derived from a CloudTrail record"),
            (r#"{"resources":["x"],"detail":{"a":[1]}}"#, "resources cannot be derived"),
            (r#"{"detail":{}}"#, "detail is an empty object"),
            (r#"{"detail":["x"]}"#, "detail must be an object"),
            (r#"{"detail":{"a":[1]},"detail":{"a":[1]}}"#, "detail is given twice"),
            (r#"{"source":["s3"],"detail":{"a":[1]}}"#, "source: no CloudTrail record has a value that matches"),
            (
                r#"{"source":[{"equals-ignore-case":"AWS.s3"}],"detail":{"a":[1]}}"#,
                "source: {\"equals-ignore-case\":\"AWS.s3\"} cannot be derived",
            ),
            (r#"{"source":"aws.s3","detail":{"a":[1]}}"#, "source must be an array"),
            (r#"{"$or":[{"source":["aws.iam"]},{"detail":{"a":[1]}}],"source":["aws.s3"]}"#, "source is given twice"),
            (
                r#"{"$or":[{"source":["aws.iam"]},{"source":["aws.s3"]}],"detail":{"eventSource":["iam.amazonaws.com"]}}"#,
                "eventSource is asked for beside $or and, in other words, in it",
            ),
            (r#"{"$or":[{"source":["s3"]},{"detail-type":["EC2 State"]}]}"#, "source: no CloudTrail record"),
            (r#"{"detail.$or":[{"a":[1]},{"b":[1]}]}"#, "detail.$or cannot be derived"),
            (r#"{"region":[{"exists":false}],"detail":{"a":[1]}}"#, "region: no CloudTrail record"),
            (r#"{"detail-type":["Object Created"],"detail":{"a":[1]}}"#, "detail-type: no CloudTrail record"),
        ] {
            let error = opened(pattern).unwrap_err();
            assert!(error.starts_with(reason), "{pattern}: {error}");
        }
    }
}
