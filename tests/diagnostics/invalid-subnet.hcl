# validate
sandbox "a" {
  provider = "aws"
  aws {
    subnet_id = "default"
  }
}
