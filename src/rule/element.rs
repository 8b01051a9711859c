//! The match elements of a pattern: what one value is held against.

use super::RuleError;
use super::ip::{self, Network};
use super::node::{Member, Node, Place, Value};
use super::wildcard::Wildcard;
use crate::json::number::comparable;
use std::net::IpAddr;

/// One match element, as it stands in a pattern. Two that are equal match the
/// same values, so a rule set keeps one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Element {
    /// The value is this string.
    Text(String),
    /// The value is a string that spells this address.
    Ip(IpAddr),
    /// The value is this number.
    Number(Number),
    /// The value is `true` or `false`.
    Bool(bool),
    /// The value is `null`.
    Null,
    /// The value is a string that begins so.
    Prefix(String),
    /// The value is a string that ends so.
    Suffix(String),
    /// The value is this string, whatever the case of its letters.
    Folded(String),
    /// The value is a string that begins so, whatever the case.
    FoldedPrefix(String),
    /// The value is a string that ends so, whatever the case.
    FoldedSuffix(String),
    /// The value is a string with these pieces, in order.
    Wildcard(Wildcard),
    /// The value is a number in this range.
    Range(Range),
    /// The value is a string that spells an address of this network.
    Network(Network),
    /// The value is none of these.
    Not(Vec<Self>),
    /// There is a value.
    Exists,
    /// There is none.
    Absent,
}

/// A number as rules compare it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Number {
    /// The bits of the double it is equal to.
    Double(u64),
    /// The text it is equal to: no double is exactly this number.
    Text(String),
}

impl Number {
    fn new(text: &str) -> Self {
        comparable(text).map_or_else(|| Self::Text(text.to_owned()), |value| Self::Double(value.to_bits()))
    }
}

/// Numbers from the first to the last, as their [`rank`]s. Of open ends the
/// neighbour is taken, so there may be none between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// The place of a double among all doubles: a larger one has a larger rank, and
/// between neighbours there is no other. Not for NaN.
pub(super) const fn rank(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

impl Element {
    /// Compiles an element of the array at `path`.
    pub(super) fn compile(node: &Node, path: &str) -> Result<Self, RuleError> {
        match &node.value {
            Value::Null => Ok(Self::Null),
            Value::Bool(value) => Ok(Self::Bool(*value)),
            Value::Number(text) => Ok(Self::Number(Number::new(text))),
            // A bare string that is an address is compared as an address.
            Value::String(text) => Ok(ip::parse(text.as_bytes()).map_or_else(|| Self::Text(text.clone()), Self::Ip)),
            Value::Array(_) => Err(node.place.error(format!(
                "{path}: a match value must be a string, number, true, false, null or an operator, not an array"
            ))),
            Value::Object(members) => Self::operator(only(node, members, path)?, path),
        }
    }

    fn operator(Member { key: name, place, node }: &Member, path: &str) -> Result<Self, RuleError> {
        let what = format!("{path}: the value of {name}");
        let string = || node.string(&what).map(str::to_owned);
        match &name[..] {
            "exactly" => string().map(Self::Text),
            "prefix" => affix(node, &what, Self::Prefix, Self::FoldedPrefix),
            "suffix" => affix(node, &what, Self::Suffix, Self::FoldedSuffix),
            "equals-ignore-case" => string().map(Self::Folded),
            "wildcard" => wildcard(node, &what),
            "anything-but" => anything_but(node, path, &what),
            "numeric" => numeric(node, &what),
            "cidr" => {
                let network = Network::parse(node.string(&what)?);
                network.map(Self::Network).map_err(|reason| node.place.error(format!("{what} {reason}")))
            }
            "exists" => match node.value {
                Value::Bool(true) => Ok(Self::Exists),
                Value::Bool(false) => Ok(Self::Absent),
                _ => Err(node.place.error(format!("{what} must be true or false, not {}", node.kind()))),
            },
            _ => Err(place.error(format!(
                "{path}: unknown operator {name:?}; known are exactly, prefix, suffix, equals-ignore-case, wildcard, \
                 anything-but, numeric, cidr and exists"
            ))),
        }
    }
}

/// The one operator of an object.
fn only<'a>(node: &Node, members: &'a [Member], path: &str) -> Result<&'a Member, RuleError> {
    match members {
        [] => Err(node.place.error(format!("{path}: an operator is missing in the empty object"))),
        [operator] => Ok(operator),
        [_, second, ..] => {
            Err(second.place.error(format!("{path}: only one operator per object; write a second object")))
        }
    }
}

/// A prefix or a suffix: a string, or one whose case does not count.
fn affix(
    node: &Node,
    what: &str,
    plain: fn(String) -> Element,
    folded: fn(String) -> Element,
) -> Result<Element, RuleError> {
    let Value::Object(members) = &node.value else { return node.string(what).map(|text| plain(text.to_owned())) };
    let Member { key, place, node } = only(node, members, what)?;
    if key != "equals-ignore-case" {
        return Err(place.error(format!("{what} may be a string or equals-ignore-case, not {key:?}")));
    }
    node.string(&format!("{what}, equals-ignore-case,")).map(|text| folded(text.to_owned()))
}

fn wildcard(node: &Node, what: &str) -> Result<Element, RuleError> {
    let pieces = Wildcard::cut(node.string(what)?).map_err(|reason| node.place.error(format!("{what} {reason}")))?;
    // The simplest operator of the same meaning.
    Ok(match &pieces[..] {
        [text] => Element::Text(text.clone()),
        [head, tail] if tail.is_empty() => Element::Prefix(head.clone()),
        [head, tail] if head.is_empty() => Element::Suffix(tail.clone()),
        _ => Element::Wildcard(Wildcard::new(pieces)),
    })
}

fn anything_but(node: &Node, path: &str, what: &str) -> Result<Element, RuleError> {
    if let Value::Object(members) = &node.value {
        let Member { key, place, node } = only(node, members, path)?;
        let what = format!("{what}, {key},");
        let of: fn(&Node, &str) -> Result<Element, RuleError> = match &key[..] {
            "prefix" => |node, what| affix_of_something(node, what).map(Element::Prefix),
            "suffix" => |node, what| affix_of_something(node, what).map(Element::Suffix),
            "equals-ignore-case" => |node, what| node.string(what).map(|text| Element::Folded(text.to_owned())),
            "wildcard" => wildcard,
            _ => {
                let known = "prefix, suffix, equals-ignore-case or wildcard";
                return Err(place.error(format!("{path}: anything-but goes with {known}, not with {key:?}")));
            }
        };
        let nodes = one_or_more(node, &what)?;
        return Ok(Element::Not(nodes.iter().map(|node| of(node, &what)).collect::<Result<_, _>>()?));
    }
    let nodes = one_or_more(node, what)?;
    let kind = nodes.first().map_or("", Node::kind);
    let plain = |node: &Node| match &node.value {
        _ if node.kind() != kind => Err(node.place.error(format!("{what} must not mix {kind} and {}", node.kind()))),
        Value::String(text) => Ok(Element::Text(text.clone())),
        Value::Number(text) => {
            comparable_number(text, node.place, what).map(|value| Element::Number(Number::Double(value.to_bits())))
        }
        _ => Err(node.place.error(format!(
            "{what} must be a string, a number, a list of only one of these, or an operator, not {kind}"
        ))),
    };
    Ok(Element::Not(nodes.iter().map(plain).collect::<Result<_, _>>()?))
}

/// The elements of a list, which must not be empty, or the one value.
fn one_or_more<'a>(node: &'a Node, what: &str) -> Result<&'a [Node], RuleError> {
    match &node.value {
        Value::Array(nodes) if nodes.is_empty() => Err(node.place.error(format!("{what} must not be an empty list"))),
        Value::Array(nodes) => Ok(nodes),
        _ => Ok(std::slice::from_ref(node)),
    }
}

/// A string that is not empty: with it every string would be ruled out.
fn affix_of_something(node: &Node, what: &str) -> Result<String, RuleError> {
    let text = node.string(what)?;
    if text.is_empty() { Err(node.place.error(format!("{what} must not be empty"))) } else { Ok(text.to_owned()) }
}

/// One or two comparisons, which make a range.
fn numeric(node: &Node, what: &str) -> Result<Element, RuleError> {
    let terms = node.array(what)?;
    let mut range = Range { first: 0, last: u64::MAX };
    // A comparison without a number is told apart by its place in the list.
    let comparison = |at: usize| -> Result<Option<(&str, f64)>, RuleError> {
        let Some(operator) = terms.get(at) else { return Ok(None) };
        let name = operator.string(&format!("{what}: a comparison"))?;
        if !matches!(name, "=" | "<" | "<=" | ">" | ">=") {
            return Err(operator
                .place
                .error(format!("{what}: unknown comparison {name:?}; known are =, <, <=, > and >=")));
        }
        match terms.get(at + 1).map(|node| (&node.value, node)) {
            Some((Value::Number(text), node)) => Ok(Some((name, comparable_number(text, node.place, what)?))),
            Some((_, node)) => Err(node.place.error(format!("{what}: {name} must have a number, not {}", node.kind()))),
            None => Err(operator.place.error(format!("{what}: {name} must have a number"))),
        }
    };
    let Some((first, low)) = comparison(0)? else {
        return Err(node.place.error(format!("{what} must have a comparison and a number")));
    };
    match first {
        "=" => range = Range { first: rank(low), last: rank(low) },
        "<" => range.last = rank(low) - 1,
        "<=" => range.last = rank(low),
        ">" => range.first = rank(low) + 1,
        _ => range.first = rank(low),
    }
    let mut end = 2;
    if let Some((second, high)) = comparison(2)? {
        end = 4;
        let place = terms[2].place;
        if !first.starts_with('>') || !second.starts_with('<') {
            return Err(place.error(format!("{what}: two comparisons must be > or >=, then < or <=")));
        }
        if low >= high {
            return Err(place.error(format!("{what}: the lower bound must be less than the upper")));
        }
        range.last = if second == "<" { rank(high) - 1 } else { rank(high) };
    }
    match terms.get(end) {
        Some(node) => Err(node.place.error(format!("{what} must be one comparison, or two that make a range"))),
        None if first == "=" => Ok(Element::Number(Number::Double(low.to_bits()))),
        None => Ok(Element::Range(range)),
    }
}

/// A number that can be compared by value: one that a double tells apart from
/// all others.
fn comparable_number(text: &str, place: Place, what: &str) -> Result<f64, RuleError> {
    comparable(text).ok_or_else(|| place.error(format!("{what}: cannot compare number {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Result<Element, String> {
        Element::compile(&Node::from_json(text).unwrap(), "a").map_err(|error| error.to_string())
    }

    #[test]
    fn a_larger_double_has_a_larger_rank() {
        let values = [f64::MIN, -1.5, -1.0, -f64::MIN_POSITIVE, -5e-324, 0.0, 5e-324, 0.1, 1.0, 1e300, f64::MAX];
        for pair in values.windows(2) {
            assert!(rank(pair[0]) < rank(pair[1]), "{pair:?}");
        }
        assert_eq!(rank(-5e-324).abs_diff(rank(0.0)), 2, "between them is -0, which no number is");
        assert_eq!(rank(5e-324) - rank(0.0), 1);
    }

    #[test]
    fn the_simplest_operator_of_the_same_meaning_is_kept() {
        for (one, other) in [
            (r#"{"wildcard":"a*"}"#, r#"{"prefix":"a"}"#),
            (r#"{"wildcard":"*a"}"#, r#"{"suffix":"a"}"#),
            (r#"{"wildcard":"\\*a"}"#, r#"{"exactly":"*a"}"#),
            (r#"{"exactly":"a"}"#, r#""a""#),
            (r#"{"numeric":["=",1.50]}"#, "1.5"),
            (r#"{"numeric":[">",1,"<=",2]}"#, r#"{"numeric":[">",1.0,"<=",2e0]}"#),
            (r#"{"anything-but":"x"}"#, r#"{"anything-but":["x"]}"#),
        ] {
            assert_eq!(compile(one).unwrap(), compile(other).unwrap(), "{one} {other}");
        }
        assert_ne!(compile(r#"{"exactly":"10.0.0.1"}"#), compile(r#""10.0.0.1""#));
        assert_ne!(compile(r#"{"numeric":[">",1]}"#), compile(r#"{"numeric":[">=",1]}"#));
    }

    #[test]
    fn what_is_no_element_is_refused_at_its_place() {
        for (text, expected) in [
            (r#"["x"]"#, "1: a: a match value must be"),
            ("{}", "1: a: an operator is missing"),
            (r#"{"foo":"x"}"#, r#"2: a: unknown operator "foo"; known are exactly"#),
            (r#"{"prefix":"x","suffix":"y"}"#, "15: a: only one operator"),
            (r#"{"prefix":5}"#, "11: a: the value of prefix must be a string, not a number"),
            (
                r#"{"prefix":{"foo":"x"}}"#,
                r#"12: a: the value of prefix may be a string or equals-ignore-case, not "f"#,
            ),
            (r#"{"prefix":{}}"#, "11: a: the value of prefix: an operator is missing"),
            (r#"{"suffix":{"equals-ignore-case":5}}"#, "33: a: the value of suffix, equals-ignore-case, must be a str"),
            (r#"{"suffix":{"equals-ignore-case":"a","x":1}}"#, "37: a: the value of suffix: only one"),
            (r#"{"equals-ignore-case":["a"]}"#, "23: a: the value of equals-ignore-case must be a string, not an arr"),
            (r#"{"exactly":5}"#, "12: a: the value of exactly must be a string"),
            (r#"{"wildcard":5}"#, "13: a: the value of wildcard must be a string"),
            (r#"{"wildcard":"a**b"}"#, "13: a: the value of wildcard has two * side by side at character 2"),
            (r#"{"wildcard":"a\\b"}"#, "13: a: the value of wildcard has a backslash before neither"),
            (r#"{"anything-but":null}"#, "17: a: the value of anything-but must be a string, a number"),
            (r#"{"anything-but":[]}"#, "17: a: the value of anything-but must not be an empty list"),
            (r#"{"anything-but":[true]}"#, "18: a: the value of anything-but must be a string, a number"),
            (r#"{"anything-but":["x",1]}"#, "22: a: the value of anything-but must not mix a string and a number"),
            (r#"{"anything-but":{}}"#, "17: a: an operator is missing"),
            (r#"{"anything-but":{"numeric":["=",5]}}"#, "18: a: anything-but goes with prefix, suffix"),
            (r#"{"anything-but":{"prefix":""}}"#, "27: a: the value of anything-but, prefix, must not be empty"),
            (r#"{"anything-but":{"suffix":["a",5]}}"#, "32: a: the value of anything-but, suffix, must be a string"),
            (r#"{"anything-but":{"prefix":[]}}"#, "27: a: the value of anything-but, prefix, must not be an empty l"),
            (r#"{"anything-but":{"equals-ignore-case":5}}"#, "39: a: the value of anything-but, equals-ignore-case, m"),
            (r#"{"anything-but":{"wildcard":["a","**"]}}"#, "34: a: the value of anything-but, wildcard, has two *"),
            (r#"{"anything-but":{"prefix":"a","suffix":"b"}}"#, "31: a: only one operator"),
            (r#"{"anything-but":9007199254740993}"#, "17: a: the value of anything-but: cannot compare number 90071"),
            (r#"{"numeric":5}"#, "12: a: the value of numeric must be an array"),
            (r#"{"numeric":[]}"#, "12: a: the value of numeric must have a comparison"),
            (r#"{"numeric":["="]}"#, "13: a: the value of numeric: = must have a number"),
            (r#"{"numeric":[1,2]}"#, "13: a: the value of numeric: a comparison must be a string"),
            (r#"{"numeric":["!=",5]}"#, r#"13: a: the value of numeric: unknown comparison "!=""#),
            (r#"{"numeric":["=","5"]}"#, "17: a: the value of numeric: = must have a number, not a string"),
            (r#"{"numeric":[">",5,">",6]}"#, "19: a: the value of numeric: two comparisons must be"),
            (r#"{"numeric":["<",5,">",1]}"#, "19: a: the value of numeric: two comparisons must be"),
            (r#"{"numeric":["=",5,"=",5]}"#, "19: a: the value of numeric: two comparisons must be"),
            (r#"{"numeric":[">=",5,"<=",5]}"#, "20: a: the value of numeric: the lower bound must be less"),
            (r#"{"numeric":[">",1,"<",5,"<",6]}"#, "25: a: the value of numeric must be one comparison, or two"),
            (r#"{"numeric":[">",1,2]}"#, "19: a: the value of numeric: a comparison must be a string"),
            (r#"{"numeric":["=",1e400]}"#, "17: a: the value of numeric: cannot compare number 1e400"),
            (r#"{"exists":"true"}"#, "11: a: the value of exists must be true or false, not a string"),
            (r#"{"cidr":"10.0.0.0"}"#, "9: a: the value of cidr must be an address, one /"),
            (r#"{"cidr":"10.0.0.0/32"}"#, "9: a: the value of cidr must have fewer than 32 bits"),
            (r#"{"cidr":["10.0.0.0/8"]}"#, "9: a: the value of cidr must be a string"),
        ] {
            let error = compile(text).unwrap_err();
            assert!(error.starts_with(&format!("line 1, column {expected}")), "{text}: {error}");
        }
    }
}
