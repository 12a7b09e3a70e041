# validate
sandbox "a" {
  file "/home/agent/x" {
    content = ""
    mode    = "rw"
  }
}
