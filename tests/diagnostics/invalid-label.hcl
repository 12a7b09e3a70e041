# validate
sandbox "a" {
  labels = { sandplan-project = "x" }
}
