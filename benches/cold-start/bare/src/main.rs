//! A Lambda function that reads one object and publishes its size, without any care.

use aws_config::BehaviorVersion;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve())
}

async fn serve() -> Result<(), Error> {
    let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
    let (s3, sns) = (&aws_sdk_s3::Client::new(&config), &aws_sdk_sns::Client::new(&config));
    let function = |event: LambdaEvent<Value>| async move {
        let text = |name: &str| event.payload[name].as_str().unwrap_or_default().to_owned();
        let mut body = s3.get_object().bucket(text("bucket")).key(text("key")).send().await?.body;
        let mut bytes = 0;
        while let Some(chunk) = body.try_next().await? {
            bytes += chunk.len();
        }
        let entry = PublishBatchRequestEntry::builder().id("0").message(format!("{bytes} bytes")).build()?;
        sns.publish_batch().topic_arn(text("topic")).publish_batch_request_entries(entry).send().await?;
        Ok::<_, Error>(Value::Null)
    };
    lambda_runtime::run(service_fn(function)).await
}
