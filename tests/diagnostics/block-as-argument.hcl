# validate
sandbox "a" {
  env    = {}
  provision = { run = ["true"] }
}
