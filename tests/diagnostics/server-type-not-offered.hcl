# hetzner: plan
sandbox "a" {
  provider = "hetzner"
  region   = ["ash", "hil"]

  hetzner {
    server_type = "cx33"
  }
}
