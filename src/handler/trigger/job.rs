//! Jobs that go through objects which are there: S3 Batch Operations, and the
//! Distributed Map of Step Functions.

use super::{BatchJob, ObjectRef, Objects, Part, Task, TriggerError};
use serde_json::Value;
use std::slice;

/// A request of S3 Batch Operations.
pub(super) fn batch(event: &Value) -> Result<BatchJob, TriggerError> {
    let job = Part::new("an S3 Batch Operations request", event);
    job.check_version("/invocationSchemaVersion", &["1", "2"])?;
    let tasks = job.list("/tasks")?;
    Ok(BatchJob {
        schema_version: job.needed("/invocationSchemaVersion")?.to_owned(),
        invocation_id: job.needed("/invocationId")?.to_owned(),
        tasks: tasks.iter().map(task).collect::<Result<_, _>>()?,
    })
}

/// A task; one without an id cannot be answered, so that the request fails.
fn task(task: &Value) -> Result<Task, TriggerError> {
    let task = Part::new("an S3 Batch Operations task", task);
    Ok(Task { id: task.needed("/taskId")?.to_owned(), object: target(task) })
}

fn target(task: Part<'_>) -> Result<ObjectRef, TriggerError> {
    // Version 2 has the name, and version 1 the ARN.
    let bucket = match task.optional("/s3Bucket")? {
        Some(name) => name,
        None => task.needed("/s3BucketArn")?.rsplit(':').next().unwrap_or_default(),
    };
    if bucket.is_empty() {
        return Err(TriggerError(format!("{} whose /s3BucketArn ends without a name", task.what)));
    }
    Ok(ObjectRef {
        bucket: bucket.to_owned(),
        key: task.encoded_key("/s3Key")?,
        version: task.optional("/s3VersionId")?.map(str::to_owned),
        stored: None,
    })
}

/// Items of a Distributed Map, whose keys are not encoded: a batch of them, or
/// one by itself. Those of `ListObjectsV2` have no bucket, which then comes
/// with the batch.
pub(super) fn items(event: &Value) -> Result<Objects, TriggerError> {
    let batch = Part::new("a Step Functions batch", event);
    let items = match event.get("Items") {
        None | Some(Value::Null) => slice::from_ref(event),
        Some(_) => batch.list("/Items")?,
    };
    let bucket = batch.optional("/BatchInput/Bucket")?;
    Ok(Objects::gather("item", items.iter().map(|it| item(it, bucket))))
}

fn item(item: &Value, bucket: Option<&str>) -> Result<Objects, TriggerError> {
    let item = Part::new("a Step Functions item", item);
    let Some(bucket) = item.optional("/Bucket")?.or(bucket) else {
        return Err(TriggerError(format!("{} without /Bucket or a /BatchInput/Bucket beside it", item.what)));
    };
    Ok(Objects::one(ObjectRef {
        bucket: bucket.to_owned(),
        key: item.needed("/Key")?.to_owned(),
        version: item.optional("/VersionId")?.map(str::to_owned),
        // Inventories have it, also in this form.
        stored: item.time("/LastModifiedDate"),
    }))
}
