//! Alerts to SNS, and what becomes of each.

use super::fault::{Refusal, is_transient};
use crate::alert::{Alert, plain};
use crate::handler::{Answer, Outcome, Publish, Topic};
use aws_config::{Region, SdkConfig};
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Publishes to SNS topics of any region.
#[derive(Debug)]
pub struct SnsPublisher {
    config: SdkConfig,
    /// By region: SNS serves a topic only in its own.
    clients: Mutex<HashMap<String, Client>>,
}

impl SnsPublisher {
    pub(super) fn new(config: SdkConfig) -> Self {
        Self { config, clients: Mutex::default() }
    }

    fn client(&self, topic: &str) -> Client {
        let region = topic.split(':').nth(3).unwrap_or_default();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.to_owned()).or_insert_with(|| {
            let config = aws_sdk_sns::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
            Client::from_conf(config.build())
        });
        client.clone()
    }
}

impl Publish for SnsPublisher {
    async fn batch(&self, topic: &Topic, alerts: &[&Alert]) -> Answer {
        let Some(topic) = topic else {
            return Answer::All(Outcome::Rejected("the rule has no topic (set TRAILWIRE_TOPIC_ARN)".into()));
        };
        let fifo = topic.ends_with(".fifo");
        let entries: Result<Vec<_>, _> = (0..).zip(alerts).map(|(id, alert)| entry(id, alert, fifo)).collect();
        let Ok(entries) = entries else {
            return Answer::All(Outcome::Rejected("the request cannot be built: please report this".into()));
        };
        let request =
            self.client(topic).publish_batch().topic_arn(&**topic).set_publish_batch_request_entries(Some(entries));
        match request.send().await {
            Ok(output) => Answer::Each(outcomes(&output, alerts.len())),
            Err(error) => Answer::All(refused(&Refusal::of(&error))),
        }
    }
}

fn entry(id: usize, alert: &Alert, fifo: bool) -> Result<PublishBatchRequestEntry, BuildError> {
    let mut entry = PublishBatchRequestEntry::builder()
        .id(id.to_string())
        .subject(&alert.subject)
        .message(&alert.body)
        .set_message_structure(alert.structured.then(|| "json".to_owned()));
    for (name, value) in &alert.attributes {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
        entry = entry.message_attributes(*name, value);
    }
    if fifo {
        entry = entry.message_group_id(&alert.rule).message_deduplication_id(alert.sameness.to_string());
    }
    entry.build()
}

/// The outcome of each entry. One that the answer does not mention, or not only
/// as accepted, may be tried again.
fn outcomes(output: &PublishBatchOutput, entries: usize) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::Retry("the answer does not mention the alert (try again)".into()); entries];
    let place = |id: Option<&str>| id.and_then(|id| id.parse::<usize>().ok()).filter(|&id| id < entries);
    for entry in output.successful() {
        if let Some(id) = place(entry.id()) {
            outcomes[id] = Outcome::Sent;
        }
    }
    for entry in output.failed() {
        if let Some(id) = place(Some(entry.id())) {
            outcomes[id] = failed(entry.code(), entry.sender_fault());
        }
    }
    outcomes
}

/// What an entry's failure means.
fn failed(code: &str, sender_fault: bool) -> Outcome {
    let text = format!("SNS: {}", plain(&code.chars().take(64).collect::<String>()));
    if !sender_fault || is_transient(code) {
        Outcome::Retry(text + " (try again)")
    } else if is_content(code) {
        Outcome::Refused(text + CONTENT)
    } else {
        Outcome::Rejected(text + advice(0, code))
    }
}

/// What to do where nothing of an alert is accepted for its content.
const CONTENT: &str =
    ": check the topic's ARN and that its maximum message size is not less than TRAILWIRE_TOPIC_BYTES";

/// Whether an error code is of something in a message.
fn is_content(code: &str) -> bool {
    matches!(
        code,
        "InvalidParameter"
            | "InvalidParameterValue"
            | "ParameterValueInvalid"
            | "ValidationException"
            | "ValidationError"
    )
}

/// What it means that a whole batch was not accepted.
fn refused(refusal: &Refusal) -> Outcome {
    let text = format!("SNS: {}", refusal.text());
    match refusal {
        _ if refusal.is_transient() => Outcome::Retry(format!("{text} ({})", refusal.try_again())),
        Refusal::Answer { code, .. } if code == "BatchRequestTooLong" => Outcome::TooLong(text + CONTENT),
        Refusal::Answer { status: 400 | 413, code, .. } if !code.starts_with("KMS") => Outcome::Refused(text + CONTENT),
        Refusal::Answer { status, code, .. } => Outcome::Rejected(text + advice(*status, code)),
        Refusal::NoAnswer(_) | Refusal::NoRequest => Outcome::Rejected(text),
    }
}

/// What to do about a refusal that stays; an entry has no status.
fn advice(status: u16, code: &str) -> &'static str {
    match (status, code) {
        _ if code.starts_with("KMS") => {
            ": check that the function's role has kms:GenerateDataKey and kms:Decrypt on the topic's key, and that the \
             key is enabled"
        }
        (404, _) | (_, "NotFound") => ": there is no such topic; check its ARN (TRAILWIRE_TOPIC_ARN, topic_arn)",
        (401 | 403, _) | (_, "AuthorizationError") => {
            ": check that the function's role and the topic's policy allow sns:Publish"
        }
        _ => ": look the code up in the documentation of SNS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::AlertId;
    use aws_sdk_sns::types::{BatchResultErrorEntry, PublishBatchResultEntry};

    #[test]
    fn an_outcome_is_sent_only_where_the_answer_says_so_and_nothing_else() {
        let failed = |id: &str, code: &str, sender: bool| {
            BatchResultErrorEntry::builder().id(id).code(code).sender_fault(sender).build().unwrap()
        };
        let sent = |id: &str| PublishBatchResultEntry::builder().id(id).build();
        let output = PublishBatchOutput::builder()
            .set_successful(Some(vec![sent("0"), sent("5"), sent("99"), sent("x")]))
            .failed(failed("1", "InternalError", false))
            .failed(failed("2", "ThrottledException", true))
            .failed(failed("3", "InvalidParameter", true))
            .failed(failed("4", "AuthorizationError", true))
            .failed(failed("5", "InternalError", false))
            .failed(failed("77", "InternalError", false))
            .build();
        let kinds: Vec<_> = outcomes(&output, 7)
            .iter()
            .map(|outcome| match outcome {
                Outcome::Sent => "sent",
                Outcome::Retry(_) => "retry",
                Outcome::Refused(_) => "refused",
                Outcome::Rejected(_) => "rejected",
                Outcome::TooLong(_) => "too long",
            })
            .collect();
        assert_eq!(kinds, ["sent", "retry", "retry", "refused", "rejected", "retry", "retry"]);
    }

    #[test]
    fn a_refused_batch_is_told_apart() {
        let answer = |status: u16, code: &str| refused(&Refusal::Answer { status, code: code.into(), kms: false });
        for code in ["Throttling", "ThrottlingException", "KMSThrottling", "RequestThrottled"] {
            assert!(matches!(answer(400, code), Outcome::Retry(_)), "{code}");
        }
        for (status, code) in [(429, "Throttled"), (500, "InternalFailure"), (503, "ServiceUnavailable"), (502, "")] {
            assert!(matches!(answer(status, code), Outcome::Retry(_)), "{code}");
        }
        assert!(matches!(refused(&Refusal::NoAnswer("x")), Outcome::Retry(_)));
        assert!(matches!(answer(400, "BatchRequestTooLong"), Outcome::TooLong(_)));
        for code in ["InvalidParameter", "ParameterValueInvalid", "ValidationException", ""] {
            assert!(matches!(answer(400, code), Outcome::Refused(_)), "{code}");
        }
        for (status, code, said) in [
            (403, "AuthorizationError", "sns:Publish"),
            (404, "NotFound", "no such topic"),
            (400, "KMSAccessDenied", "kms:GenerateDataKey"),
            (400, "KMSDisabled", "enabled"),
            (400, "KMSInvalidState", "enabled"),
            (403, "KMSOptInRequired", "kms:Decrypt"),
        ] {
            let Outcome::Rejected(reason) = answer(status, code) else { panic!("{code}") };
            assert!(reason.contains(said), "{reason}");
        }
    }

    #[test]
    fn fifo_topics_get_a_group_and_an_id_and_others_do_not() {
        let alert = Alert {
            id: AlertId::default(),
            sameness: AlertId::default(),
            rule: "r".into(),
            subject: "s".into(),
            body: "b".into(),
            structured: true,
            attributes: Vec::new(),
        };
        let fifo = entry(3, &alert, true).unwrap();
        assert_eq!((fifo.message_group_id(), fifo.message_deduplication_id()), (Some("r"), Some(&"0".repeat(32)[..])));
        let standard = entry(3, &alert, false).unwrap();
        assert_eq!((standard.message_group_id(), standard.message_deduplication_id()), (None, None));
        assert_eq!((standard.id(), standard.message_structure()), ("3", Some("json")));
    }
}
