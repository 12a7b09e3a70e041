# validate
sandbox "a" {
  ready { on_failure = "panic" }
}
