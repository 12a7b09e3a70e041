# validate
sandbox "a" {
  port "x" { guest = 70000 }
}
