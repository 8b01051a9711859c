//! The entries of a PublishBatch call: how they are written in a form, how SNS measures them, and what it refuses.
//!
//! Where the documentation of SNS contradicts itself, the narrower reading holds: subjects are ASCII of less than 100
//! characters, and numbers in attributes keep to what filter policies can compare.

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// One message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) data_type: String,
    /// Text, or base64 where the type is binary.
    pub(crate) value: String,
}

/// One entry, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) message: String,
    pub(crate) subject: Option<String>,
    pub(crate) structure: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) dedup: Option<String>,
    pub(crate) attributes: Vec<Attribute>,
}

/// An error code, and a message that does not repeat what was sent.
pub(super) type Refusal = (&'static str, String);

impl Entry {
    /// The value of a string attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|each| each.name == name).map(|each| each.value.as_str())
    }

    /// The bytes that count against the maximum of a topic.
    pub(crate) fn size(&self) -> usize {
        let attribute = |each: &Attribute| {
            let padding = each.value.bytes().rev().take_while(|byte| *byte == b'=').count();
            let value =
                if each.is_binary() { (each.value.len() / 4 * 3).saturating_sub(padding) } else { each.value.len() };
            each.name.len() + each.data_type.len() + value
        };
        self.message.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    pub(super) fn check(&self, fifo: bool) -> Result<(), Refusal> {
        if self.message.is_empty() {
            return invalid("Invalid parameter: Empty message");
        }
        if !self.message.chars().all(is_allowed) {
            return invalid("Invalid parameter: Message Reason: invalid characters");
        }
        if let Some(subject) = &self.subject {
            let printable = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if !printable || !(1..MAX_SUBJECT).contains(&subject.len()) || subject.starts_with(' ') {
                return invalid("Invalid parameter: Subject");
            }
        }
        match self.structure.as_deref() {
            None => {}
            Some("json") => check_structure(&self.message)?,
            Some(_) => return invalid("Invalid parameter: MessageStructure"),
        }
        if fifo && self.group.is_none() {
            return invalid("Invalid parameter: The MessageGroupId parameter is required for FIFO topics");
        }
        if fifo && self.dedup.is_none() {
            return invalid(
                "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or \
                            MessageDeduplicationId provided explicitly",
            );
        }
        if !fifo && self.dedup.is_some() {
            return invalid(
                "Invalid parameter: The request includes MessageDeduplicationId parameter that is not \
                            valid for this topic type",
            );
        }
        for id in [&self.group, &self.dedup].into_iter().flatten() {
            if !(1..=128).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                return invalid("Invalid parameter: MessageGroupId or MessageDeduplicationId");
            }
        }
        for (number, attribute) in self.attributes.iter().enumerate() {
            attribute.check()?;
            if self.attributes[..number].iter().any(|other| other.name == attribute.name) {
                return invalid_value("a message attribute is named twice");
            }
        }
        Ok(())
    }
}

impl Attribute {
    fn is_binary(&self) -> bool {
        self.data_type.split('.').next() == Some("Binary")
    }

    fn check(&self) -> Result<(), Refusal> {
        let name = self.name.as_bytes();
        let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        let start = self.name.to_ascii_lowercase();
        let ends = name.starts_with(b".") || name.ends_with(b".") || self.name.contains("..");
        let reserved = start.starts_with("aws.") || start.starts_with("amazon.");
        if !(1..=256).contains(&name.len()) || !name.iter().all(letter) || ends || reserved {
            return invalid_value("a message attribute has an invalid name");
        }
        if self.value.is_empty() {
            return invalid_value("a message attribute must contain a non-empty value");
        }
        // A type may carry a label of the sender: `Number.port`.
        let (kind, label) = self.data_type.split_once('.').unwrap_or((&self.data_type, "-"));
        if label.is_empty() || self.data_type.len() > 256 {
            return invalid_value("a message attribute has an invalid type");
        }
        let text = |value: &str| value.chars().all(|each| is_allowed(each) && each <= '\u{ffff}');
        let valid = match kind {
            "String" if label == "Array" => text(&self.value) && is_array(&self.value),
            "String" => text(&self.value),
            "Number" => is_number(&self.value),
            "Binary" => self.value.len().is_multiple_of(4),
            _ => return invalid_value("a message attribute has an invalid type"),
        };
        if valid { Ok(()) } else { invalid_value("a message attribute has an invalid value") }
    }
}

/// The fields of the entries of a form in the order of their numbers, each as sent.
///
/// # Errors
/// A parameter that SNS does not know is refused: no test should depend on its being ignored.
pub(super) fn read(form: &[(String, String)]) -> Result<Vec<Entry>, Refusal> {
    let mut entries: BTreeMap<u32, Entry> = BTreeMap::new();
    let mut attributes: BTreeMap<(u32, u32), Attribute> = BTreeMap::new();
    for (name, value) in form {
        // An empty list is written as its bare name.
        let Some(name) = name.strip_prefix("PublishBatchRequestEntries.member.") else { continue };
        let unknown = || ("ValidationError", "unknown parameter of an entry".to_owned());
        let (number, field) = name.split_once('.').ok_or_else(unknown)?;
        let number = number.parse().map_err(|_| unknown())?;
        let entry = entries.entry(number).or_default();
        let value = value.clone();
        match field {
            "Id" => entry.id = value,
            "Message" => entry.message = value,
            "Subject" => entry.subject = Some(value),
            "MessageStructure" => entry.structure = Some(value),
            "MessageGroupId" => entry.group = Some(value),
            "MessageDeduplicationId" => entry.dedup = Some(value),
            "MessageAttributes" if value.is_empty() => {}
            _ => {
                let field = field.strip_prefix("MessageAttributes.entry.").ok_or_else(unknown)?;
                let (place, part) = field.split_once('.').ok_or_else(unknown)?;
                let place = place.parse().map_err(|_| unknown())?;
                let attribute = attributes.entry((number, place)).or_insert_with(|| Attribute {
                    name: String::new(),
                    data_type: String::new(),
                    value: String::new(),
                });
                match part {
                    "Name" => attribute.name = value,
                    "Value.DataType" => attribute.data_type = value,
                    "Value.StringValue" | "Value.BinaryValue" => attribute.value = value,
                    _ => return Err(unknown()),
                }
            }
        }
    }
    for ((number, _), attribute) in attributes {
        entries.entry(number).or_default().attributes.push(attribute);
    }
    Ok(entries.into_values().collect())
}

/// The rules for a batch that need no topic: how many entries, and their ids.
pub(super) fn check_ids(entries: &[Entry]) -> Result<(), Refusal> {
    let refuse = |code, message: &str| Err((code, message.to_owned()));
    if entries.is_empty() {
        return refuse("EmptyBatchRequest", "The batch request doesn't contain any entries.");
    }
    if entries.len() > 10 {
        return refuse("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.");
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if entries.iter().any(|entry| !(1..=80).contains(&entry.id.len()) || !entry.id.bytes().all(letter)) {
        return refuse("InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the rules.");
    }
    let distinct: std::collections::HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    if distinct.len() < entries.len() {
        return refuse("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.");
    }
    Ok(())
}

pub(super) fn invalid<T>(message: &str) -> Result<T, Refusal> {
    Err(("InvalidParameter", message.to_owned()))
}

fn invalid_value(message: &str) -> Result<(), Refusal> {
    Err(("ParameterValueInvalid", message.to_owned()))
}

/// The characters of XML 1.0, which are those that SNS takes.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn is_number(value: &str) -> bool {
    let decimals = value.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    decimals <= 5 && value.parse::<f64>().is_ok_and(|number| number.abs() <= 1e9)
}

fn is_array(value: &str) -> bool {
    use serde_json::Value;
    let simple = |each: &Value| !each.is_array() && !each.is_object();
    matches!(serde_json::from_str(value), Ok(Value::Array(values)) if values.iter().all(simple))
}

/// A message with the structure `json` is an object whose keys are distinct and whose `default` is a string.
fn check_structure(message: &str) -> Result<(), Refusal> {
    /// Whether each key is there once, and whether `default` is a string.
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = (bool, bool);

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(bool, bool), A::Error> {
            let (mut keys, mut default) = (Vec::new(), false);
            while let Some(key) = map.next_key::<String>()? {
                if key == "default" {
                    default = map.next_value::<serde_json::Value>()?.is_string();
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                keys.push(key);
            }
            let count = keys.len();
            keys.sort();
            keys.dedup();
            Ok((keys.len() == count, default))
        }
    }

    let mut json = serde_json::Deserializer::from_str(message);
    match json.deserialize_map(Keys).and_then(|keys| json.end().map(|()| keys)) {
        Err(_) => invalid("Invalid parameter: Message Structure - JSON message body failed to parse"),
        Ok((false, _)) => invalid("Invalid parameter: Message Structure - Duplicate key in JSON message body"),
        Ok((true, false)) => invalid("Invalid parameter: Message Structure - No default entry in JSON message body"),
        Ok((true, true)) => Ok(()),
    }
}

/// A subject is shorter than this, in characters.
const MAX_SUBJECT: usize = 100;
