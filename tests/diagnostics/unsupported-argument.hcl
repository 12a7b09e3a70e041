# validate
sandbox "a" {
  region = "fsn1"
  toolchain {
    docker = true
  }
}
