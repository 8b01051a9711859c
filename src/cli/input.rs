//! What is read: paths on the command line to inputs, one after another.

use super::Failure;
use super::filter::Filter;
#[cfg(feature = "aws")]
use super::s3::Bucket;
use crate::handler::other_folder;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Where inputs come from, as options.
#[derive(clap::Args)]
pub(super) struct InputOptions {
    /// Files; folders, of which .json, .jsonl and .gz files are read; globs;
    /// - for standard input; s3://BUCKET/PREFIX
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// Of S3, only keys behind this one
    #[arg(long, value_name = "KEY", help_heading = "S3")]
    pub(super) start_after: Option<String>,
    /// Where S3 is, if not at AWS
    #[arg(long, value_name = "URL", help_heading = "S3")]
    pub(super) endpoint_url: Option<String>,
}

/// One file or object.
pub(super) enum Input {
    Standard,
    File(PathBuf),
    #[cfg(feature = "aws")]
    Object(std::sync::Arc<Bucket>, crate::handler::ObjectRef),
    /// It is not read, for a reason that is counted.
    Skipped(&'static str),
    /// It cannot be read: its name, and why.
    Failed(String, String),
}

impl Input {
    /// What it is called in output and errors.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Standard => "standard input".to_owned(),
            Self::File(path) => path.to_string_lossy().into_owned(),
            #[cfg(feature = "aws")]
            Self::Object(_, object) => format!("s3://{}/{}", object.bucket, object.key),
            Self::Skipped(_) => String::new(),
            Self::Failed(name, _) => name.clone(),
        }
    }

    /// Opens it.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read>> {
        match self {
            Self::Standard => Ok(Box::new(io::stdin())),
            Self::File(path) => Ok(Box::new(File::open(path)?)),
            #[cfg(feature = "aws")]
            Self::Object(bucket, object) => bucket.open(object),
            Self::Skipped(reason) => Err(io::Error::other(*reason)),
            Self::Failed(_, reason) => Err(io::Error::other(reason.clone())),
        }
    }
}

/// The inputs that the paths stand for, in their order; those of folders by
/// name.
pub(super) struct Inputs {
    paths: VecDeque<PathBuf>,
    filter: Filter,
    /// What the path in progress stands for.
    current: Option<Box<dyn Iterator<Item = Input> + Send>>,
    #[cfg(feature = "aws")]
    options: S3Options,
}

#[cfg(feature = "aws")]
struct S3Options {
    start_after: Option<String>,
    endpoint_url: Option<String>,
    /// Made when it is needed first.
    connection: Option<std::sync::Arc<super::s3::Connection>>,
}

impl InputOptions {
    /// Whether everything is a local file or folder, so that it can be looked
    /// through beforehand.
    pub(super) fn is_local(&self) -> bool {
        self.paths.iter().all(|path| s3_uri(path).is_none() && path != OsStr::new("-"))
    }

    /// Whether any of it is in S3, where many objects are read at once.
    pub(super) fn is_remote(&self) -> bool {
        self.paths.iter().any(|path| s3_uri(path).is_some())
    }

    /// The inputs.
    pub(super) fn inputs(&self, filter: &Filter) -> Result<Inputs, Failure> {
        if cfg!(not(feature = "aws")) && self.is_remote() {
            return Err(Failure::Usage("this build knows no AWS: s3:// needs one with --features aws".into()));
        }
        if !self.is_remote() && (self.start_after.is_some() || self.endpoint_url.is_some()) {
            return Err(Failure::Usage("--start-after and --endpoint-url are for s3:// only".into()));
        }
        Ok(Inputs {
            paths: self.paths.clone().into(),
            filter: filter.clone(),
            current: None,
            #[cfg(feature = "aws")]
            options: S3Options {
                start_after: self.start_after.clone(),
                endpoint_url: self.endpoint_url.clone(),
                connection: None,
            },
        })
    }
}

impl Iterator for Inputs {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(input) = current.next() {
                    return Some(self.admit(input));
                }
                self.current = None;
            }
            let path = self.paths.pop_front()?;
            self.current = Some(self.of(path));
        }
    }
}

impl Inputs {
    /// The inputs that one path stands for.
    fn of(&mut self, path: PathBuf) -> Box<dyn Iterator<Item = Input> + Send> {
        if path == OsStr::new("-") {
            return Box::new(std::iter::once(Input::Standard));
        }
        #[cfg(feature = "aws")]
        if let Some((bucket, prefix)) = s3_uri(&path) {
            return self.in_bucket(bucket, prefix);
        }
        if path.is_dir() {
            return Box::new(walk(path));
        }
        if !path.exists()
            && let Some(text) = path.to_str().filter(|text| text.contains(['*', '?', '[']))
        {
            return glob(text);
        }
        Box::new(std::iter::once(Input::File(path)))
    }

    #[cfg(feature = "aws")]
    fn in_bucket(&mut self, bucket: &str, prefix: &str) -> Box<dyn Iterator<Item = Input> + Send> {
        use super::s3::{Connection, Listing};
        let options = &mut self.options;
        let connection = match &options.connection {
            Some(connection) => std::sync::Arc::clone(connection),
            None => match Connection::new(options.endpoint_url.as_deref()) {
                Ok(connection) => std::sync::Arc::clone(options.connection.insert(std::sync::Arc::new(connection))),
                Err(error) => {
                    let failed = Input::Failed(format!("s3://{bucket}/{prefix}"), error.to_string());
                    return Box::new(std::iter::once(failed));
                }
            },
        };
        let bucket = Bucket::new(connection, bucket);
        Box::new(Listing::new(bucket, prefix, options.start_after.clone(), self.filter.clone()))
    }

    /// The input, unless its name says that there is nothing for us in it.
    fn admit(&self, input: Input) -> Input {
        if matches!(input, Input::Standard | Input::Skipped(_) | Input::Failed(..)) {
            return input;
        }
        let name = input.name();
        if let Some(reason) = other_folder(&name) {
            Input::Skipped(reason)
        } else if !self.filter.admits_file(&name) {
            Input::Skipped("delivered before --since")
        } else {
            input
        }
    }
}

/// Bucket, and prefix or key, of an `s3://` address.
pub(super) fn s3_uri(path: &Path) -> Option<(&str, &str)> {
    let rest = path.to_str()?.strip_prefix("s3://")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

fn walk(folder: PathBuf) -> impl Iterator<Item = Input> + Send {
    // Links to folders are not followed: what they lead to is most often read anyway, and would count twice.
    // By their whole paths, which in one folder differ in the names only: to take those out costs more than all else here.
    let by_name = |one: &DirEntry, other: &DirEntry| one.path().as_os_str().cmp(other.path().as_os_str());
    WalkDir::new(&folder).sort_by(by_name).into_iter().filter_map(move |entry| match entry {
        Ok(entry) => {
            let kind = entry.file_type();
            let is_file = kind.is_file() || kind.is_symlink() && entry.path().is_file();
            (is_file && is_log(entry.path())).then(|| Input::File(entry.into_path()))
        }
        Err(error) => {
            let name = error.path().unwrap_or(&folder).to_string_lossy().into_owned();
            Some(Input::Failed(name, error.to_string()))
        }
    })
}

/// Whether a folder's file is read.
fn is_log(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| ["json", "jsonl", "gz"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// What a pattern of names stands for, where no shell has done it.
fn glob(pattern: &str) -> Box<dyn Iterator<Item = Input> + Send> {
    let failed = |reason: &str| -> Box<dyn Iterator<Item = Input> + Send> {
        Box::new(std::iter::once(Input::Failed(pattern.to_owned(), reason.to_owned())))
    };
    match glob::glob(pattern) {
        Err(error) => failed(&format!("not a pattern of file names: {}", error.msg)),
        Ok(paths) => {
            let mut paths = paths.peekable();
            if paths.peek().is_none() {
                return failed("no file has such a name");
            }
            Box::new(paths.flat_map(|path| -> Box<dyn Iterator<Item = Input> + Send> {
                match path {
                    Ok(path) if path.is_dir() => Box::new(walk(path)),
                    Ok(path) if path.is_file() => Box::new(std::iter::once(Input::File(path))),
                    Ok(_) => Box::new(std::iter::empty()),
                    Err(error) => {
                        let name = error.path().to_string_lossy().into_owned();
                        Box::new(std::iter::once(Input::Failed(name, error.error().to_string())))
                    }
                }
            }))
        }
    }
}
