# validate
sandbox "a" {
  labels = "x"
  lifecycle { prevent_destroy = "perhaps" }
}
