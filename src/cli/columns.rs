//! Records as rows: what each column shows, and how a table or CSV has it.

use super::Failure;
use crate::Scalar;
use crate::Slot;
use crate::alert::{FactReader, Facts, plain};
use crate::picker::Picker;
use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What a column shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    Time,
    Account,
    Region,
    Who,
    Event,
    Error,
    SourceIp,
    /// The values at a path of the record.
    Path(Slot),
}

/// The columns that have a name of their own: what it is, what they show, and
/// their width in a table, in characters.
const NAMED: [(&str, Shows, usize); 7] = [
    ("time", Shows::Time, 20),
    ("account", Shows::Account, 12),
    ("region", Shows::Region, 14),
    ("who", Shows::Who, 28),
    ("event", Shows::Event, 34),
    ("error", Shows::Error, 24),
    ("source_ip", Shows::SourceIp, 15),
];

/// The width of other columns.
const PATH_WIDTH: usize = 30;

/// What no column is made narrower than: a line that wraps, as on terminals of
/// fewer than 114 columns, says more than one of which a few letters are left.
const MIN_WIDTH: usize = 14;

/// Between columns.
const GAP: usize = 2;

/// The fields that were asked for, by name or path, with commas between; without
/// any, those that have a name.
pub(super) fn fields(asked: Option<&str>) -> Result<Vec<String>, Failure> {
    let all = NAMED.map(|(name, ..)| name).join(",");
    let field = |name: &str| {
        let name = name.trim();
        if name.split('.').any(str::is_empty) {
            let known = NAMED.map(|(name, ..)| name).join(", ");
            return Err(Failure::Usage(format!(
                "--fields: {name:?} is no field: give {known}, or paths such as userIdentity.arn"
            )));
        }
        Ok(name.to_owned())
    };
    asked.unwrap_or(&all).split(',').map(field).collect()
}

/// The columns that were asked for; makes rows of records.
pub(super) struct Columns {
    names: Vec<String>,
    sources: Vec<Shows>,
    widths: Vec<usize>,
    facts: FactReader,
    paths: Picker,
}

impl Columns {
    /// Columns for [`fields`].
    pub(super) fn new(fields: &[String]) -> Self {
        let mut paths = Picker::new();
        let columns = fields.iter().map(|name| {
            let named = NAMED.iter().find(|(known, ..)| known == name);
            named.map_or_else(|| (Shows::Path(paths.want(name)), PATH_WIDTH), |&(_, source, width)| (source, width))
        });
        let (sources, widths) = columns.unzip();
        Self { names: fields.to_vec(), sources, widths, facts: FactReader::new(), paths }
    }

    /// The cells of a record's row.
    fn cells(&mut self, record: &[u8]) -> Vec<String> {
        let mut values: Vec<Vec<String>> = vec![Vec::new(); self.sources.len()];
        if self.sources.iter().any(|source| matches!(source, Shows::Path(_))) {
            // What cannot be picked is not there.
            let _ = self.paths.pick(record, |slot, value| {
                for (source, values) in self.sources.iter().zip(&mut values) {
                    if *source == Shows::Path(slot) {
                        values.push(text(value));
                    }
                }
            });
        }
        let facts = self.facts.pick(record);
        let cell = |(source, values): (&Shows, Vec<String>)| match source {
            Shows::Path(_) => values.join(", "),
            named => named_cell(*named, &facts),
        };
        self.sources.iter().zip(values).map(cell).collect()
    }

    /// Writes the names as CSV.
    pub(super) fn write_csv_head(&self, out: &mut Vec<u8>) {
        write_csv(out, self.names.clone());
    }

    /// Writes a record as a line of CSV.
    pub(super) fn write_csv(&mut self, out: &mut Vec<u8>, record: &[u8]) {
        write_csv(out, self.cells(record));
    }

    /// Writes the names as the first line of a table.
    pub(super) fn write_table_head(&self, out: &mut Vec<u8>, layout: &TableLayout) {
        let bold = Style::new().bold();
        let names: Vec<_> = self.names.iter().map(|name| (name.clone(), bold)).collect();
        layout.write(out, &names);
    }

    /// Writes a record as a line of a table.
    pub(super) fn write_table(&mut self, out: &mut Vec<u8>, layout: &TableLayout, record: &[u8]) {
        let cells = self.cells(record);
        let style = |source: &Shows| match source {
            Shows::Time => Style::new().dimmed(),
            Shows::Error => AnsiColor::Red.on_default(),
            Shows::Event => AnsiColor::Cyan.on_default(),
            _ => Style::new(),
        };
        let cells: Vec<_> =
            cells.iter().zip(&self.sources).map(|(cell, source)| (plain(cell), style(source))).collect();
        layout.write(out, &cells);
    }

    /// How a table of these columns is laid out: for a terminal of some width,
    /// cells are cut to fit; else nothing is cut.
    pub(super) fn layout(&self, terminal: Option<usize>, colours: bool) -> TableLayout {
        let mut widths = self.widths.clone();
        if let Some(terminal) = terminal {
            while widths.iter().sum::<usize>() + GAP * (widths.len() - 1) > terminal {
                // Times, accounts and regions say nothing once they are cut.
                let whole = |source: &Shows| matches!(source, Shows::Time | Shows::Account | Shows::Region);
                let cut = widths.iter_mut().zip(&self.sources).filter(|(_, source)| !whole(source));
                let Some(widest) = cut.map(|(width, _)| width).max().filter(|width| **width > MIN_WIDTH) else { break };
                *widest -= 1;
            }
        }
        TableLayout { widths, cut: terminal.is_some(), colours }
    }
}

fn named_cell(source: Shows, facts: &Facts) -> String {
    let fact = match source {
        Shows::Time => facts.time(),
        Shows::Account => facts.account(),
        Shows::Region => facts.region(),
        Shows::Error => facts.error(),
        Shows::SourceIp => facts.source_ip(),
        Shows::Event => return event(facts),
        Shows::Who | Shows::Path(_) => return facts.who(),
    };
    fact.unwrap_or_default().to_owned()
}

/// Service and call, as IAM writes actions.
pub(super) fn event(facts: &Facts) -> String {
    let service = facts.event_source().map(|source| source.strip_suffix(".amazonaws.com").unwrap_or(source));
    match (service, facts.event_name()) {
        (Some(service), Some(name)) => format!("{service}:{name}"),
        (service, name) => name.or(service).unwrap_or("unknown").to_owned(),
    }
}

fn text(value: Scalar<'_>) -> String {
    match value {
        Scalar::String(text) => String::from_utf8_lossy(text).into_owned(),
        Scalar::Number(text) => text.to_owned(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Null => "null".to_owned(),
    }
}

fn write_csv(out: &mut Vec<u8>, mut cells: Vec<String>) {
    for cell in &mut cells {
        // Line breaks are within quotes; what else could mislead a terminal is not there.
        *cell = cell.split('\n').map(plain).collect::<Vec<_>>().join("\n");
        // What would be a formula to a spreadsheet becomes text: the values are untrusted, and full-width characters
        // are taken for the others by some.
        if cell.starts_with(['=', '+', '-', '@', '\n', '＝', '＋', '－', '＠']) {
            cell.insert(0, '\'');
        }
    }
    let mut writer = csv::WriterBuilder::new().buffer_capacity(512).from_writer(out);
    // Memory takes everything; it is written when the writer is dropped.
    let _ = writer.write_record(cells);
}

/// How a table is laid out.
#[derive(Clone)]
pub(super) struct TableLayout {
    widths: Vec<usize>,
    cut: bool,
    colours: bool,
}

impl TableLayout {
    fn write(&self, out: &mut Vec<u8>, cells: &[(String, Style)]) {
        for (number, ((cell, style), &width)) in cells.iter().zip(&self.widths).enumerate() {
            if number > 0 {
                out.extend_from_slice(&[b' '; GAP]);
            }
            let cell = if self.cut { cut(cell, width) } else { cell.clone() };
            let padding = if number + 1 == cells.len() { 0 } else { width.saturating_sub(cell.width()) };
            if self.colours && !cell.is_empty() {
                out.extend_from_slice(format!("{style}{cell}{style:#}").as_bytes());
            } else {
                out.extend_from_slice(cell.as_bytes());
            }
            out.resize(out.len() + padding, b' ');
        }
        while out.last() == Some(&b' ') {
            out.pop();
        }
        out.push(b'\n');
    }
}

/// A text of at most that many columns; what is cut ends in an ellipsis.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= left;
        left -= if fits { width } else { left };
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &[u8] = br#"{"eventTime":"2026-11-01T08:00:00Z","recipientAccountId":"123456789012","awsRegion":"eu-west-1",
        "eventSource":"iam.amazonaws.com","eventName":"CreateUser","sourceIPAddress":"192.0.2.1","errorCode":"AccessDenied",
        "userIdentity":{"type":"IAMUser","userName":"alice"},"requestParameters":{"userName":"=1+1","tags":[{"k":"a"},{"k":2}]}}"#;

    fn line(fields: Option<&str>, terminal: Option<usize>) -> String {
        let mut columns = Columns::new(&super::fields(fields).ok().unwrap());
        let layout = columns.layout(terminal, false);
        let mut out = Vec::new();
        columns.write_table(&mut out, &layout, RECORD);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_has_what_people_ask_for() {
        assert_eq!(
            line(None, None),
            "2026-11-01T08:00:00Z  123456789012  eu-west-1       alice                         iam:CreateUser                      AccessDenied              192.0.2.1\n"
        );
        assert_eq!(line(Some("who, requestParameters.tags.k,nothing"), None), "alice                         a, 2\n");
    }

    #[test]
    fn a_table_fits_its_terminal() {
        for width in [60, 80, 120, 200] {
            let line = line(None, Some(width));
            assert!(line.trim_end().width() <= width.max(114), "{width}");
            assert!(line.starts_with("2026-11-01T08:00:00Z  ") && line.contains("iam:Create"), "{line}");
        }
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abcd", 4), "abcd");
    }

    #[test]
    fn csv_is_quoted_and_holds_no_formula() {
        let mut columns =
            Columns::new(&fields(Some("requestParameters.userName,who,requestParameters.tags.k")).ok().unwrap());
        let mut out = Vec::new();
        columns.write_csv_head(&mut out);
        columns.write_csv(&mut out, RECORD);
        columns.write_csv(
            &mut out,
            br#"{"userIdentity":{"userName":"a \"b\"\nc"},"requestParameters":{"userName":"\t@x"}}"#,
        );
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "requestParameters.userName,who,requestParameters.tags.k\n'=1+1,alice,\"a, 2\"\n\\u0009@x,\"a \"\"b\"\"\nc\",\n"
        );
    }

    #[test]
    fn fields_that_are_none_are_errors() {
        for asked in ["", "who,", "a..b", ".a"] {
            assert!(fields(Some(asked)).is_err(), "{asked:?}");
        }
    }
}
