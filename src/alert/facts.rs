//! What an alert says about a record: a table of paths and their values.

use crate::Scalar;
use crate::paths::{NodeId, PathTree, ROOT};
use crate::picker::Picker;
use simd_json::prelude::ValueAsScalar as _;
use simd_json::tape;

/// A path whose value alerts show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    EventId,
    AggregatedEventId,
    EventTime,
    WindowStart,
    EventName,
    InsightEventName,
    EventSource,
    InsightEventSource,
    EventType,
    Region,
    RecipientAccount,
    AggregatedAccount,
    ErrorCode,
    ErrorMessage,
    InsightType,
    InsightState,
    Ip,
    UserAgent,
    IdentityType,
    Arn,
    UserName,
    PrincipalId,
    InvokedBy,
    IdentityAccount,
    IssuerName,
    Resource,
}

/// All facts, in the order of the enum.
const PATHS: [(Fact, &str); 26] = [
    (Fact::EventId, "eventID"),
    (Fact::AggregatedEventId, "eventId"),
    (Fact::EventTime, "eventTime"),
    (Fact::WindowStart, "timeWindow.windowStart"),
    (Fact::EventName, "eventName"),
    (Fact::InsightEventName, "insightDetails.eventName"),
    (Fact::EventSource, "eventSource"),
    (Fact::InsightEventSource, "insightDetails.eventSource"),
    (Fact::EventType, "eventType"),
    (Fact::Region, "awsRegion"),
    (Fact::RecipientAccount, "recipientAccountId"),
    (Fact::AggregatedAccount, "accountId"),
    (Fact::ErrorCode, "errorCode"),
    (Fact::ErrorMessage, "errorMessage"),
    (Fact::InsightType, "insightDetails.insightType"),
    (Fact::InsightState, "insightDetails.state"),
    (Fact::Ip, "sourceIPAddress"),
    (Fact::UserAgent, "userAgent"),
    (Fact::IdentityType, "userIdentity.type"),
    (Fact::Arn, "userIdentity.arn"),
    (Fact::UserName, "userIdentity.userName"),
    (Fact::PrincipalId, "userIdentity.principalId"),
    (Fact::InvokedBy, "userIdentity.invokedBy"),
    (Fact::IdentityAccount, "userIdentity.accountId"),
    (Fact::IssuerName, "userIdentity.sessionContext.sessionIssuer.userName"),
    (Fact::Resource, "resources.ARN"),
];

/// Reads facts; holds what that takes.
pub struct FactReader {
    /// Slot *n* is the path of fact *n*.
    picker: Picker,
    buffers: simd_json::Buffers,
    copy: Vec<u8>,
}

/// The facts of one record: of each path the first string, where there is one.
#[derive(Default)]
pub struct Facts {
    values: [Option<String>; PATHS.len()],
    /// Whether the record is JSON that simd-json accepts.
    pub(super) parsed: bool,
}

impl FactReader {
    /// Empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        let mut picker = Picker::new();
        for (_, path) in PATHS {
            picker.want(path);
        }
        Self { picker, buffers: simd_json::Buffers::default(), copy: Vec::new() }
    }

    /// Reads the facts of a record.
    ///
    /// The whole record is parsed, not only its facts, so that the alert knows
    /// whether it may be passed on as JSON. simd-json refuses records that are
    /// fine to match (numbers beyond a double, lone surrogates) and those that
    /// are malformed where no rule looked; then the facts are picked from the
    /// text, as far as that can be read.
    pub(super) fn read(&mut self, record: &[u8]) -> Facts {
        let mut facts = Facts::default();
        self.copy.clear();
        self.copy.extend_from_slice(record);
        match simd_json::to_tape_with_buffers(&mut self.copy, &mut self.buffers) {
            Ok(tape) => {
                facts.parsed = true;
                facts.collect(tape.as_value(), self.picker.tree(), ROOT);
            }
            Err(_) => facts = self.pick(record),
        }
        facts
    }

    /// Picks the facts of a record from its text, and parses no more than that
    /// takes.
    pub fn pick(&mut self, record: &[u8]) -> Facts {
        let mut facts = Facts::default();
        // What stands before a fault is kept; a fault here was seen before the
        // record matched, or is where no rule looks.
        let _ = self.picker.pick(record, |slot, value| {
            if let Scalar::String(text) = value {
                facts.values[slot as usize].get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
            }
        });
        facts
    }
}

impl Default for FactReader {
    fn default() -> Self {
        Self::new()
    }
}

impl Facts {
    /// The value of a fact; an empty string says as little as none.
    pub(super) fn get(&self, fact: Fact) -> Option<&str> {
        self.values[fact as usize].as_deref().filter(|text| !text.is_empty())
    }

    /// The first of several facts that has a value.
    pub(super) fn first(&self, facts: &[Fact]) -> Option<&str> {
        facts.iter().find_map(|&fact| self.get(fact))
    }

    /// Collects what `tree` wants of `value`, which stands at `node`.
    fn collect(&mut self, value: tape::Value<'_, '_>, tree: &PathTree, node: NodeId) {
        if let Some(object) = value.as_object() {
            for (key, value) in object.iter() {
                if let Some(node) = tree.child(node, key.as_bytes()) {
                    self.collect(value, tree, node);
                }
            }
        } else if let Some(array) = value.as_array() {
            for value in array.iter() {
                self.collect(value, tree, node);
            }
        } else if let (Some(slot), Some(text)) = (tree.slot(node), value.as_str()) {
            self.values[slot as usize].get_or_insert_with(|| text.to_owned());
        }
    }

    /// Who made the call, in few words.
    #[must_use]
    pub fn who(&self) -> String {
        let arn = self.get(Fact::Arn);
        let last = arn.and_then(|arn| arn.rsplit('/').next());
        match (self.get(Fact::IdentityType), self.get(Fact::UserName), self.get(Fact::IssuerName)) {
            (Some("Root"), ..) => "root".to_owned(),
            (_, None, Some(role)) => match last {
                Some(session) if arn.is_some_and(|arn| arn.contains(":assumed-role/")) => format!("{role}/{session}"),
                _ => role.to_owned(),
            },
            (_, Some(user), _) => user.to_owned(),
            _ => self
                .get(Fact::InvokedBy)
                .or(arn)
                .or_else(|| self.first(&[Fact::PrincipalId, Fact::IdentityAccount, Fact::IdentityType]))
                .unwrap_or("unknown")
                .to_owned(),
        }
    }

    /// The call, or what else the event is named by.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        self.first(&[Fact::EventName, Fact::InsightEventName, Fact::EventType])
    }

    /// The service.
    #[must_use]
    pub fn event_source(&self) -> Option<&str> {
        self.first(&[Fact::EventSource, Fact::InsightEventSource])
    }

    pub(super) fn event_id(&self) -> Option<&str> {
        self.first(&[Fact::EventId, Fact::AggregatedEventId])
    }

    /// When it happened, as the record has it.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        self.first(&[Fact::EventTime, Fact::WindowStart])
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.get(Fact::Region)
    }

    /// The error code, if the call failed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.first(&[Fact::ErrorCode, Fact::ErrorMessage])
    }

    /// Where the call came from: an address, or the name of a service.
    #[must_use]
    pub fn source_ip(&self) -> Option<&str> {
        self.get(Fact::Ip)
    }

    /// The account it happened in.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.first(&[Fact::RecipientAccount, Fact::AggregatedAccount, Fact::IdentityAccount])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, (fact, _)) in PATHS.iter().enumerate() {
            assert_eq!(*fact as usize, index);
        }
    }

    #[test]
    fn both_readers_read_the_same() {
        let record =
            br#"{"eventID":"e\u0031","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/r/s",
            "sessionContext":{"sessionIssuer":{"userName":"r"}}},"resources":[{"x":1},{"ARN":"one"},{"ARN":"two"}],
            "eventName":"","awsRegion":null,"eventTime":"t","eventTime":"u"}"#;
        let mut reader = FactReader::new();
        let parsed = reader.read(record);
        let picked = reader.pick(record);
        assert!(parsed.parsed);
        assert_eq!(parsed.values, picked.values);
        assert_eq!(parsed.event_id(), Some("e1"));
        assert_eq!(parsed.get(Fact::Resource), Some("one"));
        assert_eq!(parsed.time(), Some("t"));
        assert_eq!(parsed.event_name(), None);
        assert_eq!(parsed.who(), "r/s");
    }

    #[test]
    fn what_simd_json_refuses_is_picked() {
        for odd in ["1e400", "18446744073709551616000", "\"\\ud800\"", "tru"] {
            let record = format!("{{\"eventID\":\"e\",\"odd\":{odd},\"eventName\":\"n\"}}");
            let facts = FactReader::new().read(record.as_bytes());
            assert_eq!((facts.event_id(), facts.event_name()), (Some("e"), Some("n")), "{odd}");
            if odd != "18446744073709551616000" {
                assert!(!facts.parsed, "{odd}");
            }
        }
    }
}
