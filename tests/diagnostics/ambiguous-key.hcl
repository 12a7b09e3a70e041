# validate
variable "x" { default = "k" }
output "x" {
  value = { var.x = 2 }
}
