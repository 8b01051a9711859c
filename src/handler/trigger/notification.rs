//! Notifications that an object was written: of S3, of S3 through EventBridge,
//! and of CloudTrail.

use super::{ObjectRef, Objects, Part, TriggerError, kind, quoted};
use serde_json::Value;
use std::slice;

/// The object that a record of an S3 notification names, if it was created.
pub(super) fn s3(record: &Value) -> Result<Objects, TriggerError> {
    let record = Part::new("an S3 notification", record);
    record.check_version("/eventVersion", &["2"])?;
    // Some emulators write the name as it stands in the configuration. Without
    // one the object is read: that costs at worst an error, and no alert.
    if let Some(name) = record.optional("/eventName")?
        && !name.strip_prefix("s3:").unwrap_or(name).starts_with("ObjectCreated")
    {
        return Ok(Objects::default());
    }
    Ok(Objects::one(ObjectRef {
        bucket: record.needed("/s3/bucket/name")?.to_owned(),
        key: record.encoded_key("/s3/object/key")?,
        version: record.optional("/s3/object/versionId")?.map(str::to_owned),
        stored: record.time("/eventTime"),
    }))
}

/// The object that an event of S3's names, if it was created. Its key is not
/// encoded.
pub(super) fn event_bridge(event: &Value) -> Result<Objects, TriggerError> {
    let event = Part::new("an EventBridge event", event);
    let (source, what) = (event.needed("/source")?, event.needed("/detail-type")?);
    if source != "aws.s3" || !what.starts_with("Object ") {
        let (source, what) = (quoted(source), quoted(what));
        return Err(TriggerError(format!(
            "unknown event: EventBridge with source {source} and detail-type {what}; expected aws.s3 and Object Created"
        )));
    }
    event.check_version("/detail/event-version", &["1"])?;
    if what != "Object Created" {
        return Ok(Objects::default());
    }
    Ok(Objects::one(ObjectRef {
        bucket: event.needed("/detail/bucket/name")?.to_owned(),
        key: event.needed("/detail/object/key")?.to_owned(),
        version: event.optional("/detail/object/version-id")?.map(str::to_owned),
        stored: event.time("/time"),
    }))
}

/// The objects that CloudTrail's own notification names. Their keys are not
/// encoded.
pub(super) fn cloudtrail(event: &Value, keys: &Value) -> Result<Objects, TriggerError> {
    let bucket = Part::new("a CloudTrail notification", event).needed("/s3Bucket")?;
    let keys = keys.as_array().map_or(slice::from_ref(keys), Vec::as_slice);
    let objects = keys.iter().map(|key| match key.as_str() {
        Some(key) if !key.is_empty() => {
            Ok(Objects::one(ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version: None, stored: None }))
        }
        _ => Err(TriggerError(format!("s3ObjectKey has {}", kind(key)))),
    });
    Ok(Objects::gather("key", objects))
}
