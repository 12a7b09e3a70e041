# validate
sandbox "a" {
  for_each = ["x", "y"]
}
