# hetzner: plan
sandbox "a" {
  provider = "hetzner"
  region   = ["fsn1", "hil"]
  size     = { vcpus = 64, memory = "256GiB" }
}
