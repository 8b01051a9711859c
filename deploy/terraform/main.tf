data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  partition      = data.aws_partition.current.partition
  account_id     = data.aws_caller_identity.current.account_id
  bucket_arn     = "arn:${local.partition}:s3:::${var.bucket_name}"
  bucket_account = var.bucket_account_id == "" ? local.account_id : var.bucket_account_id
  rules_in_s3    = startswith(var.rules, "s3://")
  new_topic      = var.topic_arn == ""
  topic_arn      = local.new_topic ? aws_sns_topic.alerts[0].arn : var.topic_arn
  alarm_topic    = var.alarm_topic_arn == "" ? local.topic_arn : var.alarm_topic_arn
  queue_key      = var.queue_kms_key_arn == "" ? null : var.queue_kms_key_arn
  # Long enough for ten files of the largest size that CloudTrail writes.
  timeout = 120
  # Fewer invocations, for 5 of the 300 seconds that CloudTrail takes.
  batching_window = 5
}

resource "aws_lambda_function" "this" {
  function_name                  = var.name
  description                    = "Alerts on CloudTrail records as their log files land in S3"
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  handler                        = "bootstrap"
  runtime                        = "provided.al2023"
  architectures                  = ["arm64"]
  memory_size                    = var.memory_size
  timeout                        = local.timeout
  reserved_concurrent_executions = var.reserved_concurrency == null ? -1 : var.reserved_concurrency
  role                           = aws_iam_role.function.arn

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  environment {
    variables = {
      TRAILWIRE_RULES      = var.rules
      TRAILWIRE_TOPIC_ARN  = local.topic_arn
      TRAILWIRE_TOPIC_ARNS = join(",", var.more_topic_arns)
      TRAILWIRE_FORMAT     = var.format
      # What the function does itself is in the log files that it reads, and would alert for ever.
      TRAILWIRE_ROLE_ARN = aws_iam_role.function.arn
    }
  }

  # A function that starts before it may read or log fails at once.
  depends_on = [aws_iam_role_policy.function]
}

# For direct, and for whoever invokes it without waiting; a queue has its own way to "failed".
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name = aws_lambda_function.this.function_name

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed.arn
    }
  }
}

# Also for direct and none: there the queue is how failed files come back (see the README).
resource "aws_lambda_event_source_mapping" "files" {
  event_source_arn                   = aws_sqs_queue.files.arn
  function_name                      = aws_lambda_function.this.arn
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = local.batching_window
  # Without it a message that failed beside one that did not would be lost.
  function_response_types = ["ReportBatchItemFailures"]

  # The queue never asks for more instances than there are, which would count as receives, up to "failed".
  dynamic "scaling_config" {
    for_each = var.reserved_concurrency[*]
    content {
      maximum_concurrency = scaling_config.value
    }
  }
}

resource "aws_iam_role" "function" {
  name_prefix = var.name

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  name   = "trailwire"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "ReadLogFiles"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.bucket_arn}/${var.key_prefix}*"]
  }

  # Else S3 says of a file that is not there that it is forbidden.
  statement {
    sid       = "TellMissingFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = local.rules_in_s3 ? [trimprefix(var.rules, "s3://")] : []
    content {
      sid       = "ReadRules"
      actions   = ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::${statement.value}"]
    }
  }

  dynamic "statement" {
    for_each = length(var.read_kms_key_arns) > 0 ? [var.read_kms_key_arns] : []
    content {
      sid       = "DecryptWhatIsRead"
      actions   = ["kms:Decrypt"]
      resources = statement.value
    }
  }

  statement {
    sid       = "Alert"
    actions   = ["sns:Publish"]
    resources = concat([local.topic_arn], var.more_topic_arns)
  }

  dynamic "statement" {
    for_each = compact([var.topic_kms_key_arn])
    content {
      sid       = "EncryptAlerts"
      actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "TakeFromTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.files.arn]
  }

  statement {
    sid       = "KeepWhatFailed"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed.arn]
  }

  dynamic "statement" {
    for_each = compact([var.queue_kms_key_arn])
    content {
      sid       = "UseEncryptedQueues"
      actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_sqs_queue" "files" {
  name = "${var.name}-files"
  # Six times the function's timeout, as Lambda asks, and the batching window.
  visibility_timeout_seconds = 6 * local.timeout + local.batching_window
  # A week, should nothing take them. Less than in "failed", where a message keeps the age that it had.
  message_retention_seconds = 604800
  sqs_managed_sse_enabled   = local.queue_key == null ? true : null
  kms_master_key_id         = local.queue_key

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed.arn
    # Throttled invocations count as receives: fewer would give up on files that nothing is wrong with.
    maxReceiveCount = 5
  })
}

resource "aws_sqs_queue" "failed" {
  name                      = "${var.name}-failed"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = local.queue_key == null ? true : null
  kms_master_key_id         = local.queue_key
}

# What both queues have in common.
data "aws_iam_policy_document" "queue" {
  for_each = {
    files  = aws_sqs_queue.files.arn
    failed = aws_sqs_queue.failed.arn
  }

  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # To "failed" too, where it puts what it could not hand over.
  dynamic "statement" {
    for_each = var.trigger == "queue-eventbridge" ? [aws_cloudwatch_event_rule.new_file[0].arn] : []
    content {
      sid       = "FromEventBridge"
      actions   = ["sqs:SendMessage"]
      resources = [each.value]

      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "failed" {
  queue_url = aws_sqs_queue.failed.id
  policy    = data.aws_iam_policy_document.queue["failed"].json
}

resource "aws_sqs_queue_policy" "files" {
  queue_url = aws_sqs_queue.files.id
  policy    = data.aws_iam_policy_document.files.json
}

data "aws_iam_policy_document" "files" {
  source_policy_documents = [data.aws_iam_policy_document.queue["files"].json]

  dynamic "statement" {
    for_each = compact([var.source_topic_arn])
    content {
      sid       = "FromTopic"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.files.arn]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value]
      }
    }
  }

  dynamic "statement" {
    for_each = var.trigger == "queue-notification" ? [local.bucket_arn] : []
    content {
      sid       = "FromBucket"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.files.arn]

      principals {
        type        = "Service"
        identifiers = ["s3.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value]
      }

      # A bucket's ARN names no account, and a name that was given up may be taken by anybody.
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.bucket_account]
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "new_file" {
  count       = var.trigger == "queue-eventbridge" ? 1 : 0
  name_prefix = var.name
  description = "A log file has landed"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket_name] }
      object = { key = [{ prefix = var.key_prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "files" {
  count     = var.trigger == "queue-eventbridge" ? 1 : 0
  rule      = aws_cloudwatch_event_rule.new_file[0].name
  target_id = "files"
  arn       = aws_sqs_queue.files.arn

  # EventBridge gives up after a day.
  dead_letter_config {
    arn = aws_sqs_queue.failed.arn
  }
}

resource "aws_sns_topic_subscription" "files" {
  count                = var.trigger == "queue-topic" ? 1 : 0
  topic_arn            = var.source_topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.files.arn
  raw_message_delivery = true
}

resource "aws_lambda_permission" "bucket" {
  count          = var.trigger == "direct" ? 1 : 0
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.function_name
  principal      = "s3.amazonaws.com"
  source_arn     = local.bucket_arn
  source_account = local.bucket_account
}

resource "aws_s3_bucket_notification" "this" {
  count       = var.manage_bucket_notification ? 1 : 0
  bucket      = var.bucket_name
  eventbridge = var.trigger == "queue-eventbridge"

  dynamic "queue" {
    for_each = var.trigger == "queue-notification" ? [aws_sqs_queue.files.arn] : []
    content {
      queue_arn     = queue.value
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = var.key_prefix
    }
  }

  dynamic "lambda_function" {
    for_each = var.trigger == "direct" ? [aws_lambda_function.this.arn] : []
    content {
      lambda_function_arn = lambda_function.value
      events              = ["s3:ObjectCreated:*"]
      filter_prefix       = var.key_prefix
    }
  }

  # S3 tries the destination when it is told of it.
  depends_on = [aws_sqs_queue_policy.files, aws_lambda_permission.bucket]
}

resource "aws_sns_topic" "alerts" {
  count             = local.new_topic ? 1 : 0
  name              = "${var.name}-alerts"
  kms_master_key_id = var.topic_kms_key_arn == "" ? null : var.topic_kms_key_arn
}

# In place of the policy that SNS gives a topic, under which every principal of the account may read its alerts. The
# function and people need none: their own policies say what they may do.
resource "aws_sns_topic_policy" "alerts" {
  count  = local.new_topic ? 1 : 0
  arn    = aws_sns_topic.alerts[0].arn
  policy = data.aws_iam_policy_document.alerts[0].json
}

data "aws_iam_policy_document" "alerts" {
  count = local.new_topic ? 1 : 0

  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts[0].arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = var.alarm_topic_arn == "" ? [aws_sns_topic.alerts[0].arn] : []
    content {
      sid       = "Alarms"
      actions   = ["sns:Publish"]
      resources = [statement.value]

      principals {
        type        = "Service"
        identifiers = ["cloudwatch.amazonaws.com"]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = ["arn:${local.partition}:cloudwatch:${data.aws_region.current.id}:${local.account_id}:alarm:*"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account_id]
      }
    }
  }
}

resource "aws_sns_topic_subscription" "inbox" {
  count     = local.new_topic && var.email != "" ? 1 : 0
  topic_arn = aws_sns_topic.alerts[0].arn
  protocol  = "email"
  endpoint  = var.email
}

locals {
  of_function = { FunctionName = aws_lambda_function.this.function_name }
  alarms = {
    failed = {
      description = "Files were given up and not alerted on. Repair the cause, then move them back to the queue."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.failed.name }
      statistic   = "Maximum"
      periods     = 1
    }
    failures = {
      description = "Files or alerts fail, also when tried again, or rules in S3 cannot be used. The function's log says why."
      # Not Errors of Lambda: an invocation of which some messages fail is none.
      namespace  = "trailwire"
      metric     = "Failures"
      dimensions = local.of_function
      # A message comes back after the 725 s of the queue: what succeeds then is no alarm.
      period  = 900
      periods = 2
    }
    errors = {
      description = "Invocations fail whole. The function cannot start, or nothing of a batch could be read."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = local.of_function
      periods     = 3
      of_periods  = 2
    }
    throttles = {
      description = "The function lacks concurrency. Raise reserved_concurrency, or the account's limit."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = local.of_function
      periods     = 3
    }
    late = {
      description = "Files wait in the queue for more than half an hour, and alerts are as late."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.files.name }
      statistic   = "Maximum"
      periods     = 3
      threshold   = 1800
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = try(each.value.statistic, "Sum")
  period              = try(each.value.period, 300)
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = try(each.value.of_periods, each.value.periods)
  threshold           = try(each.value.threshold, 0)
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alarm_topic]
}

resource "aws_cloudwatch_metric_alarm" "silence" {
  # In a backfill nothing is to be heard between two jobs.
  count               = var.silence_hours > 0 && var.trigger != "none" ? 1 : 0
  alarm_name          = "${var.name}-silence"
  alarm_description   = "No log file was read. The trail, the bucket's events or the function has stopped."
  evaluation_periods  = var.silence_hours
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  # What was never there cannot be filled.
  treat_missing_data = "breaching"
  alarm_actions      = [local.alarm_topic]

  # A trail that was stopped looks like peace: then there is no metric at all. Where hours are missing, CloudWatch looks at
  # some before them instead, and so would ring hours late; but not where they are filled.
  metric_query {
    id          = "filled"
    label       = "ObjectsRead"
    expression  = "FILL(read, 0)"
    return_data = true
  }

  metric_query {
    id = "read"

    metric {
      namespace   = "trailwire"
      metric_name = "ObjectsRead"
      dimensions  = local.of_function
      stat        = "Sum"
      period      = 3600
    }
  }
}
