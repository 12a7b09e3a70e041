# validate
sandplan {
  required_version = ">= 99.0"
}
