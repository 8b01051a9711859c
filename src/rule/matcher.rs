//! Runs a rule set on a record.
//!
//! In: a record in its window. Out: the indices of the rules it matches. Kept
//! between records: scratch space, so that in the common case a record costs no
//! allocation. Refused: a record that would take more than the steps of
//! [`MAX_MATCH_STEPS`](crate::limits::MAX_MATCH_STEPS) for one rule, which is an error and never "no match".
//!
//! The values that clauses hang on are found by the text of their keys, and so are the others
//! if one leads to a clause, as most do not ([`Texts`]). Where text
//! cannot tell, fields are read; those that clauses hang on before the others.
//!
//! Two fields of a rule that lie in the same array must match in the same of
//! its elements. Most records hit nothing inside arrays of objects, and most
//! rules look into one at most; then a clause is decided by looking at which
//! predicates were hit at all. Only otherwise are choices of elements tried out.

use super::hits::{HITS_BYTES, Hits};
use super::search::{SEARCH_BYTES, Search, TooLong};
use super::set::{ClauseId, Role, RuleSet};
use super::texts::{Keys, Known, Texts};
use crate::buffer::Window;
use crate::fields::{Fields, Leaf};
use crate::paths::PathTree;
use crate::records::Record;
use crate::scan;
use crate::{Error, ErrorKind};

/// Matches records against a [`RuleSet`]; holds the scratch space to do so.
pub struct Matcher {
    fields: Fields,
    hits: Hits,
    search: Search,
    known: Known,
    /// How many records led to a rule, up to the last one; 0 if that did not.
    led: u32,
    /// The matched rules, sorted.
    matched: Vec<u32>,
}

/// Bytes of scratch space that a hostile record can make grow.
pub(crate) const MATCH_BYTES: usize = HITS_BYTES + SEARCH_BYTES;

/// Behind more records one after the other that lead to rules, what all of them ask for is searched
/// for in the records ahead too, and behind fewer in each by itself.
const FEW: u32 = 4;

/// What the text of a record tells.
#[derive(PartialEq, Eq)]
enum Told {
    /// Whether it leads to a rule; and if so, all values that rules ask for were looked up.
    Leads(bool),
    /// That its fields have to be read.
    MayLead,
    /// It was not asked.
    Nothing,
}

impl Matcher {
    /// Empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        Self {
            fields: Fields::new(),
            hits: Hits::default(),
            search: Search::default(),
            known: Known::default(),
            led: 0,
            matched: Vec::new(),
        }
    }

    /// Readies the scratch space for another rule set.
    pub fn reset(&mut self, rules: &RuleSet) {
        self.hits.reset(rules);
        self.known = Known::default();
        self.led = 0;
    }

    /// The rules that `record` matches, by index, in order.
    ///
    /// # Errors
    /// Malformed JSON and arrays beyond the limits, in the fields by which rules are
    /// found and, if they lead to a rule, in all that rules look at, and on the way to
    /// them, unless its text tells all of that; and [`ErrorKind::MatchTooLong`].
    pub fn run(&mut self, rules: &RuleSet, window: &Window<'_>, record: Record) -> Result<&[u32], Error> {
        self.matched.clear();
        self.search.begin();
        if !self.read(rules, window, record)? {
            return Ok(&[]);
        }
        for hit in 0..self.hits.list.len() {
            for &field in &rules.predicates[self.hits.list[hit] as usize].pivots {
                if self.hits.first_look(field) {
                    self.look(rules, &rules.fields[field as usize].hung, record)?;
                }
            }
        }
        self.look(rules, &rules.always, record)?;
        self.matched.sort_unstable();
        self.matched.dedup();
        self.drop_ignored(rules, record)?;
        Ok(&self.matched)
    }

    /// Reads the fields of `record`, if it may lead to a rule, and says whether it may.
    #[inline(always)]
    fn read(&mut self, rules: &RuleSet, window: &Window<'_>, record: Record) -> Result<bool, Error> {
        let Some(leading) = &rules.leading else {
            self.pick(rules, &rules.tree, window, record)?;
            return Ok(true);
        };
        match self.by_text(rules, window, record) {
            Told::Leads(leads) => return Ok(leads),
            Told::MayLead if self.pick(rules, &rules.tree, window, record).is_ok() => {
                return Ok(self.leads(self.hits.any_leads(rules)));
            }
            Told::MayLead | Told::Nothing => {}
        }
        // There is a fault, or it is not known yet whether all fields are worth a look. A fault
        // in a record that leads to no rule is none, whatever the record before did.
        if std::mem::take(&mut self.led) > 0 && self.by_text(rules, window, record) == Told::Leads(false) {
            return Ok(false);
        }
        self.pick(rules, leading, window, record)?;
        let leads = self.leads(self.hits.any_leads(rules));
        if leads {
            self.pick(rules, &rules.tree, window, record)?;
        }
        Ok(leads)
    }

    /// Counts the record if it `leads` to a rule.
    fn leads(&mut self, leads: bool) -> bool {
        self.led = if leads { self.led.saturating_add(1) } else { 0 };
        leads
    }

    /// What the text of `record` tells.
    #[inline(always)]
    fn by_text(&mut self, rules: &RuleSet, window: &Window<'_>, record: Record) -> Told {
        // Behind a record that led to a rule the next is likely to.
        if self.led > 0 {
            let Some((texts, all)) = rules.texts.as_ref().and_then(|texts| Some((texts, texts.all.as_ref()?))) else {
                return Told::MayLead;
            };
            if self.read_text::<true>(rules, texts, all, window, record) == Some(true) {
                return Told::Leads(self.leads(true));
            }
            // What that one was may decide nothing.
            self.led = 0;
        }
        let Some(texts) = &rules.texts else { return Told::Nothing };
        let leads = self.read_text::<false>(rules, texts, &texts.leading, window, record);
        if leads != Some(true) {
            return leads.map_or(Told::MayLead, Told::Leads);
        }
        match &texts.all {
            Some(all) if self.read_text::<true>(rules, texts, all, window, record) == Some(true) => {
                Told::Leads(self.leads(true))
            }
            _ => Told::MayLead,
        }
    }

    /// Looks up the values that `record` has behind `keys`, which are those by which rules are
    /// found, or `ALL`, and says whether one leads to a rule; `None` if text cannot tell.
    #[inline(always)]
    fn read_text<const ALL: bool>(
        &mut self,
        rules: &RuleSet,
        texts: &Texts,
        keys: &Keys,
        window: &Window<'_>,
        record: Record,
    ) -> Option<bool> {
        let Self { hits, known, led, .. } = self;
        scan::fast(
            #[inline(always)]
            || {
                hits.begin();
                let text = texts.of::<ALL>(window, record, known)?;
                let seen = keys.read::<ALL>(
                    &text,
                    if ALL { &mut known.all } else { &mut known.leading },
                    !ALL || *led > FEW,
                    #[inline(always)]
                    |slot, value| rules.slots[slot as usize].may_be_hit(value),
                    #[inline(always)]
                    |slot, value| hits.add(rules, Leaf { slot, value, frame: 0 }).is_ok(),
                );
                seen?.then(|| hits.any_leads(rules))
            },
        )
    }

    /// Reads those fields of `record` that `tree` has, and looks them up.
    #[inline(always)]
    fn pick(&mut self, rules: &RuleSet, tree: &PathTree, window: &Window<'_>, record: Record) -> Result<(), Error> {
        let hits = &mut self.hits;
        hits.begin();
        if tree.slots() == 0 {
            return Ok(());
        }
        self.fields.pick(
            window,
            record,
            tree,
            #[inline(always)]
            |leaf| hits.add(rules, leaf),
        )
    }

    /// Adds the rules of those clauses that match.
    fn look(&mut self, rules: &RuleSet, clauses: &[ClauseId], record: Record) -> Result<(), Error> {
        for &clause in clauses {
            if let Role::Match(rule) = rules.clauses[clause as usize].role
                && self.decide(rules, clause, rule, record)?
            {
                self.matched.push(rule);
            }
        }
        Ok(())
    }

    /// Takes out the rules that ignore the record.
    fn drop_ignored(&mut self, rules: &RuleSet, record: Record) -> Result<(), Error> {
        let mut kept = 0;
        for at in 0..self.matched.len() {
            let rule = self.matched[at];
            let mut ignored = false;
            for clause in rules.ignored_by(rule) {
                ignored = ignored || self.decide(rules, clause, rule, record)?;
            }
            if !ignored {
                self.matched[kept] = rule;
                kept += 1;
            }
        }
        self.matched.truncate(kept);
        Ok(())
    }

    /// Whether a clause, looked at for `rule`, matches.
    fn decide(&mut self, rules: &RuleSet, clause: ClauseId, rule: u32, record: Record) -> Result<bool, Error> {
        let clause = &rules.clauses[clause as usize];
        let hits = &self.hits;
        // First what needs no search; so whether there is one, and whether it
        // takes too long, does not depend on what led to the clause.
        let (mut inside, mut kept_by_absence) = (0, true);
        for &field in &clause.fields {
            let field = &rules.fields[field as usize];
            let hit = hits.hit(field);
            match field.absent {
                None if !hit => return Ok(false),
                Some(exists) if !hit => kept_by_absence &= !hits.exists(exists),
                _ => {}
            }
            inside += usize::from(hits.bears_inside(field));
        }
        if inside < 2 {
            return Ok(kept_by_absence);
        }
        self.search
            .run(rules, clause, &mut self.hits, self.fields.frames())
            .map_err(|TooLong| Error::new(ErrorKind::MatchTooLong { rule }, record.offset))
    }
}

impl Default for Matcher {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expected;
    use crate::buffer::Buffer;
    use crate::records::{Layout, Read, RecordReader};
    use crate::rule::{Pattern, Rule};
    use crate::testing::{Random, rounds};

    fn rules(patterns: &[&str]) -> RuleSet {
        RuleSet::new(patterns.iter().map(|text| Rule::new("r", Pattern::from_json(text).unwrap())).collect())
    }

    /// The rules that each record matches, one record after the other with the same scratch space.
    fn run(rules: &RuleSet, records: &[&str]) -> Vec<Vec<u32>> {
        let mut matcher = Matcher::new();
        matcher.reset(rules);
        let run_one = |text: &&str| {
            let buffer = Buffer::holding(text.as_bytes());
            let record = Record { start: 0, end: text.len(), offset: 0, number: 1 };
            matcher.run(rules, &buffer.window(), record).unwrap().to_vec()
        };
        records.iter().map(run_one).collect()
    }

    fn matches(pattern: &str, record: &str) -> bool {
        run(&rules(&[pattern]), &[record]) == [[0]]
    }

    #[test]
    fn fields_in_one_array_match_in_one_element() {
        let tags = r#"{"t":{"k":["Env"],"v":["prod"]}}"#;
        let names = r#"{"e":{"f":["Anna"],"l":["Jones"]}}"#;
        let nested = r#"{"a":{"b":["1"],"c":{"d":["2"],"e":["3"]}}}"#;
        let apart = r#"{"a":{"k":["x"]},"b":{"k":["y"]}}"#;
        for (pattern, record, expected) in [
            (tags, r#"{"t":[{"k":"Name","v":"x"},{"k":"Env","v":"prod"}]}"#, true),
            (tags, r#"{"t":{"k":["Env","Name"],"v":["x","prod"]}}"#, true),
            (tags, r#"{"t":[{"k":"Env","v":"dev"},{"k":"Name","v":"prod"}]}"#, false),
            (tags, r#"{"t":[{"k":"Env"}],"t":[{"v":"prod"}]}"#, true),
            (names, r#"{"e":[[{"f":"Anna","l":"Jones"}],[]]}"#, true),
            (names, r#"{"e":[[{"f":"Anna"},{"l":"Jones"}]]}"#, false),
            (names, r#"{"e":[[{"f":"Anna"}],[{"l":"Jones"}]]}"#, false),
            (nested, r#"{"a":[{"b":"1","c":[{"d":"2","e":"3"}]}]}"#, true),
            (nested, r#"{"a":[{"b":"1","c":[{"d":"0","e":"3"}]},{"b":"0","c":[{"d":"2","e":"3"}]}]}"#, false),
            (apart, r#"{"a":[{"k":"z"},{"k":"x"}],"b":[{"k":"y"}]}"#, true),
        ] {
            assert_eq!(matches(pattern, record), expected, "{pattern} {record}");
        }
    }

    #[test]
    fn a_later_field_may_need_another_element_than_the_first_that_fits() {
        let pattern = r#"{"a":{"k":["x"],"l":[{"anything-but":"y"}],"m":[1]}}"#;
        assert!(matches(pattern, r#"{"a":[{"k":"x","l":"y","m":1},{"k":"x","l":"z"},{"k":"x","l":"z","m":1}]}"#));
        assert!(!matches(pattern, r#"{"a":[{"k":"x","l":"y","m":1},{"k":"x","l":"z"},{"l":"z","m":1}]}"#));
    }

    #[test]
    fn absence_inside_arrays_depends_on_what_sorts_before() {
        let after = r#"{"d":{"name":["x"],"z":[{"exists":false}]}}"#;
        let before = r#"{"d":{"name":["x"],"alias":[{"exists":false}]}}"#;
        assert!(matches(after, r#"{"d":[{"name":"x","z":1},{"name":"x"}]}"#));
        assert!(!matches(after, r#"{"d":[{"name":"x","z":1},{"name":"y"}]}"#));
        assert!(!matches(before, r#"{"d":[{"name":"x","alias":1},{"name":"x"}]}"#));
        assert!(matches(before, r#"{"d":[{"name":"x","other":1},{"name":"x"}]}"#));
        let either = r#"{"d":{"name":["x"],"z":[{"exists":false},2]}}"#;
        assert!(matches(either, r#"{"d":[{"name":"x","z":1},{"name":"x","z":2}]}"#));
        assert!(!matches(either, r#"{"d":[{"name":"x","z":1},{"name":"y","z":2}]}"#));
    }

    #[test]
    fn a_value_inside_an_array_may_do_better_than_one_outside() {
        let path = r#"{"a":["x"],"a.b":[{"exists":false}]}"#;
        assert!(matches(path, r#"{"a":[["x"],{"b":1}]}"#));
        assert!(matches(path, r#"{"a":["x",["x"],{"b":1}]}"#));
        let twice = r#"{"d":{"name":["x"],"z":[{"exists":false}]}}"#;
        assert!(matches(twice, r#"{"d":[{"name":"x"},{"z":1}]}"#));
        assert!(matches(twice, r#"{"d":{"name":"x"},"d":[{"name":"x"},{"z":1}]}"#));
    }

    #[test]
    fn what_has_no_scalar_is_absent() {
        for record in [r#"{}"#, r#"{"a":[]}"#, r#"{"a":{}}"#, r#"{"a":{"b":1}}"#, r#"{"a":[[],[{}]]}"#] {
            assert!(matches(r#"{"a":[{"exists":false}]}"#, record), "{record}");
            assert!(!matches(r#"{"a":[{"exists":true}]}"#, record), "{record}");
            assert!(!matches(r#"{"a":[{"anything-but":"x"}]}"#, record), "{record}");
        }
        for record in [r#"{"a":null}"#, r#"{"a":""}"#, r#"{"a":[{},0]}"#] {
            assert!(matches(r#"{"a":[{"exists":true}]}"#, record), "{record}");
            assert!(!matches(r#"{"a":[{"exists":false}]}"#, record), "{record}");
        }
    }

    #[test]
    fn rules_of_a_set_are_by_themselves_and_come_in_order() {
        let rules = rules(&[
            r#"{"a":[{"exists":false}]}"#,
            r#"{"b":["x"]}"#,
            r#"{"a":[{"prefix":"x"}]}"#,
            r#"{"a":["xy",1],"b":["x"]}"#,
            r#"{"b":["x"]}"#,
            r#"{"c":[null,{"suffix":"z"}],"a":[{"exists":false},1.0]}"#,
        ]);
        // What one record hit is forgotten at the next.
        let records =
            [r#"{"b":"x"}"#, r#"{"a":"xy","b":["q","x"]}"#, "{}", r#"{"a":1,"c":[5,"yz"]}"#, r#"{"b":"y","a":0}"#];
        let expected = [&[0, 1, 4][..], &[1, 2, 3, 4], &[0], &[5], &[]];
        assert_eq!(run(&rules, &records), expected);
    }

    #[test]
    fn what_a_rule_ignores_counts_for_that_rule_only() {
        let rule = |text: &str, ignore: &[&str]| {
            let mut rule = Rule::new("r", Pattern::from_json(text).unwrap());
            rule.ignore = ignore.iter().map(|text| Pattern::from_json(text).unwrap()).collect();
            rule
        };
        let everywhere = r#"{"by":[{"prefix":"deploy"}],"$or":[{"where":["eu"]},{"where":[{"exists":false}]}]}"#;
        let rules = RuleSet::new(vec![
            rule(r#"{"a":["x"]}"#, &[everywhere]),
            rule(r#"{"a":["x"]}"#, &[]),
            rule(r#"{"a":["x","y"]}"#, &[r#"{"a":["y"]}"#, everywhere]),
            rule(r#"{"b":[{"exists":false}]}"#, &[r#"{"a":[{"exists":true}]}"#]),
        ]);
        let records = [
            r#"{"a":"x"}"#,
            r#"{"a":"x","by":"deployer"}"#,
            r#"{"a":"x","by":"deployer","where":"us"}"#,
            r#"{"a":["y","x"],"b":1}"#,
            r#"{"by":"deployer"}"#,
        ];
        let expected = [&[0, 1, 2][..], &[1], &[0, 1, 2], &[0, 1], &[3]];
        assert_eq!(run(&rules, &records), expected);
    }

    #[test]
    fn a_fault_counts_where_a_rule_is_led_to_whatever_came_before() {
        let rules = rules(&[r#"{"a":[1],"b":["x",{"prefix":"y"}]}"#, r#"{"a":[1],"c":{"d":[{"prefix":"x"}]}}"#]);
        let malformed = |expected, offset| Err((ErrorKind::Malformed(expected), offset));
        let records = [
            (r#"{"a":0,"b":"\q","c":{"d":"x"}}"#, Ok(&[][..])),
            (r#"{"a":1,"b":"\q"}"#, malformed(Expected::Escape, 12)),
            (r#"{"b":"x","c":{"d":"x"},"a":1}"#, Ok(&[0, 1])),
            (r#"{"c":{"d":"x"},"a":0,"b":"\q"}"#, Ok(&[])),
            (r#"{"b":"x","a":01}"#, malformed(Expected::Scalar, 13)),
            (r#"{"a":1,"b":"z","c":{"d":"z"}}"#, Ok(&[])),
            (r#"{"a":0 "b":"x"}"#, malformed(Expected::CommaOrClose, 7)),
            (r#"{"z" 1,"a":0}"#, Ok(&[])),
            (r#"{"z" 1,"a":1}"#, malformed(Expected::Colon, 5)),
            (r#"{"z" 1}"#, malformed(Expected::Colon, 5)),
            (r#"{"b":"x" "a":1}"#, malformed(Expected::CommaOrClose, 9)),
        ];
        let mut matcher = Matcher::new();
        matcher.reset(&rules);
        let mut random = Random::new(7);
        for _ in 0..rounds(1_000) {
            let (text, expected) = records[random.below(records.len())];
            let buffer = Buffer::holding(text.as_bytes());
            let record = Record { start: 0, end: text.len(), offset: 0, number: 1 };
            let verdict = matcher.run(&rules, &buffer.window(), record).map_err(|error| (error.kind, error.offset));
            assert_eq!(verdict, expected, "{text}");
        }
    }

    /// A value of a random record: of the kinds and spellings that may lead to a rule.
    fn value(random: &mut Random, depth: usize, out: &mut String) {
        let scalars = [
            r#""x""#,
            r#""y""#,
            r#""eventName""#,
            "1",
            "null",
            "true",
            r#""""#,
            r#""\u0078""#,
            r#""\"x""#,
            r#""x,""#,
            r#"":1,x""#,
        ];
        match random.below(if depth > 2 { 6 } else { 9 }) {
            0..6 => out.push_str(scalars[random.below(scalars.len())]),
            6 | 7 => object(random, depth + 1, out),
            _ => {
                out.push('[');
                for i in 0..random.below(3) {
                    out.push_str(if i > 0 { "," } else { "" });
                    value(random, depth + 1, out);
                }
                out.push(']');
            }
        }
    }

    fn object(random: &mut Random, depth: usize, out: &mut String) {
        let keys =
            ["eventName", "eventName", "type", "userIdentity", "userIdentity.type", "a", "xtype", r"typ\u0065", ":"];
        let space = if random.below(20) == 0 { " " } else { "" };
        out.push('{');
        for i in 0..random.below(5) {
            let (comma, key) = (if i > 0 { "," } else { "" }, keys[random.below(keys.len())]);
            out.push_str(&format!("{comma}{space}\"{key}\"{space}:"));
            value(random, depth, out);
        }
        out.push_str(space);
        out.push('}');
    }

    const PATTERNS: [&str; 10] = [
        r#"{"eventName":["x"]}"#,
        r#"{"eventName":["eventName"],"a":["x"]}"#,
        r#"{"eventName":[{"exists":true}],"type":[{"exists":false}]}"#,
        r#"{"a":[{"anything-but":"x"}]}"#,
        r#"{"type":["y",1,null],"xtype":[{"prefix":""},true]}"#,
        r#"{"userIdentity":{"type":["x",1]}}"#,
        r#"{"userIdentity":{"type":[null]},"eventName":[{"exists":true}]}"#,
        r#"{"a":{"eventName":["y"]},"eventName":[{"exists":false}]}"#,
        r#"{"a":["y"],"userIdentity":{"a":[{"exists":false}]}}"#,
        r#"{":":[1],"a":[{"exists":true}]}"#,
    ];

    /// Some of the patterns as two sets, and the second does not look at the text.
    fn by_text_and_by_fields(random: &mut Random) -> (RuleSet, RuleSet) {
        // In half of the sets all paths are of one key.
        let patterns = &PATTERNS[..if random.below(2) == 0 { 5 } else { PATTERNS.len() }];
        let chosen: Vec<_> = patterns.iter().copied().filter(|_| random.below(3) == 0).collect();
        let mut by_fields = rules(&chosen);
        by_fields.texts = None;
        (rules(&chosen), by_fields)
    }

    #[test]
    fn what_was_searched_for_in_the_bytes_before_hides_nothing() {
        let mut random = Random::new(29);
        let limits = crate::Limits { max_record_bytes: 2_000, window_bytes: 64, ..crate::Limits::default() };
        let (mut buffer, mut reader) = (Buffer::new(&limits), RecordReader::new(&limits, Layout::Files));
        let (mut matcher, mut twin) = (Matcher::new(), Matcher::new());
        let (mut matched, mut records) = (0, 0);
        for round in 0..rounds(2_000) {
            let (by_text, by_fields) = by_text_and_by_fields(&mut random);
            matcher.reset(&by_text);
            twin.reset(&by_fields);
            // Two objects, one behind the other, with the same state.
            for _ in 0..2 {
                // The records of the second may be where none of the first was.
                let mut text = " ".repeat(random.below(200)) + "[";
                let few = cfg!(miri) || random.below(2) == 0;
                for number in 0..random.below(if few { 3 } else { 20 }) {
                    text.push_str(if number > 0 { "," } else { "" });
                    object(&mut random, 0, &mut text);
                }
                text.push(']');
                buffer.reset();
                reader.reset();
                let mut rest = text.as_bytes();
                while !rest.is_empty() {
                    buffer.roll(reader.keep());
                    let room = buffer.spare();
                    let n = rest.len().min(room.len()).min(1 + random.below(64));
                    room[..n].copy_from_slice(&rest[..n]);
                    buffer.fill(n);
                    rest = &rest[n..];
                    let window = buffer.window();
                    while let Read::Record(record) = reader.read(&window).unwrap() {
                        let expected = twin.run(&by_fields, &window, record).unwrap();
                        assert_eq!(matcher.run(&by_text, &window, record), Ok(expected), "{round} {record:?} {text}");
                        matched += expected.len();
                        records += 1;
                    }
                }
            }
        }
        assert!(cfg!(miri) || matched > 2_000 && records > 10_000, "{matched} {records}");
    }

    #[test]
    fn a_key_over_the_end_of_what_was_held_is_found_once_all_of_it_is_there() {
        // Were the first of two not found, the second would rule the record out.
        let text = br#"[{"eventName":"y"},{"eventName":"x","eventName":"y"},{"eventName":"y"}]"#;
        let rules = rules(&[r#"{"eventName":["x"]}"#]);
        let limits = crate::Limits { max_record_bytes: 2_000, window_bytes: 64, ..crate::Limits::default() };
        for cut in (1..text.len()).step_by(if cfg!(miri) { 11 } else { 1 }) {
            let (mut buffer, mut reader) = (Buffer::new(&limits), RecordReader::new(&limits, Layout::Files));
            let mut matcher = Matcher::new();
            matcher.reset(&rules);
            let mut matched = Vec::new();
            for piece in [&text[..cut], &text[cut..]] {
                buffer.roll(reader.keep());
                for piece in piece.chunks(64) {
                    buffer.spare()[..piece.len()].copy_from_slice(piece);
                    buffer.fill(piece.len());
                }
                let window = buffer.window();
                while let Read::Record(record) = reader.read(&window).unwrap() {
                    matched.extend(matcher.run(&rules, &window, record).unwrap().iter().map(|_| record.number));
                }
            }
            assert_eq!(matched, [2], "cut at {cut}");
        }
    }

    #[test]
    fn what_was_searched_for_in_one_object_is_not_believed_of_the_next() {
        let rules = rules(&[r#"{"a":["x"]}"#]);
        let mut matcher = Matcher::new();
        matcher.reset(&rules);
        let mut buffer = Buffer::holding(br#"{"a":"y"}{"b":"x","a":"y"}"#);
        let record = |start: usize, end: usize| Record { start, end, offset: start as u64, number: 1 };
        assert_eq!(matcher.run(&rules, &buffer.window(), record(0, 9)), Ok(&[][..]));
        // The keys that the other one had at the same places are not all of them.
        let text = br#"         {"a":"x","a":"y"}"#;
        buffer.reset();
        buffer.spare()[..text.len()].copy_from_slice(text);
        buffer.fill(text.len());
        assert_eq!(matcher.run(&rules, &buffer.window(), record(9, text.len())), Ok(&[0][..]));
    }

    #[test]
    fn a_record_may_be_asked_for_again_behind_others() {
        let text = br#"{"a":"x","a":"y"}{"a":"z"}"#;
        let (buffer, rules) = (Buffer::holding(text), rules(&[r#"{"a":["x"]}"#]));
        let mut matcher = Matcher::new();
        matcher.reset(&rules);
        let first = Record { start: 0, end: 17, offset: 0, number: 1 };
        let second = Record { start: 17, end: text.len(), offset: 17, number: 2 };
        let matches = |record| matcher.run(&rules, &buffer.window(), record).unwrap().len();
        assert_eq!([second, first, second, second, first].map(matches), [0, 1, 0, 0, 1]);
    }

    #[test]
    fn what_text_tells_of_a_record_is_what_its_fields_are() {
        let mut random = Random::new(23);
        let (mut matched, mut ruled_out, mut told, mut unsound) = (0, 0, 0, 0);
        for round in 0..rounds(17_000) {
            let (by_text, by_fields) = by_text_and_by_fields(&mut random);
            let mut matchers = [&by_text, &by_text, &by_fields].map(|rules| {
                let mut matcher = Matcher::new();
                matcher.reset(rules);
                matcher
            });
            for _ in 0..6 {
                let mut text = String::new();
                object(&mut random, 0, &mut text);
                let mut text = text.into_bytes();
                // Some are unsound: what fields find no fault in must not be lost.
                let sound = random.below(4) > 0;
                if !sound {
                    let at = 1 + random.below(text.len() - 1);
                    text[at] = b"\"\\{}[]:, x1"[random.below(11)];
                }
                let buffer = Buffer::holding(&[b"[", &text[..], b"]"].concat());
                let (window, mut reader) =
                    (buffer.window(), RecordReader::new(&crate::Limits::default(), Layout::Files));
                let Ok(Read::Record(record)) = reader.read(&window) else {
                    assert!(!sound);
                    continue;
                };
                let [matcher, led, twin] = &mut matchers;
                match matcher.by_text(&by_text, &window, record) {
                    Told::Leads(false) => ruled_out += 1,
                    Told::Leads(true) => told += 1,
                    Told::MayLead | Told::Nothing => {}
                }
                (matcher.led, led.led) = (0, 1 + round as u32 % 8);
                let found = matcher.run(&by_text, &window, record);
                let text = || format!("{round}: {}", String::from_utf8_lossy(&text));
                assert_eq!(led.run(&by_text, &window, record), found, "whatever came before, {}", text());
                match twin.run(&by_fields, &window, record) {
                    Ok(expected) => {
                        assert_eq!(found, Ok(expected), "{}", text());
                        matched += usize::from(!expected.is_empty());
                    }
                    Err(_) => {
                        assert!(!sound, "{}", text());
                        unsound += 1;
                    }
                }
            }
        }
        let counts = [matched, ruled_out, told, unsound];
        assert!(cfg!(miri) || counts.iter().all(|&count| count > 2_000), "{counts:?}");
    }

    #[test]
    fn a_quote_that_closes_a_string_begins_no_key() {
        for (pattern, record, expected) in [
            (r#"{":":[5]}"#, r#"{"a,":":5,b"}"#, false),
            (r#"{",":[5]}"#, r#"{"a":"b,",":5,d":1}"#, false),
            (r#"{"x":[1],":":[{"exists":false}]}"#, r#"{"a,":":5,b","x":1}"#, true),
            (r#"{":":[5]}"#, r#"{"a,":":5,b",":":5}"#, true),
        ] {
            assert_eq!(matches(pattern, record), expected, "{pattern} {record}");
        }
    }

    #[test]
    fn stamps_that_run_out_start_again() {
        let rules = rules(&[r#"{"a":[1],"b":["x"]}"#]);
        let mut matcher = Matcher::new();
        matcher.reset(&rules);
        let buffer = Buffer::holding(br#"{"a":1,"b":"x"}{"a":2,"b":"x"}"#);
        let record = |start: usize| Record { start, end: start + 15, offset: start as u64, number: 1 };
        let verdict =
            |matcher: &mut Matcher, start| matcher.run(&rules, &buffer.window(), record(start)).map(<[u32]>::to_vec);
        assert_eq!(verdict(&mut matcher, 0), Ok(vec![0]));
        matcher.hits.now = u32::MAX - 1;
        for _ in 0..3 {
            assert_eq!(verdict(&mut matcher, 0), Ok(vec![0]));
            assert_eq!(verdict(&mut matcher, 15), Ok(vec![]));
        }
    }
}
