"""What trailwire costs, as the tables of the README: python3 costs.py.

Prices are those of us-east-1 as known in October 2026, in dollars, without free tiers: check them before you rely on
them. What is assumed, and not measured on AWS, stands in `Assumed`: put your own numbers there.
"""

import math

MILLION = 1_000_000


class Price:
    LAMBDA_ARM_GB_S = 0.0000133334
    LAMBDA_X86_GB_S = 0.0000166667
    LAMBDA_REQUEST = 0.20 / MILLION
    S3_GET = 0.0004 / 1000
    S3_LIST = 0.005 / 1000
    SQS_REQUEST = 0.40 / MILLION
    # Sources differ on whether S3's events are among those that are free: this is the dearer reading.
    EVENTBRIDGE_S3_EVENT = 1.00 / MILLION
    BATCH_JOB = 0.25
    BATCH_OBJECT = 1.00 / MILLION
    # Standard, per transition; a child that is started is taken for one.
    STEP_TRANSITION = 0.025 / 1000
    EXPRESS_REQUEST = 1.00 / MILLION
    EXPRESS_GB_S = 0.00001667
    LOGS_GB = 0.50
    METRIC = 0.30
    ALARM = 0.10


class Assumed:
    # Waiting for S3, for a file.
    WAIT_S = 0.040
    # JSON that is inflated and matched by one whole processor, and by one in JavaScript.
    BYTES_PER_S = 300 * MILLION
    NODE_BYTES_PER_S = 60 * MILLION
    # JSON in a stored byte.
    INFLATES = 6
    # A live file, as stored: 12 KB of JSON on average in the samples this was designed with.
    STORED = 2_000
    # Of the log, for an invocation: Lambda's own lines, and that with the metrics.
    LOG_BYTES = 2_000
    NODE_LOG_BYTES = 500
    # A function that keeps a file whole, and its records, must have room for 50 MB of JSON.
    NODE_GB = 0.5


# As the templates set it up.
GB = 0.25
LANES = 10
BATCH = 10
WINDOW_S = 5
METRICS = 22
ALARMS = 6
MAP_BATCH = 100
# Five pollers that wait 20 s each.
IDLE_POLLS = 5 * 30 * 86_400 / 20
# A GB-second has a share of a processor, of which 1,769 MB has a whole one.
PROCESSORS_PER_GB = 1 / 1.769


def seconds(files, stored):
    """An invocation of so many files: lanes wait together, and share the processor."""
    inflating = files * stored * Assumed.INFLATES / (Assumed.BYTES_PER_S * GB * PROCESSORS_PER_GB)
    return math.ceil(files / LANES) * Assumed.WAIT_S + inflating


def invocations(count, files, stored):
    """Lambda and its log."""
    each = Price.LAMBDA_REQUEST + seconds(files, stored) * GB * Price.LAMBDA_ARM_GB_S
    return count * (each + Assumed.LOG_BYTES / 1e9 * Price.LOGS_GB)


def reading(files):
    return files * (Price.S3_GET + Price.S3_LIST / 1000)


def batch_operations(files, stored):
    return Price.BATCH_JOB + files * Price.BATCH_OBJECT + reading(files) + invocations(files, 1, stored)


def distributed_map(files, stored):
    children = files / MAP_BATCH
    # Express is charged for 64 MB.
    child = Price.EXPRESS_REQUEST + seconds(MAP_BATCH, stored) * 0.0625 * Price.EXPRESS_GB_S + Price.STEP_TRANSITION
    return children * child + reading(files) + invocations(children, MAP_BATCH, stored)


def together(daily):
    """Files of one invocation: what comes in a window, if they come evenly."""
    return min(BATCH, max(1, daily / 86_400 * WINDOW_S))


def queue(daily, by_eventbridge):
    files = 30 * daily
    count = files / together(daily)
    # A message is sent by itself, and taken and deleted with others.
    cost = (files + 2 * count + IDLE_POLLS) * Price.SQS_REQUEST
    if by_eventbridge:
        cost += files * Price.EVENTBRIDGE_S3_EVENT
    return cost + files * Price.S3_GET + invocations(count, together(daily), Assumed.STORED) + watching()


def direct(daily):
    files = 30 * daily
    return IDLE_POLLS * Price.SQS_REQUEST + files * Price.S3_GET + invocations(files, 1, Assumed.STORED) + watching()


def watching():
    return METRICS * Price.METRIC + ALARMS * Price.ALARM


def node(daily):
    files = 30 * daily
    parsing = Assumed.STORED * Assumed.INFLATES / (Assumed.NODE_BYTES_PER_S * Assumed.NODE_GB * PROCESSORS_PER_GB)
    each = Price.LAMBDA_REQUEST + (Assumed.WAIT_S + parsing) * Assumed.NODE_GB * Price.LAMBDA_X86_GB_S
    return files * (each + Assumed.NODE_LOG_BYTES / 1e9 * Price.LOGS_GB + Price.S3_GET)


def money(dollars):
    return f"{dollars:,.2f}" if dollars < 100 else f"{dollars:,.0f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def monthly():
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    ways = [
        ("trailwire, `queue-eventbridge`", lambda daily: queue(daily, True)),
        ("trailwire, `queue-notification` or `queue-topic`", lambda daily: queue(daily, False)),
        ("trailwire, `direct`", direct),
        ("the guide's Node.js function, without alarms", node),
        ("EventBridge rules on management events", lambda daily: 0),
    ]
    head = ["dollars a month, at files a day"] + [f"{size:,}" for size in sizes]
    return table(head, [[name] + [money(cost(size)) for size in sizes] for name, cost in ways])


def backfill():
    rows = []
    for stored in [2_000, 20_000, 200_000]:
        files = 1e12 / stored
        row = [f"{stored // 1000} KB", f"{files / MILLION:,.0f}"]
        for cost in [batch_operations, distributed_map]:
            row += [money(cost(MILLION, stored)), money(cost(files, stored))]
        rows.append(row)
    return table(
        [
            "stored size of a file",
            "million files in a TB",
            "Batch Operations, a million files",
            "a TB",
            "Distributed Map, a million files",
            "a TB",
        ],
        rows,
    )


if __name__ == "__main__":
    print(monthly(), backfill(), sep="\n\n")
