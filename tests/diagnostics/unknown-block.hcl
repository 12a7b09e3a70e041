# validate
sandbxo "a" {}
sandbox "b" {
  provison "x" {}
}
