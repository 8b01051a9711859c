//! Runs a rule set on a record.
//!
//! In: a record in its window. Out: the indices of the rules it matches. Kept
//! between records: scratch space, so that in the common case a record costs no
//! allocation. Refused: a record that would take more than the steps of
//! [`MAX_MATCH_STEPS`] for one rule, which is an error and never "no match".
//!
//! Two fields of a rule that lie in the same array must match in the same of
//! its elements. Most records hit nothing inside arrays of objects, and then a
//! clause is decided by looking at which predicates were hit at all; only
//! otherwise are choices of elements tried out.

use super::set::{Clause, ClauseId, PredicateId, RuleSet};
use crate::buffer::Window;
use crate::fields::{Fields, Frame, FrameId, Leaf};
use crate::limits::{MAX_MATCH_STEPS, MAX_VALUES};
use crate::records::Record;
use crate::{Error, ErrorKind};

/// Matches records against a [`RuleSet`]; holds the scratch space to do so.
pub struct Matcher {
    fields: Fields,
    hits: Hits,
    /// The matched rules, sorted.
    matched: Vec<u32>,
    chosen: Vec<Choice>,
}

/// An array and the element that was chosen of it.
#[derive(Clone, Copy)]
struct Choice {
    array: u32,
    index: u32,
}

/// Which predicates the values of the current record hit, and where.
#[derive(Default)]
struct Hits {
    /// Number of the current record; a smaller stamp is from an earlier one, so
    /// nothing has to be cleared.
    now: u32,
    marks: Vec<Mark>,
    /// Predicates hit, each once.
    list: Vec<PredicateId>,
    /// Hits inside arrays of objects; in order, once a search needs them so.
    placed: Vec<(PredicateId, FrameId)>,
    in_order: bool,
    /// The record when a clause was last looked at.
    seen: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Mark {
    /// The record when it was last hit.
    hit: u32,
    /// The record when it was last hit outside arrays of objects.
    outside: u32,
    /// The frame of its last hit.
    frame: FrameId,
}

impl Matcher {
    /// Empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        Self { fields: Fields::new(), hits: Hits::default(), matched: Vec::new(), chosen: Vec::new() }
    }

    /// Readies the scratch space for another rule set.
    pub fn reset(&mut self, rules: &RuleSet) {
        self.hits.now = 0;
        self.hits.marks.clear();
        self.hits.marks.resize(rules.pivots.len(), Mark::default());
        self.hits.seen.clear();
        self.hits.seen.resize(rules.clauses.len(), 0);
    }

    /// The rules that `record` matches, by index, in order.
    ///
    /// # Errors
    /// Where a rule looks: malformed JSON and arrays beyond the limits; and
    /// [`ErrorKind::MatchTooLong`].
    pub fn run(&mut self, rules: &RuleSet, window: &Window<'_>, record: Record<'_>) -> Result<&[u32], Error> {
        self.matched.clear();
        self.hits.begin();
        if rules.tree.slots() > 0 {
            let hits = &mut self.hits;
            self.fields.pick(window, record, &rules.tree, |leaf| hits.add(rules, leaf))?;
        }
        for hung in 0..=self.hits.list.len() {
            let clauses = match self.hits.list.get(hung) {
                Some(&predicate) => &rules.pivots[predicate as usize],
                None => &rules.always,
            };
            for &clause in clauses {
                if self.hits.first_look(clause) {
                    self.decide(&rules.clauses[clause as usize], record)?;
                }
            }
        }
        self.matched.sort_unstable();
        self.matched.dedup();
        Ok(&self.matched)
    }

    fn decide(&mut self, clause: &Clause, record: Record<'_>) -> Result<(), Error> {
        let matches = if self.hits.placed.is_empty() || clause.fields.len() < 2 {
            let hits = &self.hits;
            clause.fields.iter().all(|field| {
                field.any.iter().any(|&predicate| hits.hit(predicate))
                    || field.absent.is_some_and(|exists| !hits.hit(exists))
            })
        } else {
            self.hits.sort();
            let hits = &self.hits;
            let mut search = Search { hits, frames: self.fields.frames(), clause, chosen: &mut self.chosen, steps: 0 };
            search.chosen.clear();
            search
                .from(0)
                .map_err(|TooLong| Error::new(ErrorKind::MatchTooLong { rule: clause.rule }, record.offset))?
        };
        if matches {
            self.matched.push(clause.rule);
        }
        Ok(())
    }
}

impl Default for Matcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hits {
    fn begin(&mut self) {
        self.list.clear();
        self.placed.clear();
        self.in_order = false;
        // After four billion records the stamps would repeat.
        if self.now == u32::MAX {
            self.now = 0;
            self.marks.fill(Mark::default());
            self.seen.fill(0);
        }
        self.now += 1;
    }

    fn add(&mut self, rules: &RuleSet, leaf: Leaf<'_>) -> Result<(), ErrorKind> {
        let mut full = false;
        rules.slots[leaf.slot as usize].classify(leaf.value, |predicate| {
            let mark = &mut self.marks[predicate as usize];
            if mark.hit != self.now {
                self.list.push(predicate);
            } else if mark.frame == leaf.frame {
                return;
            }
            (mark.hit, mark.frame) = (self.now, leaf.frame);
            if leaf.frame == 0 {
                mark.outside = self.now;
            } else if self.placed.len() < MAX_VALUES {
                self.placed.push((predicate, leaf.frame));
            } else {
                full = true;
            }
        });
        if full { Err(ErrorKind::TooManyValues) } else { Ok(()) }
    }

    /// Puts the hits inside arrays in order, each once.
    fn sort(&mut self) {
        if !std::mem::replace(&mut self.in_order, true) {
            self.placed.sort_unstable();
            self.placed.dedup();
        }
    }

    /// The frames inside arrays where a predicate was hit.
    fn frames(&self, predicate: PredicateId) -> impl Iterator<Item = FrameId> {
        let first = self.placed.partition_point(|&(other, _)| other < predicate);
        let hits = self.placed[first..].iter();
        hits.take_while(move |&&(other, _)| other == predicate).map(|&(_, frame)| frame)
    }

    fn hit(&self, predicate: PredicateId) -> bool {
        self.marks[predicate as usize].hit == self.now
    }

    fn hit_outside(&self, predicate: PredicateId) -> bool {
        self.marks[predicate as usize].outside == self.now
    }

    fn first_look(&mut self, clause: ClauseId) -> bool {
        let seen = &mut self.seen[clause as usize];
        std::mem::replace(seen, self.now) != self.now
    }
}

/// The search for a choice of array elements under which a clause matches.
struct Search<'a> {
    hits: &'a Hits,
    frames: &'a [Frame],
    clause: &'a Clause,
    chosen: &'a mut Vec<Choice>,
    steps: u32,
}

/// The search took more than [`MAX_MATCH_STEPS`].
struct TooLong;

impl Search<'_> {
    /// Whether the fields from `number` on can match beside what is chosen. A
    /// clause has at most 256 fields, which bounds the recursion.
    fn from(&mut self, number: usize) -> Result<bool, TooLong> {
        let Some(field) = self.clause.fields.get(number) else { return Ok(true) };
        let (hits, before) = (self.hits, self.chosen.len());
        if field.any.iter().any(|&predicate| hits.hit_outside(predicate)) {
            // It agrees with every choice and chooses nothing itself. No other
            // value of this field can do better, unless a choice were to rule
            // out the elements where something to be absent is.
            let best = number >= self.clause.last_absent;
            if self.from(number + 1)? {
                return Ok(true);
            }
            if best {
                return Ok(false);
            }
        }
        for &predicate in &field.any {
            for frame in hits.frames(predicate) {
                if self.choose(frame)? && self.from(number + 1)? {
                    return Ok(true);
                }
                self.chosen.truncate(before);
            }
        }
        match field.absent {
            Some(exists) if !self.exists(exists)? => self.from(number + 1),
            _ => Ok(false),
        }
    }

    /// Whether a value that hits `exists` agrees with what is chosen.
    fn exists(&mut self, exists: PredicateId) -> Result<bool, TooLong> {
        let (hits, before) = (self.hits, self.chosen.len());
        if hits.hit_outside(exists) {
            return Ok(true);
        }
        for frame in hits.frames(exists) {
            let agrees = self.choose(frame)?;
            self.chosen.truncate(before);
            if agrees {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the elements around `frame` to the choices, if they agree.
    fn choose(&mut self, mut frame: FrameId) -> Result<bool, TooLong> {
        let before = self.chosen.len();
        while frame != 0 {
            self.step()?;
            let Frame { up, array, index } = self.frames[frame as usize];
            match self.chosen.iter().find(|choice| choice.array == array) {
                Some(choice) if choice.index != index => {
                    self.chosen.truncate(before);
                    return Ok(false);
                }
                Some(_) => {}
                None => self.chosen.push(Choice { array, index }),
            }
            frame = up;
        }
        Ok(true)
    }

    fn step(&mut self) -> Result<(), TooLong> {
        self.steps += 1;
        if self.steps > MAX_MATCH_STEPS { Err(TooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::buffer::Buffer;
    use crate::rule::{Pattern, Rule};

    fn rules(patterns: &[&str]) -> RuleSet {
        RuleSet::new(patterns.iter().map(|text| Rule::new("r", Pattern::from_json(text).unwrap())).collect())
    }

    /// The rules that each record matches, one record after the other with the same scratch space.
    fn run(rules: &RuleSet, records: &[&str]) -> Vec<Vec<u32>> {
        let mut matcher = Matcher::new();
        matcher.reset(rules);
        let run_one = |text: &&str| {
            let mut buffer = Buffer::new(&Limits::default());
            buffer.spare()[..text.len()].copy_from_slice(text.as_bytes());
            buffer.fill(text.len());
            let record = Record { start: 0, end: text.len(), offset: 0, number: 1, inner: &[] };
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
    fn stamps_that_run_out_start_again() {
        let rules = rules(&[r#"{"a":[1]}"#]);
        let mut matcher = Matcher::new();
        matcher.reset(&rules);
        let mut buffer = Buffer::new(&Limits::default());
        let text = br#"{"a":1}{"a":2}"#;
        buffer.spare()[..text.len()].copy_from_slice(text);
        buffer.fill(text.len());
        let record = |start: usize| Record { start, end: start + 7, offset: start as u64, number: 1, inner: &[] };
        let verdict =
            |matcher: &mut Matcher, start| matcher.run(&rules, &buffer.window(), record(start)).map(<[u32]>::to_vec);
        assert_eq!(verdict(&mut matcher, 0), Ok(vec![0]));
        matcher.hits.now = u32::MAX - 1;
        for _ in 0..3 {
            assert_eq!(verdict(&mut matcher, 0), Ok(vec![0]));
            assert_eq!(verdict(&mut matcher, 7), Ok(vec![]));
        }
    }
}
