//! What the SDK's errors mean.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Why a request was not answered as it should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There was no answer, or none that could be read.
    NoAnswer(&'static str),
    /// The request cannot be made.
    NoRequest,
    /// The service said no.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The error code; empty where there is none.
        code: String,
        /// Whether the message mentions a KMS key, which S3 does not tell by
        /// its code.
        kms: bool,
    },
}

impl Refusal {
    /// Takes from an error what is safe to tell: a service's message may quote
    /// what it was sent.
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::TimeoutError(_) => Self::NoAnswer("no answer in time"),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::NoAnswer("no connection in time"),
            SdkError::DispatchFailure(failure) if failure.is_io() => Self::NoAnswer("the connection broke off"),
            SdkError::DispatchFailure(_) => Self::NoAnswer("no connection, or no credentials for it"),
            SdkError::ResponseError(_) => Self::NoAnswer("an answer that cannot be read"),
            SdkError::ServiceError(refused) => Self::Answer {
                status: refused.raw().status().as_u16(),
                code: refused.err().code().unwrap_or_default().chars().take(64).collect(),
                kms: refused.err().message().is_some_and(|message| message.contains("kms:")),
            },
            _ => Self::NoRequest,
        }
    }

    /// Whether the same request may succeed later: too many requests, a fault of
    /// the service's, credentials that have just run out.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::NoRequest => false,
            Self::Answer { status, code, .. } => {
                // 501 is an answer that stays; SNS and S3 throttle with 400, 403, 429 and 503.
                (*status >= 500 && *status != 501) || *status == 429 || is_transient(code)
            }
        }
    }

    /// What to do about one that is transient.
    pub(super) fn try_again(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => "try again; check credentials and network: a VPC needs endpoints for S3 and SNS",
            Self::NoRequest | Self::Answer { .. } => "try again",
        }
    }

    /// In few words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::NoAnswer(what) => (*what).to_owned(),
            Self::NoRequest => "the request cannot be made (check the region and the endpoint)".to_owned(),
            Self::Answer { status, code, .. } if code.is_empty() => format!("status {status}"),
            Self::Answer { status, code, .. } => format!("{} (status {status})", crate::alert::plain(code)),
        }
    }
}

/// Whether an error code is of something that passes.
pub(super) fn is_transient(code: &str) -> bool {
    matches!(
        code,
        "Throttled"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "KMSThrottling"
            | "KMSThrottlingException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "BandwidthLimitExceeded"
            | "LimitExceededException"
            | "PriorRequestNotComplete"
            | "TransactionInProgressException"
            | "EC2ThrottledException"
            | "SlowDown"
            | "RequestTimeout"
            | "RequestTimeoutException"
            | "InternalError"
            | "InternalFailure"
            | "ServiceUnavailable"
            | "OperationAborted"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "TokenRefreshRequired"
    )
}
