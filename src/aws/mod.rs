//! S3 and SNS.
//!
//! Clients are made once. Nothing here waits without a limit, and nothing is
//! tried again by the SDK: it would not resume a body, nor look at the entries
//! of a batch, and its tries would multiply with those made here.

mod fault;
mod list;
mod s3;
mod sns;

pub use list::{Listing, Page};
pub use s3::{S3Body, S3Source, Stored};
pub use sns::SnsPublisher;

use crate::handler::Retry;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use std::time::Duration;

/// How long to wait for whom, and how often to try.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the answer to a request; of an object, up to its body.
    pub answer: Duration,
    /// For the next bytes of a body.
    pub stall: Duration,
    /// How often to ask for an object, or for the rest of it, before some of it
    /// has come.
    pub retry: Retry,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            retry: Retry { attempts: 5, ..Retry::default() },
        }
    }
}

/// Clients for what the environment says: credentials, region and endpoints.
pub async fn connect(patience: &Patience) -> (S3Source, SnsPublisher) {
    let config = config(patience).await;
    (S3Source::new(s3_client(&config, None), *patience), SnsPublisher::new(config))
}

/// A client of S3 alone, as [`connect`] makes one; at `endpoint`, if one is
/// given.
pub async fn connect_s3(patience: &Patience, endpoint: Option<&str>) -> S3Source {
    S3Source::new(s3_client(&config(patience).await, endpoint), *patience)
}

async fn config(patience: &Patience) -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(patience.connect).operation_attempt_timeout(patience.answer).build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

fn s3_client(config: &SdkConfig, endpoint: Option<&str>) -> aws_sdk_s3::Client {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let ignored = std::env::var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_ok_and(|value| value == "true");
    // What stands in for S3 has one name for all buckets.
    let own_endpoint = endpoint.is_some() || !ignored && (set("AWS_ENDPOINT_URL_S3") || set("AWS_ENDPOINT_URL"));
    let mut config = aws_sdk_s3::config::Builder::from(config).force_path_style(own_endpoint);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    aws_sdk_s3::Client::from_conf(config.build())
}
