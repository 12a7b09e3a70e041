# validate
provider "aws" {
  prices = { "t3.large" = "cheap" }
}
sandbox "a" {
  provider = "aws"
}
