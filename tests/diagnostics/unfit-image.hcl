# hetzner: plan
sandbox "a" {
  provider = "hetzner"
  region   = "fsn1"
  image    = "67794396" # Ubuntu 22.04 for x86

  hetzner {
    server_type = "cax21"
  }
}
