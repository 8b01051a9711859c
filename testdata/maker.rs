//! Makes records from what `records.rs` says.

use super::records::{EVENTS, Event};
use std::fmt::Write as _;

/// Numbers that look random: xorshift64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn hex(&mut self, digits: usize) -> String {
        let mut hex = String::new();
        while hex.len() < digits {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            // The high half: neighbouring seeds still share low bits.
            write!(hex, "{:08x}", self.0 >> 32).unwrap();
        }
        hex.truncate(digits);
        hex
    }

    pub fn uuid(&mut self) -> String {
        let hex = self.hex(30);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..])
    }
}

/// Makes the records of one file. Each file has a seed of its own, so that a
/// change in one leaves the ids in the others alone.
pub struct Maker {
    pub random: Random,
    account: &'static str,
    region: &'static str,
    made: usize,
}

impl Maker {
    pub fn new(seed: u64, account: &'static str, region: &'static str) -> Self {
        Self { random: Random::new(seed), account, region, made: 0 }
    }

    pub fn records(&mut self, labels: &str) -> Vec<String> {
        let event = |label| EVENTS.iter().find(|event| event.label == label).unwrap();
        labels.split_whitespace().map(|label| self.record(event(label))).collect()
    }

    /// One record as CloudTrail writes it: compact, and with its order of keys.
    fn record(&mut self, event: &Event) -> String {
        let (service, name) = event.call;
        let (caller, sign_in, data) = (event.caller, service == "signin", name == "GetObject");
        let by_service = caller.identity.contains("AWSService");
        let reads = ["Get", "Describe", "Decrypt", "AssumeRole"].iter().any(|start| name.starts_with(start));
        let mut text = format!(
            r#"{{"eventVersion":"1.11","userIdentity":{},"eventTime":"%t","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"%r","sourceIPAddress":"{}","userAgent":"{}""#,
            caller.identity, caller.address, caller.agent
        );
        let mut put = |key: &str, value: &str| write!(text, r#","{key}":{value}"#).unwrap();
        if let Some((code, message)) = event.error {
            // A failed sign-in has a message only.
            if !code.is_empty() {
                put("errorCode", &format!("\"{code}\""));
            }
            put("errorMessage", &format!("\"{message}\""));
        }
        put("requestParameters", event.request);
        put("responseElements", event.response);
        if !event.additional.is_empty() {
            put("additionalEventData", event.additional);
        }
        put("requestID", r#""%u""#);
        put("eventID", r#""%u""#);
        put("readOnly", if reads { "true" } else { "false" });
        if !event.resources.is_empty() {
            put("resources", event.resources);
        }
        put("eventType", if sign_in { r#""AwsConsoleSignIn""# } else { r#""AwsApiCall""# });
        put("managementEvent", if data { "false" } else { "true" });
        put("recipientAccountId", r#""%a""#);
        if by_service {
            put("sharedEventID", r#""%u""#);
        }
        put("eventCategory", if data { r#""Data""# } else { r#""Management""# });
        if !by_service {
            let host = if sign_in { "signin.aws.amazon.com".into() } else { format!("{service}.%r.amazonaws.com") };
            let tls = r#"{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"#;
            put("tlsDetails", &format!("{tls}\"{host}\"}}"));
        }
        text.push('}');
        self.fill(&text)
    }

    /// A template with its placeholders replaced.
    pub fn fill(&mut self, template: &str) -> String {
        // Not in the order of their times, as in real files.
        let seconds = self.made * 37 % 300;
        self.made += 1;
        let template = joined(template);
        let mut parts = template.split('%');
        let mut text = parts.next().unwrap_or_default().to_string();
        for part in parts {
            text += &match part.as_bytes().first() {
                Some(b'a') => self.account.to_string(),
                Some(b'r') => self.region.to_string(),
                Some(b'n') => self.made.to_string(),
                Some(b't') => format!("2026-10-14T09:{:02}:{:02}Z", 4 + seconds / 60, seconds % 60),
                Some(b'u') => self.random.uuid(),
                Some(b'h') => self.random.hex(17),
                _ => {
                    text += "%";
                    text += part;
                    continue;
                }
            };
            text += &part[1..];
        }
        text
    }
}

/// Without the line breaks and the indentation of the source.
pub fn joined(template: &str) -> String {
    template.lines().map(str::trim_start).collect()
}
