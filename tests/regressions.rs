//! The fuzzer's checks as ordinary tests: on everything it ever found (`fuzz/regressions`), on its seeds, and on small
//! changes of both.
#![cfg(feature = "handler")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use checks::common::Random;
use std::fs;
use std::path::Path;

fn inputs(folder: &str, check: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(check);
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn what_the_fuzzer_found_stays_right() {
    for (name, check) in checks::CHECKS {
        inputs("regressions", name).iter().for_each(|input| check(input));
    }
}

#[test]
fn seeds_and_their_neighbours_are_right() {
    for (name, check) in checks::CHECKS {
        let seeds = inputs("seeds", name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        let mut random = Random::new(11);
        for seed in &seeds {
            check(seed);
            for _ in 0..200 {
                let mut changed = seed.clone();
                for _ in 0..=random.below(3) {
                    let at = random.below(changed.len().max(1));
                    match (random.below(3), changed.get_mut(at)) {
                        (0, Some(byte)) => *byte ^= 1 << random.below(8),
                        (1, Some(_)) => drop(changed.remove(at)),
                        _ => changed.insert(at.min(changed.len()), b"\"\\{}[]:, a1"[random.below(11)]),
                    }
                }
                check(&changed);
            }
        }
    }
}
