# validate
variable "v" {
  type    = list(number)
  default = ["one"]
}
