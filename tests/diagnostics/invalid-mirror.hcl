# validate
sandbox "a" {
  mirrors {
    apt = "mirror.example/debian"
  }
}
