# validate
sandplan {
  required_version = "about one"
}
