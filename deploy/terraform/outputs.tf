output "function_name" {
  value = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "For the bucket's notification where the trigger is direct, and for backfills"
  value       = aws_lambda_function.this.arn
}

output "role_arn" {
  description = "For the policies of buckets and keys in other accounts"
  value       = aws_iam_role.function.arn
}

output "topic_arn" {
  description = "The topic of the alerts"
  value       = local.topic_arn
}

output "queue_arn" {
  description = "For the bucket's notification where the trigger is queue-notification"
  value       = aws_sqs_queue.files.arn
}

output "failed_queue_arn" {
  description = "What was given up waits here"
  value       = aws_sqs_queue.failed.arn
}
