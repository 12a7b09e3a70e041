# validate
sandplan {
  limits {
    max_sandboxes = "many"
    max_ttl       = "long"
  }
}
