# validate
sandbox "a" {
  depends_on = sandbox.a
}
