//! `scan` and `preview` from outside: inputs, filters, outputs, workers side by side, terminals, and S3.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![cfg(feature = "cli")]

mod common;
#[cfg(feature = "aws")]
mod standin;

use common::{Random, gzip};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

struct Run {
    out: String,
    err: String,
    status: i32,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailwire"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn run(arguments: &[&str]) -> Run {
    let output = command(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { out: text(output.stdout), err: text(output.stderr), status: output.status.code().unwrap() }
}

/// A record of CloudTrail's shape.
fn record(name: &str, time: &str, account: &str, region: &str) -> Value {
    json!({"eventVersion": "1.11", "eventTime": time, "eventSource": "iam.amazonaws.com", "eventName": name,
        "awsRegion": region, "recipientAccountId": account, "sourceIPAddress": "192.0.2.1",
        "userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::123456789012:user/alice"}})
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn log(records: &[Value]) -> Vec<u8> {
    json!({"Records": records}).to_string().into_bytes()
}

/// The event names of the records that are printed, in order.
fn names(run: &Run) -> Vec<String> {
    let name = |line: &str| serde_json::from_str::<Value>(line).unwrap()["eventName"].as_str().unwrap().to_owned();
    run.out.lines().map(name).collect()
}

#[test]
fn filters_let_pass_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["123456789012", "210987654321"];
    let mut old = record("E", "2026-11-01T10:00:00Z", one, "eu-west-1");
    old.as_object_mut().unwrap().remove("recipientAccountId");
    old["userIdentity"]["accountId"] = other.into();
    let records = [
        record("A", "2026-10-31T23:59:59Z", one, "eu-west-1"),
        record("B", "2026-11-01T00:00:00Z", one, "eu-west-1"),
        record("C", "2026-11-01T12:00:00Z", other, "us-east-1"),
        record("D", "2026-11-02T00:00:00Z", one, "us-east-1"),
        old,
        json!({"eventName": "F"}),
    ];
    let file = write(&folder, "log.json", &log(&records));
    for (filters, expected) in [
        (&["--since", "2026-11-01"][..], "BCDEF"),
        (&["--until", "2026-11-01T12:00:00Z"], "ABEF"),
        (&["--since", "2026-11-01", "--until", "2026-11-02"], "BCEF"),
        (&["--account", one], "ABD"),
        (&["--account", other], "CE"),
        (&["--account", one, "--account", other], "ABCDE"),
        (&["--region", "us-east-1"], "CD"),
        (&["--region", "us-east-1", "--account", one, "--since", "2026-11-01"], "D"),
        (&["--since", "2026-11-01", "-p", r#"{"eventName":["A","C"]}"#], "C"),
    ] {
        let found = run(&[&["scan", "-o", "record", &file], filters].concat());
        assert_eq!((names(&found).concat(), found.status), (expected.to_owned(), 0), "{filters:?}: {}", found.err);
    }
    let nothing = run(&["scan", "-o", "count", "--since", "2030-01-01", "-p", r#"{"eventName":["A"]}"#, &file]);
    assert_eq!((&nothing.out[..], nothing.status), ("0\tpattern-1\n", 1));
}

#[test]
fn a_filter_that_cannot_be_read_is_an_error_and_no_empty_answer() {
    for filters in [
        &["--since", "yesterweek"][..],
        &["--since", "2026-02-30"],
        &["--until", ""],
        &["--account", "12345"],
        &["--region", "Ireland"],
        &["--since", "2026-11-02", "--until", "2026-11-01"],
    ] {
        let found = run(&[&["scan", "testdata/bucket"], filters].concat());
        assert!(found.status == 2 && found.out.is_empty() && !found.err.is_empty(), "{filters:?}: {}", found.out);
    }
}

#[test]
fn names_of_files_rule_out_only_what_was_delivered_before() {
    let folder = tempfile::tempdir().unwrap();
    let name = |time: &str| format!("123456789012_CloudTrail_eu-west-1_{time}_abcdefghijklmnop.json");
    let of = |event: &str| log(&[record(event, "2026-11-05T00:00:00Z", "123456789012", "eu-west-1")]);
    // What its records say is true of the first too, but it is not opened.
    write(&folder, &name("20261101T0000Z"), &of("A"));
    write(&folder, &name("20261106T0000Z"), &of("B"));
    write(&folder, &name("20270101T0000Z"), &of("C"));
    write(&folder, "copy.json", &of("D"));
    let found = run(&["scan", "-o", "record", "--since", "2026-11-04", folder.path().to_str().unwrap()]);
    assert_eq!(names(&found).concat(), "BCD");
    assert!(found.err.contains("3 files, 3 records, 3 matches, 1 skipped (delivered before --since)"), "{}", found.err);
    let found = run(&["scan", "-o", "record", "--until", "2026-11-06", folder.path().to_str().unwrap()]);
    assert_eq!(names(&found).concat(), "ABCD");
}

#[test]
fn globs_and_exports_of_lookup_events_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a1.json", "a2.json", "b.json", "c/a3.json"] {
        write(&folder, name, &log(&[record(name, "2026-11-01T00:00:00Z", "123456789012", "eu-west-1")]));
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let found = run(&["scan", "-o", "record", &path("a*.json"), &path("c*")]);
    assert_eq!(names(&found), ["a1.json", "a2.json", "c/a3.json"]);
    let none = run(&["scan", &path("x*.json")]);
    assert!(none.status == 2 && none.err.contains("no file has such a name"), "{}", none.err);

    let event = |name: &str| {
        let record = record(name, "2026-11-01T00:00:00Z", "123456789012", "eu-west-1");
        json!({"EventId": "1", "EventName": name, "CloudTrailEvent": record.to_string()})
    };
    let export = json!({"Events": [event("X"), event("Y\u{1f600}\"")], "NextToken": "t"});
    let export = write(&folder, "export.json", serde_json::to_string_pretty(&export).unwrap().as_bytes());
    let found = run(&["scan", "-o", "record", "-p", r#"{"eventSource":["iam.amazonaws.com"]}"#, &export]);
    assert_eq!((names(&found), found.status), (vec!["X".to_owned(), "Y\u{1f600}\"".into()], 0), "{}", found.err);
    let zipped = write(&folder, "zipped.json.gz", &gzip(&fs::read(&export).unwrap()));
    let found = run(&["scan", "-o", "record", &zipped]);
    assert_eq!((names(&found).len(), found.status), (2, 0), "{}", found.err);
    assert!(found.err.contains("1 file, 2 records, 2 matches"), "{}", found.err);
    let twice = [fs::read(&export).unwrap(), fs::read(&export).unwrap()].concat();
    let twice = write(&folder, "twice.json", &twice);
    assert_eq!(names(&run(&["scan", "-o", "record", &twice])).len(), 4);
    let cut = fs::read(&export).unwrap();
    let cut = write(&folder, "cut.json", &cut[..cut.len() - 40]);
    let found = run(&["scan", "-o", "record", &cut]);
    assert!(found.status == 2 && found.err.contains("truncated export of lookup-events at line "), "{}", found.err);
    assert!(!found.out.is_empty());
}

/// Many files of random sizes, some bad, with far more output than may wait.
fn many(folder: &TempDir) {
    let mut random = Random::new(3);
    for number in 0..120 {
        let count = if number % 30 == 7 { 4_000 } else { random.below(40) };
        let records: Vec<_> = (0..count)
            .map(|at| record(&format!("E{number}-{at}"), "2026-11-01T00:00:00Z", "123456789012", "eu-west-1"))
            .collect();
        let mut bytes = log(&records);
        if number % 20 == 3 {
            bytes.truncate(bytes.len() / 2);
        }
        if number % 2 == 0 {
            bytes = gzip(&bytes);
        }
        write(folder, &format!("{number:03}.json"), &bytes);
    }
}

#[test]
fn any_number_of_workers_prints_what_one_does() {
    let folder = tempfile::tempdir().unwrap();
    many(&folder);
    let path = folder.path().to_str().unwrap();
    for output in ["record", "text", "csv", "count", "table", "json"] {
        let alone = run(&["scan", "-j", "1", "-o", output, path]);
        assert_eq!(alone.status, 2);
        assert_eq!(alone.err.lines().filter(|line| line.contains("byte")).count(), 6, "{}", alone.err);
        for jobs in ["2", "7"] {
            let found = run(&["scan", "-j", jobs, "-o", output, path]);
            assert!(found.out == alone.out && found.err == alone.err, "{output}, {jobs} workers: {}", found.err);
        }
    }
    let all = run(&["scan", "-j", "1", "-o", "record", path]).out;
    for limit in [1, 17, 5_000] {
        let found = run(&["scan", "-j", "4", "-o", "record", "--limit", &limit.to_string(), path]);
        let expected: String = all.lines().take(limit).map(|line| format!("{line}\n")).collect();
        assert!(found.out == expected, "{limit}");
    }
    assert_eq!(run(&["scan", "--limit", "3", "-o", "record", "testdata/bucket"]).status, 0);
}

#[test]
fn what_lies_behind_a_limit_is_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<_> =
        (0..3_000).map(|_| record("A", "2026-11-01T00:00:00Z", "123456789012", "eu-west-1")).collect();
    write(&folder, "a.json", &log(&records));
    for name in ["b.json", "c.json"] {
        write(&folder, name, &log(&records)[..5_000]);
    }
    let path = folder.path().to_str().unwrap();
    for _ in 0..20 {
        let found = run(&["scan", "-j", "3", "-o", "record", "--limit", "5", path]);
        assert_eq!((found.out.lines().count(), found.status), (5, 0), "{}", found.err);
        assert!(!found.err.contains("b.json"), "{}", found.err);
    }
    let found = run(&["scan", "-j", "3", "-o", "record", "--limit", "3001", path]);
    assert_eq!((found.out.lines().count(), found.status), (3_001, 0), "{}", found.err);
    let found = run(&["scan", "-j", "3", "-o", "record", "--limit", "100000", path]);
    assert_eq!(found.status, 2);
}

#[test]
fn matches_are_printed_as_they_come() {
    let mut child =
        command(&["scan", "-o", "record", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(output));
    for name in ["A", "B", "C"] {
        let line = record(name, "2026-11-01T00:00:00Z", "123456789012", "eu-west-1").to_string();
        std::io::Write::write_all(&mut input, format!("{line}\n").as_bytes()).unwrap();
        // It would wait for ever if the program did.
        assert_eq!(lines.next().unwrap().unwrap(), line);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn nothing_at_all_is_no_error_where_it_is_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let export = write(&folder, "export.json", b"{\n    \"Events\": []\n}\n");
    let found = run(&["scan", "-o", "count", &export]);
    assert_eq!((&found.out[..], found.status), ("0\tevery-record\n", 1), "{}", found.err);
    let found = run(&["scan", "-o", "count", "-"]);
    assert_eq!((&found.out[..], found.status), ("0\tevery-record\n", 1), "{}", found.err);
    let empty = write(&folder, "empty.json", b"");
    assert_eq!(run(&["scan", &empty]).status, 2, "a file is another thing");
    let none = tempfile::tempdir().unwrap();
    let found = run(&["scan", none.path().to_str().unwrap()]);
    assert!(found.status == 1 && found.err.contains("nothing was read: "), "{}", found.err);
}

#[test]
#[cfg(unix)]
fn links_to_folders_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let one = |name: &str| log(&[record(name, "2026-11-01T00:00:00Z", "123456789012", "eu-west-1")]);
    write(&folder, "2026/a.json", &one("A"));
    let outside = tempfile::tempdir().unwrap();
    let file = write(&outside, "b.json", &one("B"));
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    link("2026", "latest");
    link("..", "loop");
    link("nowhere", "note.txt");
    link(&file, "linked.json");
    let found = run(&["scan", "-o", "record", folder.path().to_str().unwrap()]);
    assert_eq!((names(&found).concat(), found.status), ("AB".to_owned(), 0), "{}", found.err);
}

#[test]
fn columns_and_csv_hold_what_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut hostile = record("=cmd", "2026-11-01T00:00:00Z", "123456789012", "eu-west-1");
    hostile["userIdentity"]["userName"] = "a,\"b\"\n\u{1b}[31m".into();
    let file = write(&folder, "log.json", &log(&[hostile]));
    let found = run(&["scan", "-o", "csv", "--fields", "eventName,who,userIdentity.arn,nothing", &file]);
    assert_eq!(
        found.out,
        "eventName,who,userIdentity.arn,nothing\n'=cmd,\"a,\"\"b\"\"\n\\u001b[31m\",arn:aws:iam::123456789012:user/alice,\n"
    );
    let found = run(&["scan", "-o", "table", "--fields", "who,event", &file]);
    assert!(!found.out.contains('\u{1b}') && found.out.contains(r"\u001b[31m"), "{}", found.out);
    for arguments in
        [&["-o", "record", "--fields", "who"][..], &["-o", "csv", "--fields", "a,,b"], &["--stats", "-o", "csv"]]
    {
        assert_eq!(run(&[&["scan", &file], arguments].concat()).status, 2, "{arguments:?}");
    }
}

#[test]
fn stats_and_preview_sum_up() {
    let stats = run(&["scan", "--stats", "testdata/bucket"]);
    assert!(stats.out.starts_with("records: 69\n\nevents:\n  8  s3:GetBucketAcl\n"), "{}", stats.out);
    assert!(stats.out.contains("\nprincipals:\n  17  invoice-worker/invoice-worker\n") && !stats.out.contains('█'));
    assert!(stats.out.ends_with("\nhours:\n  69  2026-10-14T09\n"), "{}", stats.out);

    let preview = run(&["preview", "-r", "tutorial", "-p", r#"{"eventName":["NoSuchCall"]}"#, "testdata/bucket"]);
    let expected = "[MEDIUM] sns-topic-created: 6 matches, 6 alerts\n  2026-10-14  6 alerts\n";
    assert!(preview.out.starts_with(expected), "{}", preview.out);
    assert!(preview.out.contains("\n  by alice 5, deployer/release-417 1\n"), "{}", preview.out);
    assert!(preview.out.ends_with("\nnever matched: pattern-1\nin all: 7 messages in 5 PublishBatch calls\n"));
    assert_eq!(preview.status, 0);
    assert_eq!(run(&["preview", "testdata/bucket"]).status, 2);
}

#[test]
fn completions_name_commands_and_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).out;
        assert!(script.contains("test-pattern") && script.contains("since"), "{shell}");
    }
}

/// The examples of the help and of the README, as printed.
#[test]
fn examples_run_as_they_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut records = Vec::new();
    for (at, name) in ["ConsoleLogin", "CreateTopic", "DeleteTopic", "Decrypt"].iter().enumerate() {
        let mut one = record(name, "2026-11-01T00:00:00Z", "123456789012", "eu-west-1");
        one["eventSource"] =
            ["signin", "sns", "sns", "kms"].map(|name| format!("{name}.amazonaws.com"))[at].clone().into();
        one["errorCode"] = "AccessDenied".into();
        one["errorMessage"] = "Failed authentication".into();
        records.push(one);
    }
    write(&folder, "event.json", records[1].to_string().as_bytes());
    write(&folder, "logs/1.json.gz", &gzip(&log(&records)));
    write(&folder, "more.json.gz", &gzip(&log(&records)));
    write(&folder, "rules.yaml", &fs::read(root.join("rules/tutorial.yaml")).unwrap());
    let link = |name: &str| std::os::unix::fs::symlink(root.join(name), folder.path().join(name)).unwrap();
    link("testdata");
    let bin = Path::new(env!("CARGO_BIN_EXE_trailwire")).parent().unwrap();
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();

    let mut lines: Vec<String> = Vec::new();
    for arguments in
        [&["scan"][..], &["preview"], &["check"], &["test-pattern"], &["explain"], &["completions"], &["invoke"]]
    {
        let help = run(&[arguments, &["--help"]].concat()).out;
        let before = lines.len();
        lines.extend(
            help.lines().filter(|line| line.starts_with("  ") && line.contains("trailwire ")).map(str::to_owned),
        );
        assert!(lines.len() > before, "{arguments:?} has no example");
        let (examples, usage) = (help.find("Example").unwrap(), help.find("Usage:").unwrap());
        assert!(examples < usage, "{arguments:?}: the examples come first");
    }
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let mut block = "";
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some(language) => {
                block = if block.is_empty() { if language.is_empty() { "plain" } else { language } } else { "" }
            }
            // What begins with $ has its output below, and synopses are no commands.
            None if block == "console" && line.starts_with("$ ") => lines.push(line[2..].to_owned()),
            None => {}
        }
    }
    for line in &lines {
        if line.contains("jq ") && !has("jq") || line.contains("s3://") || line.contains("cargo ") {
            continue;
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let output =
            Command::new("sh").args(["-c", line]).current_dir(folder.path()).env("PATH", path).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        // 1 is for nothing that matched, or a finding; 2 is an error.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{line}: {err}");
        assert!(!output.stdout.is_empty() || line.contains('>') || output.status.code() == Some(1), "{line}: {err}");
    }
    assert!(lines.len() >= 15, "{lines:?}");
}

#[cfg(unix)]
mod terminal {
    use super::*;
    use std::fs::File;
    use std::io::Read as _;

    /// Runs the program on a pseudo-terminal of some width; returns what is shown there.
    fn shown(arguments: &[&str], width: u16, variables: &[(&str, &str)]) -> String {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = command(arguments);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(variables.iter().copied());
        let mut child = command.stdin(Stdio::null()).stdout(open()).stderr(open()).spawn().unwrap();
        // The command holds the other end open too.
        drop(command);
        let reader = std::thread::spawn(move || {
            let (mut all, mut master) = (Vec::new(), File::from(master));
            // At the end of the last process on it, a terminal gives an error.
            let _ = master.read_to_end(&mut all);
            String::from_utf8(all).unwrap().replace("\r\n", "\n")
        });
        child.wait().unwrap();
        reader.join().unwrap()
    }

    #[test]
    fn a_terminal_gets_a_table_that_fits_in_colour() {
        let all = shown(&["scan", "testdata/bucket"], 100, &[]);
        assert!(all.contains("time") && all.contains("\u{1b}["), "{all}");
        assert!(all.contains("69 records"), "{all}");
        let plain = shown(&["scan", "-q", "testdata/bucket"], 130, &[("NO_COLOR", "1")]);
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert_eq!(plain.lines().count(), 70);
        for line in plain.lines() {
            assert!(line.chars().count() <= 130, "{line}");
        }
        assert!(plain.lines().nth(1).unwrap().contains("sns:CreateTopic"), "{plain}");
        let stats = shown(&["scan", "-q", "--stats", "testdata/bucket"], 100, &[]);
        assert!(stats.contains('█'), "{stats}");
    }

    #[test]
    fn long_work_shows_how_far_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let record = record("A", "2026-11-01T00:00:00Z", "123456789012", "eu-west-1").to_string();
        let text = format!("{{\"Records\":[{}]}}", vec![record; 300_000].join(","));
        let file = write(&folder, "large.json", text.as_bytes());
        let pattern = r#"{"userAgent":[{"wildcard":"*a*b*c*"}]}"#;
        // Two seconds of it, also on a fast machine.
        let work = [&["scan", "-j", "1", "-o", "count", "-p", pattern][..], &[&file[..]; 24]].concat();
        let all = shown(&work, 120, &[]);
        assert!(all.contains("records/s") && all.contains("% done"), "{all}");
        assert!(all.contains("24 files, 7200000 records, 0 matches"), "{all}");
        let quiet = shown(&["scan", "-q", "-o", "count", "-p", pattern, &file], 120, &[]);
        assert_eq!(quiet, "0\tpattern-1\n");
    }
}

/// Objects in a bucket. The program knows AWS where all features are on, as under `cargo test`.
#[cfg(feature = "aws")]
mod s3 {
    use super::standin::s3::{S3, S3Fault};
    use super::*;

    fn run_at(s3: &S3, arguments: &[&str]) -> Run {
        let mut command = command(arguments);
        command.env_clear().envs([("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")]);
        command.envs([("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true")]);
        let output = command.args(["--endpoint-url", &s3.url()]).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run { out: text(output.stdout), err: text(output.stderr), status: output.status.code().unwrap() }
    }

    const ONE: &str = "123456789012";
    const OTHER: &str = "210987654321";

    /// An organization's trail: two accounts, two regions, and days; and a folder of something else.
    fn trail() -> S3 {
        let s3 = S3::start();
        for account in [ONE, OTHER] {
            for region in ["eu-west-1", "us-east-1"] {
                for (month, day) in [(10, 30), (11, 1), (11, 2)] {
                    for file in 0..2 {
                        let time = format!("2026-{month}-{day:02}T08:00:00Z");
                        let event = format!("{account}/{region}/{day:02}/{file}");
                        let key = format!(
                            "p/AWSLogs/o-1234/{account}/CloudTrail/{region}/2026/{month}/{day:02}/\
                             {account}_CloudTrail_{region}_2026{month}{day:02}T0805Z_{file}.json.gz"
                        );
                        s3.put("logs", &key, None, gzip(&log(&[record(&event, &time, account, region)])));
                    }
                }
            }
            s3.put("logs", &format!("p/AWSLogs/o-1234/{account}/Config/eu-west-1/x.json"), None, *b"{}");
        }
        s3.put("logs", "p/AWSLogs/", None, *b"");
        s3.put(
            "odd",
            "a b+c/\u{1}\u{e9}%20&<.json",
            None,
            log(&[record("odd", "2026-11-01T08:00:00Z", ONE, "eu-west-1")]),
        );
        s3.page(3);
        s3
    }

    #[test]
    fn a_prefix_is_read_whole_in_order_of_its_keys() {
        let s3 = trail();
        let all = run_at(&s3, &["scan", "-o", "record", "s3://logs/p/"]);
        let names = names(&all);
        assert_eq!((names.len(), all.status), (24, 0), "{}", all.err);
        // October's 30th comes before November.
        assert!(names.is_sorted_by_key(|name| name.replace("/30/", "/00/")), "{names:?}");
        assert!(
            all.err.contains("24 files, 24 records, 24 matches, 2 skipped (Config), 1 skipped (a folder)"),
            "{}",
            all.err
        );
        let some = run_at(&s3, &["scan", "-o", "record", &format!("s3://logs/p/AWSLogs/o-1234/{ONE}/CloudTrail/us")]);
        assert_eq!(super::names(&some).len(), 6);
        assert_eq!(super::names(&run_at(&s3, &["scan", "-o", "record", "s3://odd/a b"])), ["odd"]);
        let key = format!("p/AWSLogs/o-1234/{OTHER}/CloudTrail/us-east-1/2026/11/01/");
        let behind = run_at(&s3, &["scan", "-o", "record", "--start-after", &key, "s3://logs"]);
        assert_eq!(super::names(&behind).len(), 4, "{}", behind.err);
    }

    #[test]
    fn filters_are_turned_into_what_is_listed() {
        let s3 = trail();
        let arguments =
            ["scan", "-o", "record", "--account", ONE, "--region", "us-east-1", "--since", "2026-11-01T00:30"];
        let found = run_at(&s3, &[&arguments[..], &["s3://logs/p/"]].concat());
        let expected = ["01/0", "01/1", "02/0", "02/1"].map(|rest| format!("{ONE}/us-east-1/{rest}"));
        assert_eq!((names(&found), found.status), (expected.to_vec(), 0), "{}", found.err);
        let listings = s3.listings();
        for ruled_out in [OTHER, "eu-west-1", "/2026/10/", "Config/"] {
            assert!(listings.iter().all(|prefix| !prefix.contains(ruled_out)), "{ruled_out}: {listings:?}");
        }
        assert_eq!(s3.log().len(), 4, "and nothing else was opened");
        // Without the layout there is nothing to follow, and nothing is lost.
        s3.put("flat", "a/b/c/copy.json", None, log(&[record("X", "2026-11-01T08:00:00Z", ONE, "us-east-1")]));
        let found = run_at(&s3, &[&arguments[..], &["s3://flat/"]].concat());
        assert_eq!(names(&found), ["X"]);
        let behind = ["--start-after", &format!("p/AWSLogs/o-1234/{ONE}/CloudTrail/us-east-1/2026/11/02/")];
        let found = run_at(&s3, &[&arguments[..], &behind, &["s3://logs/p/"]].concat());
        assert_eq!(names(&found), expected[2..]);
    }

    #[test]
    fn what_fails_is_named_and_the_rest_is_read() {
        let s3 = trail();
        let key = format!(
            "p/AWSLogs/o-1234/{ONE}/CloudTrail/eu-west-1/2026/10/30/{ONE}_CloudTrail_eu-west-1_20261030T0805Z_0.json.gz"
        );
        s3.always("logs", &key, Some(S3Fault::Status(403, "AccessDenied", "Access Denied")));
        let found = run_at(&s3, &["scan", "-o", "record", "s3://logs/p/", "s3://no-such-bucket/", "testdata/bucket"]);
        assert_eq!((found.out.lines().count(), found.status), (23 + 69, 2), "{}", found.err);
        assert!(found.err.contains(&format!("s3://logs/{key}: S3 refused it with AccessDenied")), "{}", found.err);
        assert!(found.err.contains("s3://no-such-bucket/: S3 refused to list it with NoSuchBucket"), "{}", found.err);

        // A throttled listing is asked for again.
        s3.fault("logs", "", S3Fault::Status(503, "SlowDown", "Reduce your request rate."));
        s3.always("logs", &key, None);
        assert_eq!(names(&run_at(&s3, &["scan", "-o", "record", "s3://logs/p/"])).len(), 24);
        s3.always("logs", "", Some(S3Fault::Status(403, "AccessDenied", "Access Denied")));
        let found = run_at(&s3, &["scan", "s3://logs/p/"]);
        assert!(found.status == 2 && found.err.contains("check that you have s3:ListBucket"), "{}", found.err);
    }

    #[test]
    fn options_of_s3_are_for_s3() {
        for arguments in [&["--start-after", "k"][..], &["--endpoint-url", "http://localhost:1"]] {
            let found = run(&[&["scan", "testdata/bucket"], arguments].concat());
            assert!(found.status == 2 && found.err.contains("for s3:// only"), "{}", found.err);
        }
    }
}
