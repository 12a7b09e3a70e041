# hetzner: plan
sandbox "a" {
  provider = "hetzner"
  image    = "ubuntu-20.04"
}
