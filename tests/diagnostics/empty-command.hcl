# validate
sandbox "a" {
  provision "x" { run = [] }
}
