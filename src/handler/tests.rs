//! The handler on objects and topics made for it.

use super::*;
use crate::alert::Alert;
use bytes::Bytes;
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bodies by key: for each time that it is opened its chunks, of which the last
/// may be a break; the last body again and again.
#[derive(Default)]
struct Store {
    bodies: HashMap<String, Vec<Vec<Result<Bytes, Broken>>>>,
    opened: Mutex<HashMap<String, usize>>,
    /// How many are open, and the most that ever were.
    open: Arc<AtomicUsize>,
    most: AtomicUsize,
}

struct Chunks(VecDeque<Result<Bytes, Broken>>, Arc<AtomicUsize>);

impl Drop for Chunks {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Source for Store {
    type Body = Chunks;

    async fn open(&self, object: &ObjectRef) -> Result<Chunks, Fault> {
        let bodies = self.bodies.get(&object.key).ok_or_else(|| Fault::permanent("missing"))?;
        self.most.fetch_max(self.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let mut opened = self.opened.lock().unwrap();
        let time = opened.entry(object.key.clone()).or_default();
        *time += 1;
        let body = bodies.get(*time - 1).or(bodies.last()).unwrap();
        Ok(Chunks(body.iter().cloned().collect(), self.open.clone()))
    }
}

impl Body for Chunks {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        tokio::task::yield_now().await;
        let chunk = self.0.pop_front().transpose()?;
        match chunk.as_deref() {
            Some(b"panic") => panic!("on purpose"),
            Some(b"stall") => std::future::pending().await,
            _ => Ok(chunk),
        }
    }
}

/// Takes batches, and keeps them; what it answers is `answer`'s affair.
struct Topics<F> {
    batches: Mutex<Vec<(Topic, Vec<Alert>)>>,
    answer: F,
}

impl<F: Fn(&[&Alert]) -> Answer + Send + Sync + 'static> Publish for Topics<F> {
    async fn batch(&self, topic: &Topic, alerts: &[&Alert]) -> Answer {
        assert!((1..=BATCH_ENTRIES).contains(&alerts.len()));
        let copies = alerts.iter().copied().cloned().collect();
        self.batches.lock().unwrap().push((topic.clone(), copies));
        (self.answer)(alerts)
    }
}

impl<F> Topics<F> {
    /// All names, in order, since lanes take turns as they like.
    fn sorted(&self) -> Vec<String> {
        let mut names = self.names().concat();
        names.sort();
        names
    }

    /// The names in each batch.
    fn names(&self) -> Vec<Vec<String>> {
        let batches = self.batches.lock().unwrap();
        batches.iter().map(|(_, alerts)| alerts.iter().map(|alert| event_name(alert).to_owned()).collect()).collect()
    }
}

fn event_name(alert: &Alert) -> &str {
    alert.attributes.iter().find(|(name, _)| *name == "eventName").map_or("", |(_, value)| value)
}

/// Answers with what `outcome` says of an alert; leaves out the rest behind
/// one for which that is `None`.
fn topics(
    outcome: impl Fn(&Alert) -> Option<Outcome> + Send + Sync + 'static,
) -> Arc<Topics<impl Fn(&[&Alert]) -> Answer + Send + Sync + 'static>> {
    answering(move |alerts| Answer::Each(alerts.iter().map_while(|alert| outcome(alert)).collect()))
}

fn answering<F: Fn(&[&Alert]) -> Answer + Send + Sync + 'static>(answer: F) -> Arc<Topics<F>> {
    Arc::new(Topics { batches: Mutex::default(), answer })
}

fn accept(_: &Alert) -> Option<Outcome> {
    Some(Outcome::Sent)
}

/// True for the first `n` calls.
fn first(n: usize) -> impl Fn() -> bool + Send + Sync + 'static {
    let calls = AtomicUsize::new(0);
    move || calls.fetch_add(1, Ordering::SeqCst) < n
}

/// A file whose records have these names, as one chunk.
fn file(names: &[&str]) -> Vec<Result<Bytes, Broken>> {
    let records: Vec<_> = names.iter().map(|name| json!({"eventName": name})).collect();
    vec![Ok(json!({"Records": records}).to_string().into())]
}

fn store(files: &[(&str, Vec<Result<Bytes, Broken>>)]) -> Arc<Store> {
    let bodies = files.iter().map(|(key, chunks)| ((*key).to_owned(), vec![chunks.clone()]));
    Arc::new(Store { bodies: bodies.collect(), ..Store::default() })
}

fn s3(keys: &[&str]) -> Value {
    let records = keys.iter().map(|key| {
        json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "b"}, "object": {"key": key}}})
    });
    json!({"Records": records.collect::<Value>()})
}

fn sqs(messages: &[(&str, &[&str])], queue: &str) -> Value {
    let records = messages.iter().map(|(id, keys)| {
        json!({"eventSource": "aws:sqs", "eventSourceARN": queue, "messageId": id, "body": s3(keys).to_string()})
    });
    json!({"Records": records.collect::<Value>()})
}

/// Two rules: every name that begins with x; and `xy` to a topic of its own.
fn rules() -> Vec<Rule> {
    let mut own = Rule::from_pattern("own", r#"{"eventName":["xy"]}"#).unwrap();
    own.topic_arn = Some("own-topic".into());
    vec![Rule::from_pattern("all", r#"{"eventName":[{"prefix":"x"}]}"#).unwrap(), own]
}

fn settings() -> Settings {
    let retry = Retry { attempts: 3, base: Duration::from_micros(100), cap: Duration::from_micros(100) };
    Settings { retry, ..Settings::default() }
}

fn run(event: &Value, store: &Arc<Store>, topics: &Arc<impl Publish>) -> Report {
    run_with(rules(), settings(), None, event, store, topics)
}

/// Runs one invocation, and holds its accounts against each other.
fn run_with(
    rules: Vec<Rule>,
    settings: Settings,
    time: Option<Duration>,
    event: &Value,
    store: &Arc<Store>,
    topics: &Arc<impl Publish>,
) -> Report {
    let routes = Routes::new(Arc::new(RuleSet::new(rules)), &Some("topic".into()), Format::Text);
    let handler = Handler::new(routes, settings, store.clone(), topics.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let report = runtime.block_on(async {
        let deadline = time.map(|time| Instant::now() + time);
        handler.invoke(event.to_string().as_bytes(), deadline).await
    });
    assert!(report.totals.add_up(), "{:?}", report.totals);
    let failed = report.objects.iter().any(|object| object.failure().is_some());
    assert!(failed || report.totals.fate(Fate::Failed) == 0, "{report:?}");
    report
}

fn failed(report: &Report) -> String {
    let failures = report.response.as_ref().unwrap()["batchItemFailures"].as_array().unwrap().clone();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn alerts_of_all_objects_share_batches_by_topic() {
    let names: Vec<String> = (0..7).map(|n| format!("x{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let store = store(&[("1", file(&names)), ("2", file(&["a", "xy"])), ("3", file(&names))]);
    let topics = topics(accept);
    let report = run(&s3(&["1", "2", "3"]), &store, &topics);
    assert_eq!(report.response, Ok(Value::Null));
    let matches: Vec<_> = report.objects.iter().map(|object| object.counts.matches).collect();
    assert_eq!(matches, [7, 2, 7]);
    let mut sizes: Vec<_> =
        topics.batches.lock().unwrap().iter().map(|(topic, alerts)| (topic.clone().unwrap(), alerts.len())).collect();
    sizes.sort();
    assert_eq!(sizes, [("own-topic".into(), 1), ("topic".into(), 5), ("topic".into(), 10)]);
}

#[test]
fn a_batch_stays_below_the_bytes_of_one_call() {
    let record = json!({"eventName": "x", "requestParameters": "p".repeat(100_000)});
    let text = json!({"Records": vec![record; 5]}).to_string();
    let topics = topics(accept);
    run(&s3(&["1"]), &store(&[("1", vec![Ok(text.into())])]), &topics);
    let sizes: Vec<_> = topics.names().iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn every_alert_that_was_not_accepted_fails_its_object_and_no_other() {
    let store = store(&[("1", file(&["x1"])), ("2", file(&["x2", "x3"])), ("3", file(&["x4"]))]);
    let event = sqs(&[("A", &["1"]), ("B", &["2"]), ("C", &["3"])], "q");
    let refused = [Outcome::Retry("throttled".into()), Outcome::Rejected("refused".into())];
    for outcome in refused {
        let topics = topics({
            let outcome = outcome.clone();
            move |alert| Some(if event_name(alert) == "x3" { outcome.clone() } else { Outcome::Sent })
        });
        assert_eq!(failed(&run(&event, &store, &topics)), "B", "{outcome:?}");
    }
    // No outcome at all for the last two, however often they are sent.
    let topics = topics(|alert| (event_name(alert) < "x3").then_some(Outcome::Sent));
    let one_lane = Settings { lanes: 1, ..settings() };
    let report = run_with(rules(), one_lane, None, &event, &store, &topics);
    assert_eq!(failed(&report), "BC");
    assert!(report.objects[1].failure().unwrap().contains("1 of 2 alerts were not accepted: the answer does not"));
    assert_eq!(topics.names(), [vec!["x1", "x2", "x3", "x4"], vec!["x3", "x4"], vec!["x3", "x4"]]);
}

#[test]
fn matches_before_a_fault_are_published_and_the_object_fails() {
    let mut broken = file(&["x1", "x2"]);
    let cut = broken[0].clone().unwrap();
    broken[0] = Ok(cut.slice(..cut.len() - 5));
    for last in [Err(Fault::transient("connection reset").into()), Ok(Bytes::from_static(b"\"a}}garbage"))] {
        let mut chunks = broken.clone();
        chunks.push(last);
        let topics = topics(accept);
        let report = run(&s3(&["1", "2"]), &store(&[("1", chunks), ("2", file(&["x3"]))]), &topics);
        assert!(matches!(report.objects[0].status, Status::Failed(_)));
        assert_eq!(report.objects[1].status, Status::Done);
        assert!(report.response.unwrap_err().starts_with("s3://b/1: "));
        assert_eq!(topics.sorted(), ["x1", "x3"]);
    }
}

#[test]
fn when_all_messages_failed_the_invocation_fails() {
    let report = run(&sqs(&[("A", &["1"]), ("B", &["2"])], "q"), &Arc::default(), &topics(accept));
    let error = report.response.unwrap_err();
    assert!(error.contains("message A: s3://b/1: missing") && error.contains("message B"), "{error}");
}

#[test]
fn a_fifo_queue_stops_at_the_first_failure_also_of_an_alert() {
    let store = store(&[("1", file(&["x1"])), ("2", file(&["x2"])), ("3", file(&["x3"]))]);
    let event = sqs(&[("A", &["1"]), ("B", &["2"]), ("C", &["3"])], "arn:q.fifo");
    let topics =
        topics(|alert| Some(if event_name(alert) == "x2" { Outcome::Retry("r".into()) } else { Outcome::Sent }));
    assert_eq!(failed(&run(&event, &store, &topics)), "BC");
    assert_eq!(topics.names(), [["x1"], ["x2"], ["x2"], ["x2"]], "one after the other, and the second three times");
}

#[test]
fn what_cannot_be_read_of_an_event_fails_beside_the_objects_that_can() {
    let store = store(&[("1", file(&["x1"]))]);
    let report = run(&s3(&["1", "%zz"]), &store, &topics(accept));
    assert_eq!((report.objects.len(), &report.objects[0].status), (1, &Status::Done));
    assert!(report.response.unwrap_err().contains("record 2: an S3 notification with a badly encoded key"));
    // Also in a message; and a message that has no id cannot fail alone.
    let mut event = sqs(&[("A", &["1", "%zz"]), ("B", &["1"])], "q");
    let report = run(&event, &store, &topics(accept));
    assert_eq!((failed(&report), report.objects.len()), ("A".to_owned(), 2));
    event["Records"][0]["messageId"] = Value::Null;
    let report = run(&event, &store, &topics(accept));
    assert_eq!(report.objects.len(), 2);
    assert!(report.response.unwrap_err().contains("message without messageId: record 2"));
}

#[test]
fn a_message_without_objects_succeeds() {
    let report = run(&sqs(&[("A", &[]), ("B", &["1"])], "q"), &store(&[("1", file(&[]))]), &topics(accept));
    assert_eq!(failed(&report), "");
}

#[test]
fn nothing_leaks_from_one_object_to_the_next() {
    let store = store(&[("1", vec![Ok("{\"Records\":[{\"eventName\":\"x".into())]), ("2", file(&["a"]))]);
    let report = run(&s3(&["1", "2", "missing"]), &store, &topics(accept));
    let counts: Vec<_> = report.objects.iter().map(|o| (o.counts.records, o.counts.matches)).collect();
    assert_eq!(counts, [(0, 0), (1, 0), (0, 0)]);
    assert_eq!(report.objects[1].status, Status::Done);
}

#[test]
fn what_may_pass_is_sent_again_alone_and_counted() {
    let store = store(&[("1", file(&["x1", "x2", "x3"]))]);
    let busy = first(1);
    let topics = topics(move |alert| {
        Some(if event_name(alert) == "x2" && busy() { Outcome::Retry("throttled".into()) } else { Outcome::Sent })
    });
    let report = run(&s3(&["1"]), &store, &topics);
    assert_eq!(topics.names(), [vec!["x1", "x2", "x3"], vec!["x2"]]);
    let totals = report.totals;
    assert_eq!((totals.fate(Fate::Published), totals.publish_calls, totals.retries), (3, 2, 1));
    assert_eq!(report.objects[0].status, Status::Done);
}

#[test]
fn a_batch_that_is_too_long_is_halved() {
    let names: Vec<String> = (0..8).map(|n| format!("x{n}")).collect();
    let store = store(&[("1", file(&names.iter().map(String::as_str).collect::<Vec<_>>()))]);
    let topics = answering(|alerts| {
        Answer::All(if alerts.len() > 3 { Outcome::TooLong("BatchRequestTooLong".into()) } else { Outcome::Sent })
    });
    let report = run(&s3(&["1"]), &store, &topics);
    assert_eq!(report.totals.fate(Fate::Published), 8);
    let sizes: Vec<_> = topics.names().iter().map(Vec::len).collect();
    assert_eq!(sizes, [8, 4, 2, 2, 4, 2, 2]);
}

#[test]
fn one_alert_that_is_refused_harms_no_other_and_steps_down() {
    let mut records = json!({"Records": [{"eventName": "x1"}, {"eventName": "x2"}, {"eventName": "x3"}]});
    records["Records"][1]["requestParameters"] = "poison".into();
    for (poison, fate) in [("poison", Fate::Pruned), ("\"x2\"", Fate::Pointer)] {
        let store = store(&[("1", vec![Ok(records.to_string().into())])]);
        let topics = answering(move |alerts| {
            let refused = alerts.iter().any(|alert| alert.body.contains(poison));
            Answer::All(if refused { Outcome::Refused("InvalidParameter".into()) } else { Outcome::Sent })
        });
        let report = run(&s3(&["1"]), &store, &topics);
        assert_eq!(report.objects[0].status, Status::Done);
        assert_eq!((report.totals.fate(Fate::Published), report.totals.fate(fate)), (2, 1));
    }
    // Refused whatever is in it: lost, and told.
    let topics = topics(|_| Some(Outcome::Refused("InvalidParameter".into())));
    let report = run(&s3(&["1"]), &store(&[("1", file(&["x1"]))]), &topics);
    assert!(report.objects[0].failure().unwrap().contains("InvalidParameter"));
    assert_eq!(topics.names().len(), 3, "once for each rung");
}

#[test]
fn a_replaced_object_is_read_afresh_and_alerts_on_nothing_twice() {
    let record = |name: &str, id: &str| json!({"eventName": name, "eventID": id}).to_string();
    let cut = format!("{{\"Records\":[{},{},", record("x1", "1"), record("x2", "2"));
    let whole = format!("{{\"Records\":[{},{}]}}", record("x2", "2"), record("x3", "3"));
    let store = Arc::new(Store {
        bodies: [("1".into(), vec![vec![Ok(cut.into()), Err(Broken::Replaced)], vec![Ok(whole.into())]])].into(),
        ..Store::default()
    });
    let topics = topics(accept);
    let report = run(&s3(&["1"]), &store, &topics);
    assert_eq!(topics.names(), [["x1", "x2", "x3"]]);
    let object = &report.objects[0];
    assert_eq!((&object.status, object.restarts, object.counts.matches), (&Status::Done, 1, 2));
    assert_eq!(report.totals.fate(Fate::Duplicate), 1);
    // Another record in the same place is another alert.
    let bodies = vec![vec![file(&["x1"]).remove(0), Err(Broken::Replaced)], file(&["x2"])];
    let store = Arc::new(Store { bodies: [("1".into(), bodies)].into(), ..Store::default() });
    let topics = self::topics(accept);
    run(&s3(&["1"]), &store, &topics);
    assert_eq!(topics.names(), [["x1", "x2"]]);
}

#[test]
fn an_object_that_is_replaced_again_and_again_fails() {
    let store = store(&[("1", vec![Err(Broken::Replaced)])]);
    let report = run(&s3(&["1"]), &store, &topics(accept));
    assert!(report.objects[0].failure().unwrap().contains("another object took its place 4 times"));
}

#[test]
fn a_panic_is_its_objects_failure_and_no_other() {
    let mut broken = file(&["x1"]);
    broken.push(Ok(Bytes::from_static(b"panic")));
    let store = store(&[("1", broken), ("2", file(&["x2"]))]);
    let topics = topics(accept);
    let report = run(&s3(&["1", "2", "1", "2"]), &store, &topics);
    for object in [0, 2] {
        assert!(report.objects[object].failure().unwrap().contains("a panic"), "{report:?}");
    }
    assert_eq!(report.objects[1].status, Status::Done);
    // What was found before it is alerted on all the same.
    assert_eq!(topics.sorted(), ["x1", "x2"]);
    assert_eq!(report.totals.fate(Fate::Duplicate), 2);
}

#[test]
fn at_the_deadline_what_is_not_done_has_failed() {
    let mut stalled = file(&["x1"]);
    stalled.push(Ok(Bytes::from_static(b"stall")));
    let store = store(&[("1", file(&["x1"])), ("2", stalled)]);
    let report = run_with(
        rules(),
        settings(),
        Some(Duration::from_millis(50)),
        &sqs(&[("A", &["1"]), ("B", &["2"])], "q"),
        &store,
        &topics(accept),
    );
    // The alerts of both wait in one open batch, which never left.
    let error = report.response.unwrap_err();
    assert!(error.contains("s3://b/2: the time left was over before it was read to its end"), "{error}");
    assert!(error.contains("s3://b/1: 1 of 1 alerts were not accepted: no answer"), "{error}");
    assert_eq!(report.totals.fate(Fate::Failed), 2);
}

#[test]
fn the_deadline_is_kept_also_within_one_large_chunk() {
    // Far more than can be read in a millisecond.
    let chunk = Bytes::from(vec![b' '; 64 << 20]);
    let store = store(&[("1", vec![Ok(chunk.clone())])]);
    let report = run_with(rules(), settings(), Some(Duration::from_millis(1)), &s3(&["1"]), &store, &topics(accept));
    assert!(report.response.unwrap_err().contains("the time left was over"));
    assert!(report.objects[0].counts.bytes < chunk.len() as u64);
}

#[test]
fn no_wait_goes_beyond_the_deadline() {
    let mut settings = settings();
    settings.retry = Retry { attempts: 100, base: Duration::from_secs(60), cap: Duration::from_secs(60) };
    let topics = topics(|_| Some(Outcome::Retry("throttled".into())));
    let begun = std::time::Instant::now();
    let time = Some(Duration::from_millis(20));
    let report = run_with(rules(), settings, time, &s3(&["1"]), &store(&[("1", file(&["x1"]))]), &topics);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(report.response.unwrap_err().contains("not accepted"));
}

#[test]
fn a_small_budget_delays_alerts_and_loses_none() {
    let names: Vec<String> = (0..100).map(|n| format!("x{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let files: Vec<_> = ["1", "2", "3", "4"].map(|key| (key, file(&names))).to_vec();
    for alert_bytes in [1, 5_000, 12_000, 1 << 20] {
        let settings = Settings { alert_bytes, calls: 2, ..settings() };
        let mut rules = rules();
        rules[0].max_alerts = Some(1_000);
        let topics = topics(accept);
        let report = run_with(rules, settings, None, &s3(&["1", "2", "3", "4"]), &store(&files), &topics);
        assert_eq!(report.response, Ok(Value::Null));
        assert_eq!(topics.names().iter().map(Vec::len).sum::<usize>(), 400);
    }
}

#[test]
fn no_more_objects_are_open_than_there_are_lanes() {
    let files: Vec<_> = ["1", "2", "3", "4", "5"].map(|key| (key, file(&["x"; 3]))).to_vec();
    for lanes in [1, 3] {
        let store = store(&files);
        let report = run_with(
            rules(),
            Settings { lanes, ..settings() },
            None,
            &s3(&["1", "2", "3", "4", "5"]),
            &store,
            &topics(accept),
        );
        assert_eq!(report.response, Ok(Value::Null));
        assert_eq!(store.most.load(Ordering::SeqCst), lanes);
    }
}

#[test]
fn a_storm_is_summarised_and_its_objects_wait_for_the_summary() {
    let names: Vec<String> = (0..30).map(|n| format!("x{n}")).collect();
    let store = store(&[("1", file(&names.iter().map(String::as_str).collect::<Vec<_>>()))]);
    let refusing = |refuse: bool| {
        topics(move |alert| {
            let summary = alert.subject.contains("more matches");
            Some(if summary && refuse { Outcome::Rejected("denied".into()) } else { Outcome::Sent })
        })
    };
    let topics = refusing(false);
    let report = run(&s3(&["1"]), &store, &topics);
    assert_eq!((report.totals.fate(Fate::Published), report.totals.fate(Fate::Summarised)), (20, 10));
    assert_eq!(topics.names().iter().map(Vec::len).sum::<usize>(), 21);
    let report = run(&s3(&["1"]), &store, &refusing(true));
    assert!(report.objects[0].failure().unwrap().contains("10 of 30 alerts were not accepted: denied"));
}

#[test]
fn rules_on_trial_and_the_functions_own_calls_publish_nothing() {
    let session = "arn:aws:sts::123456789012:assumed-role/r/f";
    let own = json!({"Records": [
        {"eventName": "GetObject", "eventSource": "s3.amazonaws.com", "userIdentity": {"type": "AssumedRole", "arn": session}},
        {"eventName": "GetObject", "eventSource": "s3.amazonaws.com", "userIdentity": {"type": "AssumedRole", "arn": "other"}},
    ]});
    let store = store(&[("1", file(&["x"])), ("2", vec![Ok(own.to_string().into())])]);
    let mut rules = rules();
    rules[0].mode = crate::rule::Mode::Observe;
    rules.push(Rule::from_pattern("reads", r#"{"eventName":["GetObject"]}"#).unwrap());
    let settings = Settings { own_session: Some(session.into()), ..settings() };
    let topics = topics(accept);
    let report = run_with(rules, settings, None, &s3(&["1", "2"]), &store, &topics);
    assert_eq!(topics.names(), [["GetObject"]]);
    let fates = [Fate::Published, Fate::Observed, Fate::Own].map(|fate| report.totals.fate(fate));
    assert_eq!((fates, report.response), ([1, 1, 1], Ok(Value::Null)));
}

#[test]
fn tasks_of_a_batch_job_are_answered_one_by_one() {
    let tasks = [("a", "1"), ("b", "missing"), ("c", "2"), ("d", "AWSLogs/123456789012/CloudTrail-Digest/x/y")];
    let tasks = tasks.map(|(id, key)| json!({"taskId": id, "s3Key": key, "s3VersionId": null, "s3Bucket": "b"}));
    let event = json!({"invocationSchemaVersion": "2.0", "invocationId": "i", "job": {"id": "j"}, "tasks": tasks});
    let store = store(&[("1", file(&["x"])), ("2", vec![Err(Fault::transient("reset").into())])]);
    let response = run(&event, &store, &topics(accept)).response.unwrap();
    assert_eq!((&response["invocationSchemaVersion"], &response["invocationId"]), (&json!("2.0"), &json!("i")));
    let results: Vec<_> =
        response["results"].as_array().unwrap().iter().map(|result| result["resultCode"].clone()).collect();
    assert_eq!(results, ["Succeeded", "PermanentFailure", "TemporaryFailure", "Succeeded"]);
    assert_eq!(response["results"][0]["resultString"], "records=1 matches=1");
    assert_eq!(response["results"][3]["resultString"], "skipped: CloudTrail-Digest");
    assert!(response["results"][1]["resultString"].as_str().unwrap().contains("s3://b/missing: missing"));
}

#[test]
fn items_of_a_map_are_answered_with_a_summary_or_an_error() {
    let store = store(&[("1", file(&["x", "a"]))]);
    let mut event = json!({"BatchInput": {"Bucket": "b"}, "Items": [{"Key": "1"}]});
    let response = run(&event, &store, &topics(accept)).response.unwrap();
    assert_eq!(response, json!({"objects": 1, "skipped": 0, "records": 2, "matches": 1, "alerts": 1}));
    event["Items"] = json!([{"Key": "1"}, {"Key": "2"}]);
    assert!(run(&event, &store, &topics(accept)).response.unwrap_err().contains("s3://b/2: missing"));
}

#[test]
fn what_repeats_an_alert_that_a_panic_dropped_has_failed_with_it() {
    let record = json!({"Records": [{"eventName": "x1", "eventID": "1"}]}).to_string();
    let store = store(&[("1", vec![Ok(record.clone().into())]), ("2", vec![Ok(record.into())])]);
    let report = run(&s3(&["1", "2"]), &store, &answering(|_| panic!("on purpose")));
    assert_eq!(report.totals.fate(Fate::Failed), 2);
    assert!(report.objects.iter().all(|object| object.failure().is_some()));
}
