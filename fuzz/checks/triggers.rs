//! Trigger events: decoding never panics, and what it takes for an event that asks for nothing is one.

use serde_json::Value;
use trailwire::handler::{Objects, Trigger, decode};

pub(crate) fn check(data: &[u8]) {
    let Ok(trigger) = decode(data) else { return };
    let event: Value = serde_json::from_slice(data).unwrap();
    let asks_for_nothing = |objects: &Objects| objects.named.is_empty() && objects.faults.is_empty();
    match trigger {
        Trigger::Objects(objects) | Trigger::Items(objects) if asks_for_nothing(&objects) => {
            // Then something in it says so: an empty list, a test, a deletion, or somebody else's event inside.
            assert!(is_known(&event, 0), "{event}");
        }
        Trigger::Queue { messages, .. } => {
            let bodies = event["Records"].as_array().map_or(0, Vec::len);
            assert_eq!(messages.len(), bodies, "every message is accounted for");
        }
        Trigger::BatchJob(job) => {
            assert_eq!(job.tasks.len(), event["tasks"].as_array().map_or(0, Vec::len), "every task is accounted for");
        }
        Trigger::Objects(_) | Trigger::Items(_) => {}
    }
}

/// Whether an event, or one inside of it, has a field that only known forms have.
fn is_known(event: &Value, depth: usize) -> bool {
    const KEYS: [&str; 7] = ["Records", "Event", "Items", "detail", "s3ObjectKey", "requestPayload", "Message"];
    match event {
        Value::Object(members) => {
            KEYS.iter().any(|key| members.contains_key(*key))
                || depth < 10 && members.values().any(|value| is_known(value, depth + 1))
        }
        Value::Array(items) => items.iter().any(|item| is_known(item, depth + 1)),
        Value::String(text) => serde_json::from_str(text).is_ok_and(|inner| is_known(&inner, depth + 1)),
        _ => false,
    }
}
