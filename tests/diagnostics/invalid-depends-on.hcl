# validate
sandbox "a" {
  depends_on = ["sandbox.b"]
}
sandbox "b" {
}
