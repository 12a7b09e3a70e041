# validate
output "x" {
  value = { (null) = 1 }
}
