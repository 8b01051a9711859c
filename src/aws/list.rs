//! What lies in a bucket, a page at a time.

use super::S3Source;
use super::fault::Refusal;
use crate::handler::{Attempts, Fault, decode_key};
use aws_sdk_s3::types::EncodingType;

/// What is asked of a bucket.
#[derive(Clone, Debug, Default)]
pub struct Listing<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// What keys begin with.
    pub prefix: &'a str,
    /// Whether what lies behind the next slash is told as a folder, and not key
    /// by key.
    pub folders: bool,
    /// Only keys behind this one.
    pub start_after: Option<&'a str>,
    /// Where the page before ended: its [`Page::next`].
    pub from: Option<&'a str>,
}

/// Up to 1,000 keys and folders, both in order.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Keys.
    pub keys: Vec<String>,
    /// Keys up to the next slash.
    pub folders: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

impl S3Source {
    /// Reads a page of a listing.
    ///
    /// # Errors
    /// A bucket that cannot be listed, with what to check.
    pub async fn list(&self, listing: &Listing<'_>) -> Result<Page, Fault> {
        let mut attempts: Attempts = self.patience.retry.begin();
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(listing.bucket)
                .prefix(listing.prefix)
                // Or a key with a control character would be no XML, and the whole page be lost.
                .encoding_type(EncodingType::Url)
                .set_delimiter(listing.folders.then(|| "/".to_owned()))
                .set_start_after(listing.start_after.map(str::to_owned))
                .set_continuation_token(listing.from.map(str::to_owned));
            let refusal = match request.send().await {
                Ok(page) => {
                    return Ok(Page {
                        keys: decode(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key))?,
                        folders: decode(
                            page.common_prefixes.unwrap_or_default().into_iter().filter_map(|folder| folder.prefix),
                        )?,
                        next: page.next_continuation_token,
                    });
                }
                Err(error) => Refusal::of(&error),
            };
            if !refusal.is_transient() || !attempts.wait(None).await {
                return Err(fault(&refusal));
            }
        }
    }
}

/// Keys as they are: a page has them encoded as forms are.
fn decode(keys: impl Iterator<Item = String>) -> Result<Vec<String>, Fault> {
    let key =
        |key: String| decode_key(&key).map_err(|reason| Fault::permanent(format!("a key in the listing: {reason}")));
    keys.map(key).collect()
}

fn fault(refusal: &Refusal) -> Fault {
    if refusal.is_transient() {
        return Fault::transient(format!("S3 did not list it: {}", refusal.text()));
    }
    let advice = match refusal {
        Refusal::Answer { code, .. } if code == "NoSuchBucket" => ": check the bucket's name",
        Refusal::Answer { status: 401 | 403, .. } => ": check that you have s3:ListBucket on the bucket",
        Refusal::Answer { status: 301 | 307 | 400, .. } => ": the bucket may be in another region: set AWS_REGION",
        _ => "",
    };
    Fault::permanent(format!("S3 refused to list it with {}{advice}", refusal.text()))
}
