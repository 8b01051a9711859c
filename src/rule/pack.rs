//! The rule files that come with the program.

/// A ready-made rule file.
#[derive(Clone, Copy, Debug)]
pub struct Pack {
    /// Its name, which stands where a file's path would.
    pub name: &'static str,
    /// One line on what it watches.
    pub about: &'static str,
    /// The file, as YAML.
    pub text: &'static str,
}

/// All of them.
pub const PACKS: &[Pack] = &[
    Pack {
        name: "tutorial",
        about: "SNS topics created and deleted, as in the AWS guide \"Using AWS Lambda with AWS CloudTrail\"",
        text: include_str!("../../rules/tutorial.yaml"),
    },
    Pack {
        name: "cis",
        about: "the monitoring controls of the CIS AWS Foundations Benchmark",
        text: include_str!("../../rules/cis.yaml"),
    },
];
