# validate
sandbox "a" {
  count    = 2
  for_each = toset(["x"])
}
