# plan -var v=1
variable "v" {
  type = number
  validation {
    condition     = var.v > 2
    error_message = "It is ${var.v}, which is too small."
  }
}
