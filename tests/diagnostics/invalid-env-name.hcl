# validate
sandbox "a" {
  env = { "A B" = "x" }
}
