# hetzner: plan
sandbox "a" {
  provider = "hetzner"
  region   = ["fsn", "nbg1"]
}
