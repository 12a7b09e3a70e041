# hetzner: plan
sandbox "a" {
  provider = "hetzner"
  region   = "ash"

  hetzner {
    server_type = "cpx31"
  }
}
