# validate
sandbox "a" {
  size = { vcpus = 4, memory = "8G" }
}
