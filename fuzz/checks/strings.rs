//! Strings against serde_json: what it accepts is unescaped to the same text, as a value and as a key, and what it
//! refuses is not taken for anything else.

use trailwire::Scalar;
use trailwire::picker::Picker;

pub(crate) fn check(data: &[u8]) {
    let Ok(raw) = str::from_utf8(data) else { return };
    let quoted = format!("\"{raw}\"");
    let expected: Option<String> = serde_json::from_str(&quoted).ok();

    let mut picker = Picker::new();
    picker.want("k");
    let mut found = Vec::new();
    let result = picker.pick(format!("{{\"k\":{quoted}}}").as_bytes(), |_, value| {
        if let Scalar::String(text) = value {
            found.push(text.to_vec());
        }
    });
    match &expected {
        Some(text) => assert!(result.is_ok() && found == [text.as_bytes()], "{quoted}: {found:?} {result:?}"),
        // A lone surrogate is let pass, as what it is: no UTF-8. Else there is an error, or the text had a quote in it
        // and was more than a string.
        None => assert!(
            result.is_err() || raw.contains('"') || found.iter().all(|text| str::from_utf8(text).is_err()),
            "{quoted}: {found:?}"
        ),
    }

    let Some(text) = expected.filter(|text| !text.contains('.') && !text.is_empty()) else { return };
    let mut picker = Picker::new();
    picker.want(&text);
    let mut values = 0;
    picker.pick(format!("{{\"other\":1,{quoted}:true}}").as_bytes(), |_, _| values += 1).unwrap();
    assert_eq!(values, 1 + usize::from(text == "other"), "{quoted} as a key");
}
