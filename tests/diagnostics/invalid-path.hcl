# validate
sandbox "a" {
  file "relative" { content = "" }
  file "/etc/passwd" { content = "" }
}
