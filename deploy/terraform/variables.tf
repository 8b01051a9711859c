variable "name" {
  type        = string
  default     = "trailwire"
  description = "What the names of all resources begin with"

  # The role's name is that and 26 digits, 64 in all.
  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,38}$", var.name))
    error_message = "Up to 38 letters, digits and hyphens."
  }
}

variable "package" {
  type        = string
  description = "The zip file with bootstrap, and the rules if they are a file"
}

variable "trigger" {
  type = string
  # EventBridge is one switch of the bucket. It is in no other consumer's way, while S3 refuses a second notification for
  # the same prefix; and it names nothing of this module, so that nothing points nowhere when the module is destroyed.
  default     = "queue-eventbridge"
  description = <<-EOT
    How the function hears of a new file. queue-eventbridge needs the bucket's EventBridge switch; queue-topic a topic
    that tells of files (the trail's own, or one that S3 writes to); queue-notification and direct an entry in the
    bucket's notifications. none is for a backfill.
  EOT

  validation {
    condition     = contains(["queue-eventbridge", "queue-topic", "queue-notification", "direct", "none"], var.trigger)
    error_message = "One of queue-eventbridge, queue-topic, queue-notification, direct and none."
  }
}

variable "bucket_name" {
  type        = string
  description = "The bucket with the log files, in this Region"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "The name of a bucket."
  }
}

variable "bucket_account_id" {
  type        = string
  default     = ""
  description = "The account of the bucket, if it is not this one"

  validation {
    condition     = can(regex("^([0-9]{12})?$", var.bucket_account_id))
    error_message = "12 digits."
  }
}

variable "key_prefix" {
  type        = string
  default     = "AWSLogs/"
  description = "Keys of log files begin so; with the trail's own prefix in front, if it has one"
}

variable "source_topic_arn" {
  type        = string
  default     = ""
  description = "For queue-topic, the topic that tells of new files, in this Region"

  validation {
    condition     = can(regex("^(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)?$", var.source_topic_arn))
    error_message = "The ARN of a standard topic."
  }

  validation {
    condition     = (var.trigger == "queue-topic") == (var.source_topic_arn != "")
    error_message = "Trigger queue-topic needs it, and no other does."
  }
}

variable "manage_bucket_notification" {
  type    = bool
  default = false
  # Off, because aws_s3_bucket_notification is the whole configuration of a bucket: what others put there is deleted.
  description = "Let this module be the only one that sets notifications of the bucket, and delete all others"

  validation {
    condition     = !var.manage_bucket_notification || contains(["queue-eventbridge", "queue-notification", "direct"], var.trigger)
    error_message = "Only with a trigger for which the bucket has to be set up."
  }
}

variable "rules" {
  type        = string
  default     = "tutorial"
  description = "A ready-made pack (tutorial, cis), a file beside bootstrap in the package, or s3://BUCKET/KEY"

  validation {
    condition     = var.rules != ""
    error_message = "Without rules the function does not start."
  }
}

variable "topic_arn" {
  type        = string
  default     = ""
  description = "The topic of the alerts; empty makes one"

  validation {
    condition     = can(regex("^(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+)?$", var.topic_arn))
    error_message = "The ARN of a topic."
  }
}

variable "more_topic_arns" {
  type        = list(string)
  default     = []
  description = "Further topics that rules name"
}

variable "email" {
  type        = string
  default     = ""
  description = "An address to subscribe to the topic that is made; it has to confirm"
}

variable "format" {
  type        = string
  default     = "text"
  description = "Of alerts of rules that name none"

  validation {
    condition     = contains(["text", "json", "both"], var.format)
    error_message = "One of text, json and both."
  }
}

variable "read_kms_key_arns" {
  type        = list(string)
  default     = []
  description = "KMS keys of what the function reads, which are the trail's, and that of rules in S3"
}

variable "topic_kms_key_arn" {
  type        = string
  default     = ""
  description = "The KMS key of the topic of the alerts; its policy must allow what the README says"

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$", var.topic_kms_key_arn))
    error_message = "The ARN of a KMS key, and not of an alias."
  }
}

variable "queue_kms_key_arn" {
  type        = string
  default     = ""
  description = "A KMS key for the queues; empty for keys of SQS. Its policy must allow what the README says"

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$", var.queue_kms_key_arn))
    error_message = "The ARN of a KMS key, and not of an alias."
  }
}

variable "memory_size" {
  type        = number
  default     = 256
  description = "MB; 256 is enough to read 10 files at a time"

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "From 128 to 10240."
  }
}

variable "reserved_concurrency" {
  type        = number
  default     = null
  description = "Instances that are kept for the function, and its limit; null for neither"

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 2 && var.reserved_concurrency <= 1000, false)
    error_message = "From 2 to 1000."
  }
}

variable "batch_size" {
  type        = number
  default     = 10
  description = "Files for one invocation"

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 100
    error_message = "From 1 to 100."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 30
  description = "Of the function's log"
}

variable "silence_hours" {
  type        = number
  default     = 1
  description = "Hours without a log file after which an alarm is raised; 0 for none"

  validation {
    condition     = contains(range(25), var.silence_hours)
    error_message = "From 0 to 24."
  }
}

variable "alarm_topic_arn" {
  type        = string
  default     = ""
  description = "A topic for alarms about trailwire itself; empty for that of the alerts"

  validation {
    condition     = can(regex("^(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)?$", var.alarm_topic_arn))
    error_message = "The ARN of a standard topic."
  }
}
