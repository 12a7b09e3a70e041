# validate
sandbox "a" {
  packages = ["jq", "nginx-"]
}
