# validate
output "x" {
  value = { name = 1 }.nam
}
