//! The kinds of trouble, how each is scripted, and whether an object can still be done then.

use super::world::{FIFO_TOPIC, Object, TEXT_TOPIC, TOPIC, record, stored};
use crate::common::Random;
use crate::standin::function::Function;
use crate::standin::http::WireFault;
use crate::standin::s3::S3Fault;
use crate::standin::sns::SnsFault;
use std::time::Duration;

/// Whether an object must be, may be or cannot be reported done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    Succeed,
    Either,
    Fail,
}

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// A kind of trouble.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind { $($kind),* }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];
        }
    };
}

kinds! {
    // Of S3.
    BodyCut BodyReset BodyStalled NoAnswerOfS3 S3Late S3Error S3SlowDown S3Timeout Replaced WrongChecksum
    AccessDenied KeyDenied Missing Archived
    // Of what is stored.
    Truncated BadCrc NotJson Panic
    // Of SNS.
    SnsError SnsUnavailable SnsTooMany SnsThrottled SnsKeyThrottled SnsDropped SnsReset SnsLate AnswerLost
    EntriesFailed EntriesRejected EntriesOmitted TopicDenied RefusedContent SmallTopic
    // Of time and of the event.
    SlowNearDeadline PastDeadline Poison DuplicateObjects DuplicateRecords
    // Nothing at all.
    Calm
}

impl Kind {
    /// Whether connections to S3 break.
    pub(crate) const fn breaks_connections(self) -> bool {
        matches!(
            self,
            Self::BodyCut | Self::BodyReset | Self::BodyStalled | Self::NoAnswerOfS3 | Self::S3Late | Self::Replaced
        )
    }

    /// Whether SNS may have accepted what the function does not know of.
    pub(crate) const fn loses_answers(self) -> bool {
        matches!(self, Self::SnsLate | Self::AnswerLost | Self::SlowNearDeadline)
    }

    const fn is_of_object(self) -> bool {
        (self as usize) < Self::SnsError as usize
    }

    /// Whether S3 says no, and will whenever it is asked.
    pub(super) const fn is_refusal(self) -> bool {
        matches!(self, Self::AccessDenied | Self::KeyDenied | Self::Missing | Self::Archived)
    }

    /// Whether it may make SNS refuse or lose a call.
    pub(super) const fn is_of_sns(self) -> bool {
        let place = self as usize;
        Self::SnsError as usize <= place && place <= Self::SlowNearDeadline as usize
    }

    /// Whether SNS does not see every call, or not every call is waited for.
    pub(super) const fn loses_calls(self) -> bool {
        matches!(self, Self::SnsDropped | Self::SnsReset | Self::SlowNearDeadline)
    }
}

/// Scripts the faults of these kinds. Of those that pass there are fewer than the function makes tries.
pub(super) fn script(kinds: &[Kind], objects: &mut [Object], random: &mut Random, function: &Function) {
    // An object has one kind of trouble, so that what must become of it is certain.
    let mut free: Vec<usize> = (0..objects.len()).collect();
    for &kind in kinds {
        if kind.is_of_object() {
            if free.is_empty() {
                continue;
            }
            let object = free.swap_remove(random.below(free.len()));
            trouble(kind, &mut objects[object], random, function);
        } else {
            trouble_with_sns(kind, objects, random, function);
        }
    }
}

/// Later than the function waits for an answer.
const LATE: Duration = Duration::from_secs(5);

fn trouble(kind: Kind, object: &mut Object, random: &mut Random, function: &Function) {
    let length = object.bytes.len();
    let wire = |random: &mut Random| match kind {
        Kind::BodyCut => WireFault::CutAfter(random.below(length)),
        Kind::BodyReset => WireFault::ResetAfter(random.below(length)),
        Kind::BodyStalled => WireFault::StallAfter(random.below(length), Duration::from_secs(60)),
        _ => WireFault::Drop,
    };
    let fault = |fault: S3Fault| function.s3.fault("logs", &object.key, fault);
    let always = |fault: S3Fault| function.s3.always("logs", &object.key, Some(fault));
    let times = 1 + random.below(3);
    match kind {
        Kind::BodyCut | Kind::BodyReset | Kind::NoAnswerOfS3 => {
            (0..times).for_each(|_| fault(S3Fault::Wire(wire(random))));
            if kind == Kind::BodyCut && random.one_in(2) {
                // More than there are tries, but each brings some of it.
                (0..8).for_each(|_| fault(S3Fault::Wire(WireFault::CutAfter(1 + random.below(20)))));
            }
        }
        Kind::S3Late => fault(S3Fault::Delay(LATE)),
        Kind::BodyStalled => fault(S3Fault::Wire(wire(random))),
        Kind::S3Error => (0..times).for_each(|_| fault(S3Fault::Status(500, "InternalError", "planted"))),
        Kind::S3SlowDown => (0..times).for_each(|_| fault(S3Fault::Status(503, "SlowDown", "planted"))),
        Kind::S3Timeout => (0..times).for_each(|_| fault(S3Fault::Status(400, "RequestTimeout", "planted"))),
        Kind::Replaced => {
            let count = 1 + random.below(20);
            let records: Vec<_> = (0..count).map(|n| record(&format!("new-{}-{n}", object.key), random)).collect();
            let bytes = stored(&records, random);
            fault(S3Fault::Replace { cut: random.below(length), version: None, bytes });
            object.replaced = std::mem::replace(&mut object.records, records);
        }
        Kind::WrongChecksum => always(S3Fault::WrongChecksum),
        Kind::AccessDenied => always(S3Fault::Status(403, "AccessDenied", "planted")),
        Kind::KeyDenied => {
            always(S3Fault::Status(403, "AccessDenied", "planted: not authorized to perform: kms:Decrypt"));
        }
        Kind::Missing => object.bytes.clear(),
        Kind::Archived => always(S3Fault::Status(403, "InvalidObjectState", "planted")),
        Kind::Truncated => object.bytes.truncate(random.below(length)),
        Kind::BadCrc => {
            if object.bytes.starts_with(&[0x1f, 0x8b]) {
                object.bytes[length - 8] ^= 1;
            } else {
                object.bytes[0] = b'x';
            }
        }
        Kind::NotJson => object.bytes = b"planted: not a log file".to_vec(),
        Kind::Panic => object.key.push_str(" panic!"),
        _ => unreachable!("{kind:?} is not of an object"),
    }
    // The one that has no bytes is missing, and an object cut to nothing is empty.
    if kind == Kind::Truncated && object.bytes.is_empty() {
        object.bytes.push(b' ');
    }
    object.trouble = Some(kind);
    object.must = match kind {
        Kind::WrongChecksum
        | Kind::AccessDenied
        | Kind::KeyDenied
        | Kind::Missing
        | Kind::Archived
        | Kind::Truncated
        | Kind::BadCrc
        | Kind::NotJson
        | Kind::Panic => Must::Fail,
        _ => Must::Succeed,
    };
}

fn trouble_with_sns(kind: Kind, objects: &mut [Object], random: &mut Random, function: &Function) {
    let times = 1 + random.below(3);
    let sns = &function.sns;
    let status = |status: u16, code: &'static str| {
        (0..times).for_each(|_| sns.fault(SnsFault::Status(status, code, "planted")));
    };
    match kind {
        Kind::SnsError => status(500, "InternalError"),
        Kind::SnsUnavailable => status(503, "ServiceUnavailable"),
        Kind::SnsTooMany => status(429, "Throttled"),
        Kind::SnsThrottled => status(400, random.pick(&["Throttling", "ThrottlingException", "RequestThrottled"])),
        Kind::SnsKeyThrottled => status(400, "KMSThrottling"),
        Kind::SnsDropped => (0..times).for_each(|_| sns.fault(SnsFault::Wire(WireFault::Drop))),
        Kind::SnsReset => (0..times).for_each(|_| sns.fault(SnsFault::Wire(WireFault::ResetAfter(0)))),
        Kind::SnsLate => sns.fault(SnsFault::Delay(LATE)),
        Kind::AnswerLost => {
            let lost =
                [WireFault::Drop, WireFault::CutAfter(random.below(50)), WireFault::ResetAfter(random.below(50))];
            (0..times).for_each(|n| sns.fault(SnsFault::LoseAnswer(lost[n])));
        }
        Kind::EntriesFailed => (0..times).for_each(|_| {
            let (first, step) = (random.below(3), 1 + random.below(3));
            let every = Box::new(move |n: usize| n % step == first % step);
            sns.fault(SnsFault::Fail { every, code: "InternalError", sender_fault: false });
        }),
        Kind::EntriesRejected => {
            sns.fault(SnsFault::Fail { every: Box::new(|n| n == 0), code: "AuthorizationError", sender_fault: true });
        }
        Kind::EntriesOmitted => (0..times).for_each(|_| sns.fault(SnsFault::Omit(vec![random.below(3), 3, 7]))),
        Kind::TopicDenied => sns.deny(TOPIC, true),
        Kind::RefusedContent => {
            [TOPIC, TEXT_TOPIC, FIFO_TOPIC].iter().for_each(|topic| sns.refuse(topic, "planted-refused"));
        }
        Kind::SmallTopic => sns.maximum(TOPIC, 5_000),
        Kind::SlowNearDeadline => {
            let late = Duration::from_millis(50 + random.below(300) as u64);
            if random.one_in(2) { function.s3.delay(late) } else { sns.delay(late) }
        }
        _ => {}
    }
    for object in objects {
        let must = match kind {
            // One alert of the first batch is refused for good: whose is open.
            Kind::EntriesRejected if object.matches().next().is_some() => Must::Either,
            Kind::TopicDenied if object.has_alerts_for(TOPIC) => Must::Fail,
            Kind::SlowNearDeadline => Must::Either,
            _ => continue,
        };
        object.must = if object.must == Must::Fail { Must::Fail } else { must };
    }
}
