//! A folder in place of a bucket.

use crate::handler::{Body, Broken, Fault, ObjectRef, Source};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Bytes read at once: below 64 KiB inflate slows down.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// Serves objects from a folder: `DIR/BUCKET/KEY` where the folder has one for
/// the bucket, and else `DIR/KEY`.
pub(super) struct FolderSource {
    folder: PathBuf,
}

impl FolderSource {
    /// A source on `folder`, which must be there.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        if !folder.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { folder })
    }

    /// The file that holds an object. A key is somebody else's text and must
    /// not lead out of the folder, by its parts or by a symbolic link.
    fn path(&self, object: &ObjectRef) -> Result<PathBuf, Fault> {
        let refuse = |what: &str| Fault::permanent(format!("the key is refused: {what}"));
        if object.key.starts_with('/') {
            return Err(refuse("it is absolute"));
        }
        for part in object.key.split('/') {
            match part {
                "" => return Err(refuse("it has an empty part")),
                "." | ".." => return Err(refuse("it has a . or .. part")),
                _ if part.contains(['\\', '\0', ':']) && cfg!(windows) || part.contains('\0') => {
                    return Err(refuse("it has a character that no file name can have"));
                }
                _ => {}
            }
        }
        let is_name = !matches!(&object.bucket[..], "" | "." | "..") && !object.bucket.contains(['/', '\\', '\0']);
        let bucket = self.folder.join(&object.bucket);
        let folder = if is_name && bucket.is_dir() { &bucket } else { &self.folder };
        let path = folder.join(&object.key).canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(),
            _ => Fault::permanent(format!("cannot be opened: {error}")),
        })?;
        if path.starts_with(&self.folder) { Ok(path) } else { Err(refuse("it leads out of the folder")) }
    }
}

fn missing() -> Fault {
    Fault::permanent("there is no such object (check the key, and the folder given with --bucket-dir)")
}

impl Source for FolderSource {
    type Body = FileBody;

    async fn open(&self, object: &ObjectRef) -> Result<FileBody, Fault> {
        let path = self.path(object)?;
        if !path.is_file() {
            return Err(missing());
        }
        File::open(path).map(FileBody).map_err(|error| Fault::permanent(format!("cannot be opened: {error}")))
    }
}

/// A file, read where it is called: nothing else waits in the meantime.
pub(super) struct FileBody(File);

impl Body for FileBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let length = self.0.read(&mut chunk).map_err(|error| Fault::transient(format!("cannot be read: {error}")))?;
        chunk.truncate(length);
        Ok((length > 0).then(|| chunk.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let inside = outside.path().join("in");
        std::fs::create_dir_all(inside.join("b/c")).unwrap();
        std::fs::write(inside.join("b/c/k"), "x").unwrap();
        std::fs::write(inside.join("plain"), "x").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path().join("secret"), inside.join("link")).unwrap();
        let source = FolderSource::new(&inside).unwrap();
        let path = |bucket: &str, key: &str| {
            source.path(&ObjectRef { bucket: bucket.into(), key: key.into(), version: None, stored: None })
        };
        assert!(path("b", "c/k").is_ok() && path("other", "plain").is_ok() && path("..", "plain").is_ok());
        for key in ["../secret", "/etc/hostname", "b/../../secret", "./plain", "b//c/k", "b/c/k/", "", "a\0b"] {
            assert!(path("other", key).unwrap_err().reason.contains("refused"), "{key:?}");
        }
        assert!(path("..", "secret").unwrap_err().reason.contains("no such object"));
        #[cfg(unix)]
        assert!(path("other", "link").unwrap_err().reason.contains("refused"));
    }
}
