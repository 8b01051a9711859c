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

/// An event pattern: fields in order, for each choice of branches.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<Vec<(String, Vec<Element>)>>);

#[derive(Clone, Debug)]
enum Element {
    Is(Scalar),
    Exactly(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    IgnoreCase(Vec<char>),
    PrefixIgnoreCase(Vec<char>),
    SuffixIgnoreCase(Vec<char>),
    /// Bytes, and `None` for each star.
    Wildcard(Vec<Option<u8>>),
    Numeric(Vec<(String, f64)>),
    Cidr(IpAddr, u32),
    AnythingBut(Vec<Self>),
    Exists(bool),
}

impl Pattern {
    /// Reads a pattern that is valid.
    pub(crate) fn new(text: &str) -> Self {
        let mut all = branches(serde_json::from_str(text).unwrap(), "");
        for fields in &mut all {
            fields.sort_by_key(|(path, _)| path.encode_utf16().collect::<Vec<_>>());
        }
        Self(all)
    }

    pub(crate) fn matches(&self, leaves: &[Leaf]) -> bool {
        self.0.iter().any(|fields| matches(fields, leaves, &[]))
    }
}

fn branches(value: &RawValue, path: &str) -> Vec<Vec<(String, Vec<Element>)>> {
    let mut all = vec![Vec::new()];
    for (key, value) in object(value).unwrap() {
        let key = String::from_utf8(key).unwrap();
        let more = match array(value) {
            Some(objects) if key == "$or" => objects.into_iter().flat_map(|object| branches(object, path)).collect(),
            Some(elements) => vec![vec![(path.to_owned() + &key, elements.into_iter().map(element).collect())]],
            None => branches(value, &(path.to_owned() + &key + ".")),
        };
        all = all.iter().flat_map(|one| more.iter().map(|other| [&one[..], other].concat())).collect();
    }
    all
}

fn element(value: &RawValue) -> Element {
    let Some(members) = object(value) else { return Element::Is(scalar(value).unwrap()) };
    let (operator, value) = &members[0];
    match (&operator[..], scalar(value)) {
        (b"numeric", None) => Element::Numeric(comparisons(&array(value).unwrap())),
        (b"anything-but", None) => Element::AnythingBut(match object(value) {
            Some(members) => {
                let (operator, value) = &members[0];
                let values = array(value).unwrap_or_else(|| vec![value]);
                values.into_iter().map(|value| text_operator(operator, value)).collect()
            }
            None => array(value).unwrap().into_iter().map(|value| listed(scalar(value).unwrap())).collect(),
        }),
        (b"anything-but", Some(one)) => Element::AnythingBut(vec![listed(one)]),
        (b"exists", Some(Scalar::Word(word))) => Element::Exists(word == "true"),
        _ => text_operator(operator, value),
    }
}

/// One of a list of what a value must not be: a string is no address here.
fn listed(value: Scalar) -> Element {
    if let Scalar::String(text) = value { Element::Exactly(text) } else { Element::Is(value) }
}

/// An operator with a string, or the ignore-case form of one.
fn text_operator(operator: &[u8], value: &RawValue) -> Element {
    let (value, ignore_case) = match object(value) {
        Some(members) => (members[0].1, true),
        None => (value, false),
    };
    let Some(Scalar::String(text)) = scalar(value) else { panic!("no string: {}", value.get()) };
    let characters = || str::from_utf8(&text).unwrap().chars().collect();
    match (operator, ignore_case) {
        (b"exactly", _) => Element::Exactly(text),
        (b"prefix", false) => Element::Prefix(text),
        (b"suffix", false) => Element::Suffix(text),
        (b"prefix", true) => Element::PrefixIgnoreCase(characters()),
        (b"suffix", true) => Element::SuffixIgnoreCase(characters()),
        (b"equals-ignore-case", _) => Element::IgnoreCase(characters()),
        (b"wildcard", _) => Element::Wildcard(wildcard(&text)),
        (b"cidr", _) => {
            let (base, bits) = str::from_utf8(&text).unwrap().split_once('/').unwrap();
            Element::Cidr(address(base.as_bytes()).unwrap(), bits.parse().unwrap())
        }
        _ => panic!("unknown operator {}", String::from_utf8_lossy(operator)),
    }
}

fn comparisons(terms: &[&RawValue]) -> Vec<(String, f64)> {
    let comparison =
        |pair: &[&RawValue]| (serde_json::from_str(pair[0].get()).unwrap(), double(pair[1].get()).unwrap());
    terms.chunks(2).map(comparison).collect()
}

fn wildcard(text: &[u8]) -> Vec<Option<u8>> {
    let mut parts = Vec::new();
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        parts.push(match byte {
            b'*' => None,
            b'\\' => Some(*bytes.next().unwrap()),
            byte => Some(byte),
        });
    }
    parts
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
        (Element::AnythingBut(not), value) => !not.iter().any(|not| accepts(not, value)),
        (Element::Exists(exists), _) => *exists,
        (Element::Is(Scalar::String(text)), Scalar::String(value)) => match (address(text), address(value)) {
            (Some(text), Some(value)) => text == value,
            _ => text == value,
        },
        (Element::Is(wanted), value) => equal(wanted, value),
        (Element::Numeric(comparisons), Scalar::Number(text)) => double(text).is_some_and(|value| {
            comparisons.iter().all(|(comparison, bound)| match &comparison[..] {
                "=" => value == *bound,
                "<" => value < *bound,
                "<=" => value <= *bound,
                ">" => value > *bound,
                _ => value >= *bound,
            })
        }),
        (element, Scalar::String(text)) => accepts_text(element, text),
        _ => false,
    }
}

fn accepts_text(element: &Element, text: &[u8]) -> bool {
    match element {
        Element::Exactly(wanted) => text == wanted,
        Element::Prefix(prefix) => text.starts_with(prefix),
        Element::Suffix(suffix) => text.ends_with(suffix),
        Element::IgnoreCase(wanted) => lengths(wanted, text).contains(&text.len()),
        Element::PrefixIgnoreCase(prefix) => !lengths(prefix, text).is_empty(),
        Element::SuffixIgnoreCase(suffix) => {
            (0..=text.len()).any(|at| lengths(suffix, &text[at..]).contains(&(text.len() - at)))
        }
        Element::Wildcard(parts) => fits(parts, text),
        Element::Cidr(base, bits) => address(text).is_some_and(|address| match (address, base) {
            (IpAddr::V4(address), IpAddr::V4(base)) => {
                (u32::from(address) ^ u32::from(*base)).checked_shr(32 - bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(address), IpAddr::V6(base)) => {
                (u128::from(address) ^ u128::from(*base)).checked_shr(128 - bits).unwrap_or(0) == 0
            }
            _ => false,
        }),
        _ => false,
    }
}

/// How many bytes at the start of a text can be what these characters accept: each accepts itself, its lower and its
/// upper case.
fn lengths(characters: &[char], text: &[u8]) -> Vec<usize> {
    let Some((first, rest)) = characters.split_first() else { return vec![0] };
    let mut spellings = vec![first.to_string(), first.to_lowercase().to_string(), first.to_uppercase().to_string()];
    spellings.dedup();
    let fitting = spellings.iter().filter(|spelling| text.starts_with(spelling.as_bytes()));
    fitting.flat_map(|one| lengths(rest, &text[one.len()..]).into_iter().map(|length| one.len() + length)).collect()
}

/// Whether a wildcard fits all of a text: row by row, up to which places its parts so far can reach.
fn fits(parts: &[Option<u8>], text: &[u8]) -> bool {
    let mut reached: Vec<bool> = (0..=text.len()).map(|at| at == 0).collect();
    for part in parts {
        reached = (0..=text.len())
            .map(|at| match part {
                None => reached[..=at].contains(&true),
                Some(byte) => at > 0 && reached[at - 1] && text[at - 1] == *byte,
            })
            .collect();
    }
    reached[text.len()]
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
        // More zeros before a group than four digits have room for.
        let groups = text.split(':').map(|group| &group[group.len().saturating_sub(1).min(zeros(group))..]);
        let groups: Vec<&str> = groups.collect();
        let address: Ipv6Addr = if text.contains('.') { None } else { groups.join(":").parse().ok() }?;
        return Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4));
    }
    let groups: Option<Vec<u8>> = text
        .split('.')
        .map(|group| if group.bytes().all(|byte| byte.is_ascii_digit()) { group.parse().ok() } else { None })
        .collect();
    let groups: [u8; 4] = groups?.try_into().ok()?;
    (text.len() <= 15).then(|| IpAddr::V4(Ipv4Addr::from(groups)))
}

fn zeros(text: &str) -> usize {
    text.bytes().take_while(|&byte| byte == b'0').count()
}
