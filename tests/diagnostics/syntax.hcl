# validate
sandbox "a" {
  labels = { x = 1
}
