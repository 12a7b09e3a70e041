# validate
sandbox "a" {
  sync {
    from = "./missing"
    to   = "/workspace"
  }
}
