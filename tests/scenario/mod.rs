//! One seeded scenario: objects, faults and an event; and what must be true when the function has answered.

mod faults;
mod world;

pub(crate) use faults::Kind;
use faults::Must;
pub(crate) use world::rules;
use world::{World, matches};

use crate::standin::function::Function;
use crate::standin::runtime::Deadline;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// What the function was asked as one: a message, a task, or all of an event.
pub(crate) struct Part {
    id: String,
    /// Objects, by their number in the world.
    objects: Vec<usize>,
    /// Whether it holds something that is no event.
    poison: bool,
}

/// Which answer an event gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Queue { fifo: bool },
    BatchJob,
}

/// Runs the scenario of one seed and holds what came of it against what must be.
///
/// # Errors
/// What is not as it must be.
pub(crate) fn run(function: &Function, seed: u64) -> Result<Vec<Kind>, String> {
    let world = World::new(seed, function);
    let deadline = match () {
        () if world.kinds.contains(&Kind::SlowNearDeadline) => Deadline::In(Duration::from_millis(250)),
        () if world.kinds.contains(&Kind::PastDeadline) => Deadline::At(600_000),
        () => Deadline::In(Duration::from_secs(30)),
    };
    let lines = function.metrics().len();
    let answer = function.runtime.invoke(&world.event.to_string(), deadline);
    let succeeded = succeeded(&world, &answer.result)?;
    let accepted = Accepted::read(function, &world)?;

    check_answer(&world, &succeeded)?;
    check_delivery(&world, &succeeded, &accepted)?;
    check_accounts(function, &world, &metrics(function, lines)?, &accepted)?;
    check_gets(function, &world)?;
    if deadline == Deadline::In(Duration::from_millis(250)) && answer.took > Duration::from_millis(250) {
        return Err(format!("it answered after its deadline, in {:?}", answer.took));
    }
    if !function.runtime.wait(Duration::from_secs(5)) {
        return Err("the process did not ask for the next event".into());
    }
    let said = format!("{}{:?}", function.output(), answer.result);
    for planted in ["planted", crate::standin::function::SECRET] {
        if said.contains(planted) {
            return Err(format!("{planted} was printed"));
        }
    }
    Ok(world.kinds)
}

/// Whether each part was reported as done.
fn succeeded(world: &World, answer: &Result<String, String>) -> Result<Vec<bool>, String> {
    let Ok(text) = answer else { return Ok(vec![false; world.parts.len()]) };
    let response: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let known = |id: &str| world.parts.iter().any(|part| part.id == id);
    match world.form {
        Form::Plain => Ok(vec![true; world.parts.len()]),
        Form::Queue { .. } => {
            let failures = response["batchItemFailures"].as_array().ok_or("an answer without batchItemFailures")?;
            let failed: BTreeSet<&str> = failures.iter().filter_map(|it| it["itemIdentifier"].as_str()).collect();
            if failed.len() != failures.len() || !failed.iter().all(|id| known(id)) {
                return Err(format!("odd failures: {response}"));
            }
            // A mapping without partial failures would take this for success.
            if failed.len() == world.parts.len() {
                return Err("every message failed, and the answer is no error".into());
            }
            Ok(world.parts.iter().map(|part| !failed.contains(&part.id[..])).collect())
        }
        Form::BatchJob => {
            let results = response["results"].as_array().ok_or("an answer without results")?;
            let code = |id: &str| {
                let result = results.iter().find(|result| result["taskId"] == id);
                result.map(|result| result["resultCode"] == "Succeeded").ok_or(format!("no result for task {id}"))
            };
            world.parts.iter().map(|part| code(&part.id)).collect()
        }
    }
}

/// Nothing that failed is reported as done, and nothing as failed without a cause.
fn check_answer(world: &World, succeeded: &[bool]) -> Result<(), String> {
    let mut held_back = false;
    for (part, &succeeded) in world.parts.iter().zip(succeeded) {
        let fates = || part.objects.iter().map(|&object| world.objects[object].must);
        let must_fail = part.poison || fates().any(|must| must == Must::Fail) || held_back;
        let may_fail = must_fail || fates().any(|must| must == Must::Either);
        if must_fail && succeeded {
            return Err(format!("part {} was reported done, and is not", part.id));
        }
        if !may_fail && !succeeded {
            return Err(format!("part {} was reported failed without a cause", part.id));
        }
        held_back |= world.form == (Form::Queue { fifo: true }) && !succeeded;
    }
    Ok(())
}

/// What SNS accepted.
struct Accepted {
    /// How often the alert of each rule and record.
    alerts: BTreeMap<(String, String), usize>,
    /// Matches in accepted summaries, by rule.
    summarised: HashMap<String, u64>,
    /// Alerts in all, summaries aside.
    count: usize,
}

impl Accepted {
    fn read(function: &Function, world: &World) -> Result<Self, String> {
        let mut accepted = Self { alerts: BTreeMap::new(), summarised: HashMap::new(), count: 0 };
        for message in function.sns.messages() {
            let body = &message.entry.message;
            let json: Value = serde_json::from_str(body).unwrap_or_default();
            let rule = message.entry.attribute("rule").ok_or("an alert without its rule")?.to_owned();
            if json.get("summarised").is_some() {
                let matches = json["summarised"]["matches"].as_u64().ok_or("a summary without a number")?;
                *accepted.summarised.entry(rule).or_default() += matches;
                continue;
            }
            accepted.count += 1;
            if message.duplicate {
                // Subscribers of a FIFO topic do not get it.
                continue;
            }
            let record = world.record_of(body).ok_or_else(|| format!("an alert for no known record: {body}"))?;
            if !matches(&record.name, &rule) {
                return Err(format!("an alert of rule {rule} for a record called {}", record.name));
            }
            *accepted.alerts.entry((rule, record.identity.clone())).or_default() += 1;
        }
        Ok(accepted)
    }
}

/// Every match of an object that was reported done was accepted; once, where no answer was lost.
fn check_delivery(world: &World, succeeded: &[bool], accepted: &Accepted) -> Result<(), String> {
    let mut storm = BTreeSet::new();
    for (part, _) in world.parts.iter().zip(succeeded).filter(|(_, succeeded)| **succeeded) {
        for object in part.objects.iter().map(|&object| &world.objects[object]) {
            for (rule, record) in object.matches() {
                if rule == world::STORM {
                    storm.insert(&record.identity);
                } else if !accepted.alerts.contains_key(&(rule.to_owned(), record.identity.clone())) {
                    return Err(format!("{} was reported done, and its alert of rule {rule} was lost", object.key));
                }
            }
        }
    }
    let single = accepted.alerts.keys().filter(|(rule, _)| rule == world::STORM).count() as u64;
    let counted = single + accepted.summarised.get(world::STORM).copied().unwrap_or_default();
    if counted < storm.len() as u64 {
        return Err(format!("{} matches of a storm, of which {counted} were told", storm.len()));
    }
    let may_repeat = world.kinds.iter().any(|kind| kind.loses_answers());
    // A FIFO topic knows what it had.
    let repeated = |rule: &str, times: usize| times > 1 && (rule == "fifo" || !may_repeat);
    match accepted.alerts.iter().find(|((rule, _), times)| repeated(rule, **times)) {
        Some(((rule, record), times)) => Err(format!("the alert of rule {rule} for {record} was sent {times} times")),
        None => Ok(()),
    }
}

/// The metrics of this invocation, which come before its answer.
fn metrics(function: &Function, before: usize) -> Result<Value, String> {
    let mut lines = function.metrics();
    if lines.len() != before + 1 {
        return Err(format!("{} lines of metrics for one invocation", lines.len() - before));
    }
    Ok(lines.remove(before))
}

/// The accounts add up, and agree with what was stored, what was asked for and what SNS has.
fn check_accounts(function: &Function, world: &World, metrics: &Value, accepted: &Accepted) -> Result<(), String> {
    let count = |name: &str| metrics[name].as_u64().ok_or(format!("no metric {name}"));
    let same = |name: &str, right: usize| match count(name)? {
        told if told == right as u64 => Ok(()),
        told => Err(format!("{name} is {told} and not {right}: {metrics}")),
    };
    let sent = count("AlertsPublished")? + count("AlertsPruned")? + count("AlertsPointer")?;
    let ends = ["AlertsSummarised", "AlertsObserved", "AlertsDuplicate", "AlertsSelf", "AlertsFailed"];
    let ends = ends.map(count).into_iter().sum::<Result<u64, _>>()?;
    if count("Matches")? != sent + ends {
        return Err(format!("the accounts do not add up: {metrics}"));
    }
    let exact = !world.kinds.iter().any(|kind| kind.loses_answers());
    if sent > accepted.count as u64 || exact && sent != accepted.count as u64 {
        return Err(format!("{sent} alerts were counted as sent, and {} arrived", accepted.count));
    }
    let (summarised, told) = (count("AlertsSummarised")?, accepted.summarised.values().sum::<u64>());
    if summarised > told || exact && summarised != told {
        return Err(format!("{summarised} matches were counted as summarised, and {told} told: {metrics}"));
    }
    same("ObjectsSkipped", 0)?;
    same("AlertsSelf", 0)?;
    if !world.has(Kind::RefusedContent) && !world.has(Kind::SmallTopic) {
        same("AlertsPruned", 0)?;
        same("AlertsPointer", 0)?;
    }
    if !world.has(Kind::SlowNearDeadline) {
        // Where connections break, a request may be lost on one before S3 has it: at most one for each GET that S3 had.
        let (gets, counted) = (function.s3.log(), count("BodyResumes")?);
        let resumed = gets.iter().filter(|get| get.if_match.is_some()).count() as u64;
        let lost = if world.kinds.iter().any(|kind| kind.breaks_connections()) { gets.len() as u64 } else { 0 };
        if !(resumed..=resumed + lost).contains(&counted) {
            return Err(format!("{counted} resumes were counted, and S3 saw {resumed}: {metrics}"));
        }
    }
    if !world.kinds.iter().any(|kind| kind.loses_calls()) {
        same("PublishCalls", function.sns.calls().len())?;
    }
    if world.kinds.iter().all(|kind| !kind.is_of_sns()) {
        same("PublishRetries", 0)?;
    }
    let named = world.named().count();
    let ended = count("ObjectsRead")? + count("ObjectsFailed")?;
    if ended > named as u64 || ended < named as u64 && world.form != (Form::Queue { fifo: true }) {
        return Err(format!("{named} objects were named: {metrics}"));
    }
    if world.has_poison() || world.named().any(|object| object.must != Must::Succeed) {
        return Ok(());
    }
    // All must be done: nothing failed, and all that was stored was read.
    ["AlertsFailed", "ObjectsFailed", "Failures"].into_iter().try_for_each(|name| same(name, 0))?;
    same("Records", world.named().map(|object| object.records.len()).sum())?;
    if world.has(Kind::Replaced) {
        return same("ObjectRestarts", world.objects.iter().filter(|it| it.trouble == Some(Kind::Replaced)).count());
    }
    let watched = world.named().map(|object| object.records.iter().filter(|it| matches(&it.name, "all")).count()).sum();
    same("AlertsObserved", watched)?;
    same("Matches", watched + world.named().map(|object| object.matches().count()).sum::<usize>())?;
    same("StoredBytes", world.named().map(|object| object.bytes.len()).sum())?;
    same("ObjectRestarts", 0)
}

/// What S3 refuses for good is asked for once.
fn check_gets(function: &Function, world: &World) -> Result<(), String> {
    for object in world.objects.iter().filter(|object| object.trouble.is_some_and(Kind::is_refusal)) {
        let (named, gets) =
            (world.named().filter(|it| it.key == object.key).count(), function.s3.gets("logs", &object.key));
        if gets > named {
            return Err(format!("{} was refused, and asked for {gets} times", object.key));
        }
    }
    Ok(())
}
