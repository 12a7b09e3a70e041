# validate
sandbox "a" {
  profile = "agent"
}
