# validate
sandbox "a" {
  ipv4 = "1.2.3.4"
}
