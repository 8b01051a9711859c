//! The oracle: what a document holds and what a pattern means, as plainly as it can be written.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a document is.
#[derive(Debug)]
pub(crate) enum Shape<'a> {
    /// Its records, each with its offset.
    Records(Vec<(usize, &'a str)>),
    /// JSON, but no log file.
    Other,
    /// No JSON.
    Invalid,
}

/// Reads a document: any number of `{"Records":[…]}` and arrays of records, one behind the other.
pub(crate) fn document(text: &str) -> Shape<'_> {
    let mut records = Vec::new();
    let values: Result<Vec<&RawValue>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    let Ok(values) = values else { return Shape::Invalid };
    let mut fits = !values.is_empty();
    for value in values {
        let arrays = match object(value) {
            Some(members) => members.into_iter().filter(|(key, _)| key == b"Records").map(|(_, value)| value).collect(),
            None => vec![value],
        };
        fits &= !arrays.is_empty();
        for elements in arrays {
            let Some(elements) = array(elements) else {
                fits = false;
                continue;
            };
            for element in elements {
                fits &= object(element).is_some();
                records.push((element.get().as_ptr().addr() - text.as_ptr().addr(), element.get()));
            }
        }
    }
    if fits { Shape::Records(records) } else { Shape::Other }
}

/// The records of a document that is a log file.
pub(crate) fn records(text: &str) -> Vec<(usize, &str)> {
    match document(text) {
        Shape::Records(records) => records,
        other => panic!("no log file: {other:?}"),
    }
}

/// An object's members in order, duplicates and all, keys unescaped.
fn object(value: &RawValue) -> Option<Vec<(Vec<u8>, &RawValue)>> {
    serde_json::from_str::<Members<'_>>(value.get()).ok().map(|members| members.0)
}

fn array(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

struct Members<'a>(Vec<(Vec<u8>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<&RawValue, _>()? {
                    members.push((string(key.get()).ok_or_else(|| A::Error::custom("key"))?, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The bytes that a quoted string stands for. Asked for bytes, serde_json lets lone surrogates pass.
fn string(quoted: &str) -> Option<Vec<u8>> {
    struct Bytes(Vec<u8>);
    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Any;
            impl Visitor<'_> for Any {
                type Value = Bytes;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a string")
                }

                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(bytes.to_vec()))
                }
            }
            deserializer.deserialize_bytes(Any)
        }
    }
    serde_json::from_str::<Bytes>(quoted).ok().map(|bytes| bytes.0)
}

/// A value that is no object and no array.
#[derive(Clone, Debug, PartialEq)]
enum Scalar {
    String(Vec<u8>),
    Number(String),
    /// `true`, `false` or `null`.
    Word(String),
}

fn scalar(value: &RawValue) -> Option<Scalar> {
    let text = value.get();
    match text.as_bytes()[0] {
        b'"' => string(text).map(Scalar::String),
        b't' | b'f' | b'n' => Some(Scalar::Word(text.to_owned())),
        b'{' | b'[' => None,
        _ => Some(Scalar::Number(text.to_owned())),
    }
}

/// A scalar of a record.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The keys above it, joined with dots.
    path: Vec<u8>,
    value: Scalar,
    /// For each array around it, the element it is in; not for an array of which the scalar itself is an element.
    elements: Vec<(usize, usize)>,
}

/// All scalars of a record.
pub(crate) fn leaves(record: &str) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    flatten(serde_json::from_str(record).unwrap(), None, &[], &mut 0, &mut leaves);
    leaves
}

fn flatten(
    value: &RawValue,
    path: Option<&[u8]>,
    elements: &[(usize, usize)],
    arrays: &mut usize,
    leaves: &mut Vec<Leaf>,
) {
    if let Some(members) = object(value) {
        for (key, value) in members {
            let path = path.map_or(key.clone(), |path| [path, b".", &key].concat());
            flatten(value, Some(&path), elements, arrays, leaves);
        }
    } else if let Some(values) = array(value) {
        *arrays += 1;
        let this = *arrays;
        for (index, value) in values.into_iter().enumerate() {
            let mut elements = elements.to_vec();
            if scalar(value).is_none() {
                elements.push((this, index));
            }
            flatten(value, path, &elements, arrays, leaves);
        }
    } else {
        let path = path.unwrap_or_default().to_vec();
        leaves.push(Leaf { path, value: scalar(value).unwrap(), elements: elements.to_vec() });
    }
}

/// An event pattern.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<(String, Vec<Element>)>);

#[derive(Debug)]
enum Element {
    Is(Scalar),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    AnythingBut(Vec<Scalar>),
    Exists(bool),
}

impl Pattern {
    /// Reads a pattern that is valid.
    pub(crate) fn new(text: &str) -> Self {
        let mut fields = Vec::new();
        collect(serde_json::from_str(text).unwrap(), "", &mut fields);
        fields.sort_by_key(|(path, _)| path.encode_utf16().collect::<Vec<_>>());
        Self(fields)
    }

    pub(crate) fn matches(&self, leaves: &[Leaf]) -> bool {
        matches(&self.0, leaves, &[])
    }
}

fn collect(value: &RawValue, path: &str, fields: &mut Vec<(String, Vec<Element>)>) {
    for (key, value) in object(value).unwrap() {
        let path = path.to_owned() + &String::from_utf8(key).unwrap();
        match array(value) {
            Some(elements) => fields.push((path, elements.into_iter().map(element).collect())),
            None => collect(value, &(path + "."), fields),
        }
    }
}

fn element(value: &RawValue) -> Element {
    let Some(members) = object(value) else { return Element::Is(scalar(value).unwrap()) };
    let (operator, value) = &members[0];
    match (&operator[..], scalar(value)) {
        (b"prefix", Some(Scalar::String(text))) => Element::Prefix(text),
        (b"suffix", Some(Scalar::String(text))) => Element::Suffix(text),
        (b"exists", Some(Scalar::Word(word))) => Element::Exists(word == "true"),
        (b"anything-but", Some(one)) => Element::AnythingBut(vec![one]),
        (b"anything-but", None) => {
            let all = array(value).unwrap();
            Element::AnythingBut(all.into_iter().map(|value| scalar(value).unwrap()).collect())
        }
        _ => panic!("unknown operator in {}", value.get()),
    }
}

/// Whether the fields match, in this order, beside the array elements chosen so far.
fn matches(fields: &[(String, Vec<Element>)], leaves: &[Leaf], chosen: &[(usize, usize)]) -> bool {
    let Some(((path, elements), rest)) = fields.split_first() else { return true };
    let agrees = |leaf: &Leaf| {
        leaf.elements.iter().all(|(array, index)| chosen.iter().all(|(other, at)| other != array || at == index))
    };
    let here: Vec<&Leaf> = leaves.iter().filter(|leaf| leaf.path == path.as_bytes() && agrees(leaf)).collect();
    if here.is_empty() {
        return elements.iter().any(|element| matches!(element, Element::Exists(false)))
            && matches(rest, leaves, chosen);
    }
    here.iter().any(|leaf| {
        elements.iter().any(|element| accepts(element, &leaf.value))
            && matches(rest, leaves, &[chosen, &leaf.elements].concat())
    })
}

fn accepts(element: &Element, value: &Scalar) -> bool {
    match (element, value) {
        (Element::Is(Scalar::String(text)), Scalar::String(value)) => match (address(text), address(value)) {
            (Some(text), Some(value)) => text == value,
            _ => text == value,
        },
        (Element::Is(wanted), value) => equal(wanted, value),
        (Element::Prefix(prefix), Scalar::String(value)) => value.starts_with(prefix),
        (Element::Suffix(suffix), Scalar::String(value)) => value.ends_with(suffix),
        (Element::AnythingBut(not), value) => !not.iter().any(|not| equal(not, value)),
        (Element::Exists(exists), _) => *exists,
        (Element::Prefix(_) | Element::Suffix(_), _) => false,
    }
}

fn equal(one: &Scalar, other: &Scalar) -> bool {
    match (one, other) {
        (Scalar::Number(one), Scalar::Number(other)) => match (double(one), double(other)) {
            (Some(one), Some(other)) => one == other,
            (None, None) => one == other,
            _ => false,
        },
        _ => one == other,
    }
}

/// The double that a number is compared by: one whose shortest decimal is that number.
fn double(text: &str) -> Option<f64> {
    let double: f64 = text.parse().unwrap();
    (double.is_finite() && decimal(text) == decimal(&format!("{double:e}"))).then_some(double)
}

/// Sign, digits without zeros around them, and the power of ten of the last one.
fn decimal(text: &str) -> (bool, String, i64) {
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let short = digits.trim_end_matches('0');
    let power = power.parse::<i64>().unwrap() + (digits.len() - short.len()) as i64 - fraction.len() as i64;
    match short.trim_start_matches('0') {
        "" => (false, String::new(), 0),
        short => (text.starts_with('-'), short.to_owned(), power),
    }
}

/// The address that a string spells, by the rules for event patterns.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    if text.contains(':') {
        let address: Ipv6Addr = if text.contains('.') { None } else { text.parse().ok() }?;
        return Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4));
    }
    let groups: Option<Vec<u8>> = text
        .split('.')
        .map(|group| if group.bytes().all(|byte| byte.is_ascii_digit()) { group.parse().ok() } else { None })
        .collect();
    let groups: [u8; 4] = groups?.try_into().ok()?;
    (text.len() <= 15).then(|| IpAddr::V4(Ipv4Addr::from(groups)))
}
