# validate
sandbox "a" {
  provider = "hetzner"
  region   = []
}
