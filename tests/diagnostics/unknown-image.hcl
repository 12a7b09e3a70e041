# hetzner: plan
sandbox "a" {
  provider = "hetzner"
  image    = "ubuntu-24.4"
}
