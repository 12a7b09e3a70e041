# plan
variable "v" { type = string }
