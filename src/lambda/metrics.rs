//! The metrics of an invocation: one line in CloudWatch's embedded metric format.

use crate::handler::{Fate, ObjectReport, Report, Status};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// The namespace of the metrics.
const NAMESPACE: &str = "trailwire";

/// The line.
pub(super) fn line(report: &Report, function: &str, request_id: &str, took: Duration, now: Timestamp) -> Value {
    let objects = &report.objects;
    let count = |is: fn(&Status) -> bool| objects.iter().filter(|object| is(&object.status)).count() as u64;
    let sum = |of: fn(&ObjectReport) -> u64| objects.iter().map(of).sum::<u64>();
    let totals = &report.totals;
    let mut metrics = vec![
        ("ObjectsRead", "Count", count(|status| *status == Status::Done)),
        ("ObjectsSkipped", "Count", count(|status| matches!(status, Status::Skipped(_)))),
        ("ObjectsFailed", "Count", count(|status| matches!(status, Status::Failed(_)))),
        ("Failures", "Count", report.failures.len() as u64),
        ("StoredBytes", "Bytes", sum(|object| object.counts.stored_bytes)),
        ("InflatedBytes", "Bytes", sum(|object| object.counts.bytes)),
        ("Records", "Count", sum(|object| object.counts.records)),
        ("Matches", "Count", totals.matches),
        ("PublishCalls", "Count", totals.publish_calls),
        ("PublishRetries", "Count", totals.retries),
        ("BodyResumes", "Count", sum(|object| object.resumes.into())),
        ("ObjectRestarts", "Count", sum(|object| object.restarts.into())),
        ("Duration", "Milliseconds", took.as_millis() as u64),
    ];
    metrics.extend(Fate::ALL.map(|fate| (name(fate), "Count", totals.fate(fate))));
    // How long the oldest object had been stored when all was done.
    metrics.extend(lag(objects, now).map(|lag| ("DeliveryLag", "Milliseconds", lag)));

    let definitions: Value = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": definitions}],
        },
        "FunctionName": function,
        "requestId": request_id,
    });
    for (name, _, value) in metrics {
        line[name] = value.into();
    }
    line
}

const fn name(fate: Fate) -> &'static str {
    match fate {
        Fate::Published => "AlertsPublished",
        Fate::Pruned => "AlertsPruned",
        Fate::Pointer => "AlertsPointer",
        Fate::Summarised => "AlertsSummarised",
        Fate::Observed => "AlertsObserved",
        Fate::Duplicate => "AlertsDuplicate",
        Fate::Own => "AlertsSelf",
        Fate::Failed => "AlertsFailed",
    }
}

fn lag(objects: &[ObjectReport], now: Timestamp) -> Option<u64> {
    let done = objects.iter().filter(|object| object.status == Status::Done);
    let stored = done.filter_map(|object| object.object.stored.as_deref()?.parse::<Timestamp>().ok());
    // Clocks differ; nothing is read before it is stored.
    stored.min().map(|oldest| (now.as_millisecond() - oldest.as_millisecond()).max(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;
    use crate::handler::{Fault, ObjectRef, Totals};

    #[test]
    fn every_metric_that_is_defined_has_a_value() {
        let object = |status: Status, stored: Option<&str>| ObjectReport {
            object: ObjectRef { bucket: "b".into(), key: "k".into(), version: None, stored: stored.map(str::to_owned) },
            status,
            counts: Counts { stored_bytes: 1, bytes: 10, records: 3, matches: 0 },
            resumes: 2,
            restarts: 0,
        };
        let report = Report {
            response: Ok(Value::Null),
            objects: vec![
                object(Status::Done, Some("2026-10-14T09:00:00Z")),
                object(Status::Done, Some("2026-10-14T09:00:01Z")),
                object(Status::Failed(Fault::permanent("x")), Some("2020-01-01T00:00:00Z")),
                object(Status::Skipped("a folder"), None),
            ],
            failures: vec!["x".into()],
            totals: Totals::default(),
        };
        let now = "2026-10-14T09:00:05Z".parse().unwrap();
        let line = line(&report, "f", "r", Duration::from_millis(7), now);
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), 22);
        for metric in metrics {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        let values =
            ["ObjectsRead", "ObjectsSkipped", "ObjectsFailed", "Records", "BodyResumes", "DeliveryLag", "Duration"];
        assert_eq!(values.map(|name| line[name].as_u64().unwrap()), [2, 1, 1, 12, 8, 5_000, 7]);
    }
}
