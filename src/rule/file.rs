//! Rule files: YAML or JSON text to rules.

use super::explain::Case;
use super::node::{Member, Node, Place, Value};
use super::{Format, Mode, Pattern, Rule, RuleError, Severity, envelope, ignore};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// A rule file's text and the name it goes by in errors.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// A path, a URI or a pack's name.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What is wrong with a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    file: String,
    /// The rule it is in, where that is known.
    rule: Option<String>,
    error: RuleError,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.error.place;
        write!(f, "{}:{line}:{column}: ", self.file)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule}: ")?;
        }
        f.write_str(&self.error.reason)
    }
}

impl std::error::Error for FileError {}

/// Longest rule id, in bytes.
const MAX_ID: usize = 64;

/// Patterns that all rules together may ignore, those of their files counted for
/// each rule: a megabyte of text could have a billion.
const MAX_IGNORED: usize = 1 << 20;

/// Reads rule files into one list of rules, in order.
///
/// # Errors
/// The first thing that is wrong, by file, place and rule: text that is no
/// YAML, unknown keys, patterns that do not compile, an `ignore` that matches
/// everything, an id that two rules share (also over two files).
pub fn load(files: &[RuleFile]) -> Result<Vec<Rule>, FileError> {
    let mut rules = Vec::new();
    read(files, |_, draft| {
        rules.push(draft.rule);
        Ok(())
    })?;
    Ok(rules)
}

/// A rule and what only a check of it needs.
pub struct RuleSource {
    /// The name of its file.
    pub file: String,
    /// Where it stands in it.
    pub place: Place,
    /// The rule.
    pub rule: Rule,
    /// What it is to match and what not.
    pub tests: Vec<RuleTest>,
    /// The pattern as text, on the record.
    pub(super) pattern: Node,
    /// What it ignores, as text, on the record.
    pub(super) ignore: Vec<Arc<Node>>,
}

impl RuleSource {
    /// A rule of nothing but a pattern, from its JSON.
    ///
    /// # Errors
    /// As [`Rule::from_pattern`].
    pub fn from_pattern(id: &str, json: &str) -> Result<Self, RuleError> {
        let node = Node::from_json(json)?;
        let pattern = envelope::record(&node)?.into_owned();
        let rule = Rule::new(id, Pattern::compile(&pattern)?);
        Ok(Self { file: id.to_owned(), place: node.place, rule, tests: Vec::new(), pattern, ignore: Vec::new() })
    }
}

/// A record that a rule is to match, or not.
pub struct RuleTest {
    /// What is special about the record.
    pub name: String,
    /// Where the test stands in its file.
    pub place: Place,
    /// Whether the rule is to match it.
    pub matches: bool,
    /// The record.
    pub event: Case,
}

/// Reads rule files as [`load`], with places and tests.
///
/// # Errors
/// As [`load`].
pub fn load_sources(files: &[RuleFile]) -> Result<Vec<RuleSource>, FileError> {
    let mut sources = Vec::new();
    read(files, |file, Draft { rule, place, pattern, ignore, tests }| {
        let tests = tests.iter().map(TestDraft::build).collect::<Result<_, _>>()?;
        let pattern = pattern.into_owned();
        sources.push(RuleSource { file: file.to_owned(), place, rule, tests, pattern, ignore });
        Ok(())
    })?;
    Ok(sources)
}

/// Gives each rule of the files to `take`, with the file's name.
fn read(files: &[RuleFile], mut take: impl FnMut(&str, Draft<'_>) -> Result<(), RuleError>) -> Result<(), FileError> {
    let mut ids: HashMap<String, &str> = HashMap::new();
    let mut ignored = 0;
    for RuleFile { name, text } in files {
        let in_file = |rule: Option<&str>| {
            let rule = rule.map(str::to_owned);
            move |error| FileError { file: name.clone(), rule, error }
        };
        let node = Node::from_yaml(text).map_err(in_file(None))?;
        let defaults = Defaults::read(&node).map_err(in_file(None))?;
        for node in defaults.rules {
            let id = id(node).map_err(in_file(None))?;
            let draft = Draft::read(node, id, &defaults).map_err(in_file(Some(id)))?;
            if let Some(first) = ids.insert(id.to_owned(), name) {
                let error = node.place.error(format!("the id is used already, in {first}"));
                return Err(in_file(Some(id))(error));
            }
            ignored += draft.ignore.len();
            if ignored > MAX_IGNORED {
                let reason = format!("the rules up to here ignore more than {MAX_IGNORED} patterns in all: use fewer");
                return Err(in_file(Some(id))(node.place.error(reason)));
            }
            take(name, draft).map_err(in_file(Some(id)))?;
        }
    }
    Ok(())
}

/// What a file says for all its rules.
struct Defaults<'a> {
    topic_arn: Option<&'a str>,
    format: Option<Format>,
    ignore: Ignore,
    rules: &'a [Node],
}

impl<'a> Defaults<'a> {
    fn read(node: &'a Node) -> Result<Self, RuleError> {
        let (mut topic_arn, mut format, mut ignore, mut rules) = (None, None, Ignore::default(), None);
        for member in unique(node, "a rule file")? {
            match &member.key[..] {
                "topic_arn" => topic_arn = Some(topic(&member.node)?),
                "format" => format = Some(word(&member.node, "format", &Format::ALL, Format::name)?),
                "ignore" => ignore.extend(&member.node)?,
                "rules" => rules = Some(member.node.array("rules")?),
                key => return Err(member.place.error(unknown(key, "topic_arn, format, ignore and rules"))),
            }
        }
        match rules {
            Some(rules) if !rules.is_empty() => Ok(Self { topic_arn, format, ignore, rules }),
            _ => Err(node.place.error("no rules in this file")),
        }
    }
}

/// Patterns of records to ignore.
#[derive(Clone, Default)]
struct Ignore {
    patterns: Vec<Pattern>,
    /// As text, on the record.
    nodes: Vec<Arc<Node>>,
}

impl Ignore {
    /// Adds the list `node`.
    fn extend(&mut self, node: &Node) -> Result<(), RuleError> {
        for node in node.array("ignore")? {
            let record = envelope::record(node)?;
            self.patterns.push(Pattern::compile(&record)?);
            self.nodes.push(Arc::new(record.into_owned()));
        }
        ignore::check(&self.patterns, &self.nodes, node.place)
    }
}

/// A rule as it is read, before what is not needed is dropped.
struct Draft<'a> {
    rule: Rule,
    place: Place,
    /// On the record.
    pattern: Cow<'a, Node>,
    ignore: Vec<Arc<Node>>,
    tests: Vec<TestDraft<'a>>,
}

impl<'a> Draft<'a> {
    fn read(node: &'a Node, id: &str, defaults: &'a Defaults<'_>) -> Result<Self, RuleError> {
        let (mut pattern, mut tests) = (None, Vec::new());
        let mut ignored = defaults.ignore.nodes.clone();
        let mut rule = Rule::new(id, Pattern::any());
        rule.topic_arn = defaults.topic_arn.map(str::to_owned);
        rule.format = defaults.format;
        rule.ignore.clone_from(&defaults.ignore.patterns);
        for member in unique(node, "a rule")? {
            match &member.key[..] {
                "id" => {}
                "description" => rule.description = member.node.string("description")?.trim_end().to_owned(),
                "severity" => rule.severity = word(&member.node, "severity", &Severity::ALL, Severity::name)?,
                "topic_arn" => rule.topic_arn = Some(topic(&member.node)?.to_owned()),
                "format" => rule.format = Some(word(&member.node, "format", &Format::ALL, Format::name)?),
                "max_alerts" => rule.max_alerts = Some(count(&member.node, "max_alerts")?),
                "mode" => rule.mode = word(&member.node, "mode", &Mode::ALL, Mode::name)?,
                "pattern" => pattern = Some(&member.node),
                "ignore" => {
                    let mut ignore = defaults.ignore.clone();
                    ignore.extend(&member.node)?;
                    (rule.ignore, ignored) = (ignore.patterns, ignore.nodes);
                }
                "tests" => {
                    let nodes = member.node.array("tests")?;
                    tests = nodes.iter().map(TestDraft::read).collect::<Result<_, _>>()?;
                }
                key => {
                    let known =
                        "id, description, severity, topic_arn, format, max_alerts, mode, pattern, ignore and tests";
                    return Err(member.place.error(unknown(key, known)));
                }
            }
        }
        let pattern = pattern.ok_or_else(|| node.place.error("the pattern is missing"))?;
        let pattern = envelope::record(pattern)?;
        rule.pattern = Pattern::compile(&pattern)?;
        Ok(Self { rule, place: node.place, pattern, ignore: ignored, tests })
    }
}

/// A test as it is read: also where tests are not run they have to be right.
struct TestDraft<'a> {
    name: &'a str,
    place: Place,
    matches: bool,
    event: &'a Node,
}

impl<'a> TestDraft<'a> {
    fn read(node: &'a Node) -> Result<Self, RuleError> {
        let (mut name, mut matches, mut event) = (None, None, None);
        for member in unique(node, "a test")? {
            match &member.key[..] {
                "name" => name = Some(member.node.string("name")?),
                "match" => match member.node.value {
                    Value::Bool(value) => matches = Some(value),
                    _ => return Err(member.node.place.error("match must be true or false")),
                },
                "event" => {
                    member.node.object("event")?;
                    event = Some(&member.node);
                }
                key => return Err(member.place.error(unknown(key, "name, match and event"))),
            }
        }
        match (name, matches, event) {
            (Some(name), Some(matches), Some(event)) => Ok(Self { name, place: node.place, matches, event }),
            _ => Err(node.place.error("a test needs name, match and event")),
        }
    }

    fn build(&self) -> Result<RuleTest, RuleError> {
        let event = Case::from_node(self.event)?;
        Ok(RuleTest { name: self.name.to_owned(), place: self.place, matches: self.matches, event })
    }
}

fn id(node: &Node) -> Result<&str, RuleError> {
    let member = node.object("a rule")?.iter().find(|member| member.key == "id");
    let node = &member.ok_or_else(|| node.place.error("the id is missing"))?.node;
    let id = node.string("id")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(allowed) {
        return Err(node.place.error(format!("an id is 1 to {MAX_ID} letters, digits, dots, dashes and underscores")));
    }
    Ok(id)
}

fn topic(node: &Node) -> Result<&str, RuleError> {
    let arn = node.string("topic_arn")?;
    if is_topic_arn(arn) { Ok(arn) } else { Err(node.place.error(format!("topic_arn must be {TOPIC_ARN}"))) }
}

/// What a topic's ARN looks like.
pub const TOPIC_ARN: &str = "arn:PARTITION:sns:REGION:ACCOUNT:NAME";

/// Whether a text looks like [`TOPIC_ARN`].
#[must_use]
pub fn is_topic_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts[..], ["arn", _, "sns", _, _, _]) && parts.iter().all(|part| !part.is_empty())
}

/// One of the words that `name` gives to `all`.
fn word<T: Copy>(node: &Node, what: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, RuleError> {
    let text = node.string(what)?;
    all.iter().copied().find(|&one| name(one) == text).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|&one| name(one)).collect();
        node.place.error(format!("{what} must be one of {}", words.join(", ")))
    })
}

/// A whole number from 1.
fn count(node: &Node, what: &str) -> Result<u32, RuleError> {
    match &node.value {
        Value::Number(text) => text.parse().ok().filter(|&count| count > 0),
        _ => None,
    }
    .ok_or_else(|| node.place.error(format!("{what} must be a whole number from 1 to {}", u32::MAX)))
}

/// The members of an object that has no key twice.
fn unique<'a>(node: &'a Node, what: &str) -> Result<&'a [Member], RuleError> {
    let members = node.object(what)?;
    let mut keys = HashSet::new();
    match members.iter().find(|member| !keys.insert(&member.key)) {
        Some(twice) => Err(twice.place.error(format!("{} is given twice", twice.key))),
        None => Ok(members),
    }
}

fn unknown(key: &str, known: &str) -> String {
    format!("unknown key {key:?}; known are {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Vec<Rule>, String> {
        load(&[RuleFile { name: "r.yaml".into(), text: text.into() }]).map_err(|error| error.to_string())
    }

    #[test]
    fn packs_load() {
        for pack in super::super::PACKS {
            let file = RuleFile { name: pack.name.into(), text: pack.text.into() };
            assert!(!load(&[file]).unwrap().is_empty(), "{}", pack.name);
        }
    }

    #[test]
    fn a_rule_takes_what_the_file_says_and_what_it_says_itself() {
        let topic = "arn:aws:sns:eu-west-1:123456789012:";
        let rules = load_text(&format!(
            "topic_arn: {topic}one\nformat: json\nrules:\n\
             - {{id: a, pattern: {{x: [1]}}}}\n\
             - {{id: b, topic_arn: '{topic}two', format: text, severity: high, description: d, pattern: {{x: [1]}}}}\n"
        ))
        .unwrap();
        let got = |rule: &Rule| (rule.topic_arn.clone().unwrap(), rule.format, rule.severity, rule.description.clone());
        assert_eq!(got(&rules[0]), (format!("{topic}one"), Some(Format::Json), Severity::Medium, String::new()));
        assert_eq!(got(&rules[1]), (format!("{topic}two"), Some(Format::Text), Severity::High, "d".to_owned()));
    }

    #[test]
    fn a_rule_says_how_often_it_alerts_and_whether() {
        let rules = load_text(
            "rules:\n- {id: a, pattern: {x: [1]}}\n- {id: b, max_alerts: 5, mode: observe, format: both, pattern: {x: [1]}}\n",
        );
        let got: Vec<_> = rules.unwrap().iter().map(|rule| (rule.max_alerts, rule.mode, rule.format)).collect();
        assert_eq!(got, [(None, Mode::Publish, None), (Some(5), Mode::Observe, Some(Format::Both))]);
    }

    #[test]
    fn tests_come_with_the_sources() {
        let text = "ignore: [{eventName: [B]}]\nrules:\n- id: a\n  pattern: {n: [9007199254740993], eventName: [A, B]}\n  tests:\n\
             \x20 - {name: exact, match: true, event: {eventName: A, n: 9007199254740993}}\n\
             \x20 - {name: off by one, match: false, event: {eventName: A, n: 9007199254740992}}\n\
             \x20 - {name: ignored, match: false, event: {eventName: B, n: 9007199254740993}}\n";
        let file = RuleFile { name: "r.yaml".into(), text: text.into() };
        let source = load_sources(&[file]).unwrap().remove(0);
        assert_eq!((&source.file[..], source.place.line, source.rule.ignore.len()), ("r.yaml", 3, 1));
        for test in &source.tests {
            assert_eq!(test.event.alerts(&source.rule).unwrap(), test.matches, "{}", test.name);
        }
        assert_eq!(source.tests.iter().map(|test| test.place.line).collect::<Vec<_>>(), [6, 7, 8]);
    }

    #[test]
    fn what_all_rules_ignore_is_bounded() {
        let ignore: String = (0..1_100).map(|number| format!("- {{x: [v{number}]}}\n")).collect();
        let rules: String = (0..1_000).map(|number| format!("- {{id: r{number}, pattern: {{x: [1]}}}}\n")).collect();
        let error = load_text(&format!("ignore:\n{ignore}rules:\n{rules}")).unwrap_err();
        assert!(
            error.starts_with("r.yaml:2056:3: rule r953: the rules up to here ignore more than 1048576"),
            "{error}"
        );
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(load_text(r#"{"rules": [{"id": "a", "pattern": {"x": [1, "y", null]}}]}"#).unwrap()[0].id, "a");
    }

    #[test]
    fn errors_name_file_place_rule_and_reason() {
        for (text, expected) in [
            ("", "r.yaml:1:1: the file is empty"),
            ("rules: []", "r.yaml:1:1: no rules in this file"),
            ("rules:\n- {pattern: {x: [1]}}", "r.yaml:2:3: the id is missing"),
            ("rules:\n- {id: a b, pattern: {x: [1]}}", "r.yaml:2:8: an id is 1 to 64"),
            ("rules:\n- {id: a}", "r.yaml:2:3: rule a: the pattern is missing"),
            ("rules:\n- id: a\n  patern: {x: [1]}", "r.yaml:3:3: rule a: unknown key \"patern\""),
            ("rules:\n- id: a\n  pattern:\n    x: y", "r.yaml:4:8: rule a: x must be an array"),
            (
                "rules:\n- {id: a, pattern: {x: [1]}}\n- {id: a, pattern: {x: [1]}}",
                "r.yaml:3:3: rule a: the id is used",
            ),
            ("rules:\n- {id: a, id: a, pattern: {x: [1]}}", "r.yaml:2:11: rule a: id is given twice"),
            ("rules:\n- {id: a, severity: bad, pattern: {x: [1]}}", "r.yaml:2:21: rule a: severity must be one of"),
            ("rules:\n- {id: a, max_alerts: 0, pattern: {x: [1]}}", "r.yaml:2:23: rule a: max_alerts must be a whole"),
            (
                "rules:\n- {id: a, max_alerts: '5', pattern: {x: [1]}}",
                "r.yaml:2:23: rule a: max_alerts must be a whole",
            ),
            (
                "rules:\n- {id: a, mode: off, pattern: {x: [1]}}",
                "r.yaml:2:17: rule a: mode must be one of publish, observe",
            ),
            ("topic_arn: arn:aws:sqs:a:b:c\nrules: []", "r.yaml:1:12: topic_arn must be"),
            ("rules: *x", "r.yaml:1:8: "),
            ("rules:\n- {id: a, description: , pattern: {x: [1]}}", "r.yaml:2:22: an empty value: write null"),
            ("rules:\n- id: a\n  pattern:\n    x:\n    - y\n    -\n", "r.yaml:6:6: an empty value"),
            ("rules:\n- id: a\n  pattern: {!!str x: [1]}", "r.yaml:3:"),
            ("rules:\n- id: a\n  pattern: {<<: {x: [1]}}", "r.yaml:3:13: YAML merge keys are not supported"),
            ("rules:\n- {id: a", "r.yaml:2:"),
            ("a: 1\n---\nb: 1", "r.yaml:2:1: only one YAML document"),
            ("a: 1", "r.yaml:1:1: unknown key"),
            ("ignore: {a: [1]}\nrules: []", "r.yaml:1:9: ignore must be an array"),
            ("ignore: [{}]\nrules: []", "r.yaml:1:10: the pattern is an empty object"),
            ("ignore:\n- a: [{exists: false}]\nrules: []", "r.yaml:2:3: ignore matches every record"),
            (
                "ignore: [{errorCode: [{exists: true}]}]\nrules:\n\
                 - {id: a, pattern: {x: [1]}, ignore: [{errorCode: [{exists: false}]}]}",
                "r.yaml:3:38: rule a: ignore matches every record",
            ),
            ("rules:\n- {id: a, pattern: {x: [1]}, tests: [{match: true}]}", "r.yaml:2:38: rule a: a test needs name"),
            ("rules:\n- {id: a, pattern: {x: [1]}, tests: [{match: yes}]}", "r.yaml:2:46: rule a: match must be true"),
            ("rules:\n- {id: a, pattern: {x: [1]}, tests: [{event: []}]}", "r.yaml:2:46: rule a: event must be an"),
            ("rules:\n- {id: a, pattern: {x: [1]}, tests: [{events: []}]}", "r.yaml:2:39: rule a: unknown key"),
            ("rules:\n- {id: a, pattern: {id: [1], detail: {x: [1]}}}", "r.yaml:2:21: rule a: id cannot be derived"),
        ] {
            let error = load_text(text).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
