# validate
locals { p = "x" }
sandplan {
  project = local.p
}
