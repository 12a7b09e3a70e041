# validate
variable "v" { type = strnig }
