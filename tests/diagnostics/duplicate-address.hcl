# validate
sandbox "a" {}
sandbox "a" {}
variable "v" {}
variable "v" {}
locals { x = 1 }
locals { x = 2 }
profile "p" {}
profile "p" {}
output "o" { value = 1 }
output "o" { value = 2 }
