# validate
sandbox "a" {
  ssh_keys = ["laptop"]
}
