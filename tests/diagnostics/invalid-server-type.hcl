# validate
sandbox "a" {
  provider = "hetzner"

  hetzner {
    server_type = ["cpx32", 42]
  }
}
