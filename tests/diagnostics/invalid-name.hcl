# validate
sandbox "9 lives" {}
variable "count" {}
