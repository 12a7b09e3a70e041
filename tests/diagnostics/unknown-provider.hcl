# validate
sandbox "a" {
  provider = "hetznr"
}
