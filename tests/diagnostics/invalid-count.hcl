# validate
sandbox "a" {
  count = -1
}
