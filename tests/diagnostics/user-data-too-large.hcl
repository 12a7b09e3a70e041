# validate
sandbox "a" {
  provider = "hetzner"
  packages = [for n in range(1000) : "p${sha256(tostring(n))}"]
}
