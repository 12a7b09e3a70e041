# validate
sandbox "a" {
  lifecycle {}
  ready {}
  ready {}
}
