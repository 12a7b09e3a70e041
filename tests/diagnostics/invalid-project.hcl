# validate
sandplan {
  project = "What a project!"
}
