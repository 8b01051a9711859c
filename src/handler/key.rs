//! What an object's key says about it.

/// Folders behind `AWSLogs/[o-id/]account/` that hold something else than
/// CloudTrail events. Only those that are known are skipped: whatever is not,
/// is opened, since an object that is skipped in error is a lost alert.
const OTHER_FOLDERS: [&str; 10] = [
    "CloudTrail-Digest",
    "Config",
    "GuardDuty",
    "WAFLogs",
    "elasticloadbalancing",
    "globalaccelerator",
    "network-firewall",
    "redshift",
    "vpcdnsquerylogs",
    "vpcflowlogs",
];

/// Why an object is no log file, if its key says so: it names a folder, or lies
/// in a known folder of something else.
#[must_use]
pub fn skip_reason(key: &str) -> Option<&'static str> {
    if key.ends_with('/') { Some("a folder") } else { other_folder(key) }
}

/// The known folder of something else that a key, or a local path, lies in.
#[must_use]
pub fn other_folder(key: &str) -> Option<&'static str> {
    // A prefix is free text and may have an AWSLogs of its own: the last counts.
    let mut rest = key;
    let mut folder = None;
    while let Some(at) = rest.find("AWSLogs/") {
        let whole_segment = at == 0 || rest.as_bytes()[at - 1] == b'/';
        rest = &rest[at + "AWSLogs/".len()..];
        if whole_segment && let Some(found) = folder_behind(rest) {
            folder = Some(found);
        }
    }
    OTHER_FOLDERS.into_iter().find(|&other| folder == Some(other))
}

/// The folder in `[o-id/]account/folder/…`.
fn folder_behind(rest: &str) -> Option<&str> {
    let mut segments = rest.split('/');
    let mut account = segments.next()?;
    if account.starts_with("o-") {
        account = segments.next()?;
    }
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let folder = segments.next()?;
    // The last segment is a file's name.
    (is_account && segments.next().is_some()).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_folders_are_skipped() {
        for (key, reason) in [
            ("AWSLogs/123456789012/CloudTrail/eu-west-1/2026/10/14/x.json.gz", None),
            ("AWSLogs/123456789012/CloudTrail-Digest/eu-west-1/x.json.gz", Some("CloudTrail-Digest")),
            ("p/AWSLogs/o-abc/123456789012/Config/x", Some("Config")),
            ("AWSLogs/123456789012/CloudTrail-Insight/x.json.gz", None),
            ("AWSLogs/123456789012/CloudTrail-Aggregated/x.json.gz", None),
            ("AWSLogs/123456789012/CloudTrail/", Some("a folder")),
            ("AWSLogs/123456789012/NewService/x", None),
            ("AWSLogs/123456789012/Config/AWSLogs/210987654321/CloudTrail/x.json.gz", None),
            ("AWSLogs/123456789012/CloudTrail/AWSLogs/210987654321/vpcflowlogs/x.gz", Some("vpcflowlogs")),
            ("MyAWSLogs/123456789012/Config/x", None),
            ("AWSLogs/123456789012/Config", None),
            ("CloudTrail-Digest/x.json.gz", None),
            ("AWSLogs/CloudTrail-Digest/x/y", None),
            ("", None),
        ] {
            assert_eq!(skip_reason(key), reason, "{key}");
        }
    }
}
