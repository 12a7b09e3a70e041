# validate
sandbox "a" {
  toolchain {
    node = "20"
  }
  agent "claude-code" { version = "latest" }
  agent "codeks" { version = "1.0.0" }
}
