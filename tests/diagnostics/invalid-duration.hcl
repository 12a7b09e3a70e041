# validate
sandbox "a" {
  ttl = "eight hours"
}
