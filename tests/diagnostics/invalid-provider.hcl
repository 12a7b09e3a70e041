# validate
sandbox "a" {
  provider = 1 == 1
}
