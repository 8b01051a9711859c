terraform {
  # Checks of one variable may look at another since 1.9.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The oldest that this was checked with.
      version = ">= 5.100"
    }
  }
}
