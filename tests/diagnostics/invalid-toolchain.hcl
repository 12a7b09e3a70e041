# validate
sandbox "a" {
  toolchain {
    node       = "latest"
    docker     = "podman"
    playwright = { browsers = ["chrome"] }
  }
}
