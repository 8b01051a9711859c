//! The Lambda function's handler between other ends than S3 and SNS: objects are files, and alerts are counted by rule
//! and severity. All that the handler promises holds here too: an alert that the sink does not accept is sent again, and
//! else its object has failed.
//!
//! ```sh
//! cargo run --example sink -- testdata/bucket testdata/events/s3.json
//! ```

#![allow(clippy::print_stdout, reason = "printing is what it does")]

use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, error::Error, fs};
use trailwire::RuleSet;
use trailwire::alert::Alert;
use trailwire::handler::{
    Answer, Body, Broken, Fault, Handler, ObjectRef, Outcome, Publish, Routes, Settings, Source, Topic,
};
use trailwire::rule::{self, Format, PACKS, RuleFile};

/// A folder as a bucket. Keys are trusted here; `trailwire invoke --bucket-dir` does not.
struct Folder(PathBuf);

/// What is left of a file.
struct Rest(Option<Bytes>);

impl Source for Folder {
    type Body = Rest;

    async fn open(&self, object: &ObjectRef) -> Result<Rest, Fault> {
        let bytes = fs::read(self.0.join(&object.key)).map_err(|error| Fault::permanent(error.to_string()))?;
        Ok(Rest(Some(bytes.into())))
    }
}

impl Body for Rest {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        Ok(self.0.take().filter(|bytes| !bytes.is_empty()))
    }
}

/// Counts alerts by what filter policies of SNS would see.
#[derive(Default)]
struct Counter(Mutex<BTreeMap<String, u32>>);

impl Publish for Counter {
    async fn batch(&self, _: &Topic, alerts: &[&Alert]) -> Answer {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for alert in alerts {
            let severity = alert.attributes.iter().find(|(name, _)| *name == "severity");
            let severity = severity.map_or("", |(_, value)| value.as_str());
            *counts.entry(format!("{severity} {}", alert.rule)).or_default() += 1;
        }
        // `Outcome::Retry` would have them sent again, `Outcome::Rejected` fails their objects.
        Answer::All(Outcome::Sent)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (Some(folder), Some(event)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("usage: sink FOLDER EVENT".into());
    };
    let files = PACKS.iter().map(|pack| RuleFile { name: pack.name.to_owned(), text: pack.text.to_owned() });
    let routes = Routes::new(Arc::new(RuleSet::new(rule::load(&files.collect::<Vec<_>>())?)), &None, Format::Json);
    let counter = Arc::new(Counter::default());
    let handler = Handler::new(routes, Settings::default(), Arc::new(Folder(folder.into())), Arc::clone(&counter));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let report = runtime.block_on(handler.invoke(&fs::read(event)?, None));
    for (what, count) in &*counter.0.lock().unwrap_or_else(PoisonError::into_inner) {
        println!("{count:>3} {what}");
    }
    match report.response {
        Ok(_) => Ok(()),
        Err(reason) => Err(reason.into()),
    }
}
