# validate
sandbox "a" {
  sync {
    from = "."
    to   = "/workspace"
  }
  sync {
    from = "."
    to   = "/workspace"
  }
}
