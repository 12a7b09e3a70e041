# validate
output "x" {
  value = true ? [1] : { a = 1 }
}
