//! YAML text to [`Node`]s.

use super::{MAX_DEPTH, Member, Node, Place, RuleError, Value};
use crate::json::Scalar;
use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

pub(super) fn parse(text: &str) -> Result<Node, RuleError> {
    let mut events = Events(Parser::new_from_str(text));
    let start = Place { line: 1, column: 1 };
    loop {
        match events.next()? {
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            (Event::StreamEnd, _) => return Err(start.error("the file is empty")),
            first => {
                let node = events.node(first, 0)?;
                loop {
                    match events.next()? {
                        (Event::DocumentEnd, _) => {}
                        (Event::StreamEnd, _) => return Ok(node),
                        (_, place) => return Err(place.error("only one YAML document per file")),
                    }
                }
            }
        }
    }
}

struct Events<'a>(Parser<'a, granit_parser::StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), RuleError> {
        match self.0.next() {
            Some(Ok((event, span))) => {
                let place = place(&span);
                if event.tag().is_some() {
                    return Err(place.error("YAML tags are not supported: leave them out"));
                }
                // To YAML that is null, and to the parser a "~"; who wrote it may have meant either, or forgot something.
                if matches!(&event, Event::Scalar(_, ScalarStyle::Plain, ..)) && span.is_empty() {
                    return Err(place.error("an empty value: write null, or '' for an empty string"));
                }
                Ok((event, place))
            }
            Some(Err(error)) => Err(scan_error(&error)),
            None => Err(Place::default().error("invalid YAML: it ends too early")),
        }
    }

    /// Reads the node that begins with `event`.
    fn node(&mut self, (event, place): (Event<'a>, Place), depth: usize) -> Result<Node, RuleError> {
        if depth > MAX_DEPTH {
            return Err(place.too_deep());
        }
        let value = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::SequenceStart(..) => {
                let mut nodes = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Value::Array(nodes),
                        first => nodes.push(self.node(first, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut members = Vec::new();
                loop {
                    match self.next()? {
                        (Event::MappingEnd, _) => break Value::Object(members),
                        (Event::Scalar(key, ScalarStyle::Plain, ..), place) if key == "<<" => {
                            return Err(place.error("YAML merge keys are not supported"));
                        }
                        // A key is its text, also where it would be a number.
                        (Event::Scalar(key, ..), place) => {
                            let first = self.next()?;
                            let node = self.node(first, depth + 1)?;
                            members.push(Member { key: key.into_owned(), place, node });
                        }
                        (_, place) => return Err(place.error("a key must be a string")),
                    }
                }
            }
            // A few bytes of aliases can stand for gigabytes of rules.
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(place.error("YAML aliases are not supported: write out what they stand for"));
            }
            _ => return Err(place.error("invalid YAML: expected a value")),
        };
        Ok(Node { value, place })
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match Scalar::parse(text.as_bytes()) {
        Ok(Scalar::Bool(value)) => Value::Bool(value),
        Ok(Scalar::Null) => Value::Null,
        Ok(Scalar::Number(number)) => Value::Number(number.to_owned()),
        Ok(Scalar::String(_)) | Err(_) => Value::String(text.to_owned()),
    }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line() as u32, column: span.start.col() as u32 + 1 }
}

fn scan_error(error: &ScanError) -> RuleError {
    let marker = error.marker();
    Place { line: marker.line() as u32, column: marker.col() as u32 + 1 }
        .error(format!("invalid YAML: {}", error.info()))
}
