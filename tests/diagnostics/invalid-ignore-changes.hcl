# validate
sandbox "a" {
  lifecycle {
    ignore_changes = ["labels", 1 + 2]
  }
}
