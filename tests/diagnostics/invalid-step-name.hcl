# validate
sandbox "a" {
  provision "../x" { run = ["true"] }
}
