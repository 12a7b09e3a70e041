# Inputs with types, defaults and rules. Values come from `sandboxes.hclvars`;
# `-var`, `-var-file` and SANDPLAN_VAR_… in the environment work, too.

sandplan {
  required_version = ">= 0.1"
  project          = "variables"
}

variable "sandboxes" {
  description = "What each sandbox is for, and how long it may live"
  type = map(object({
    purpose = string
    ttl     = optional(string, "2h")
    network = optional(bool, true)
  }))

  validation {
    condition     = length(var.sandboxes) <= 5
    error_message = "Five sandboxes are enough, not ${length(var.sandboxes)}."
  }

  validation {
    condition     = alltrue([for name in keys(var.sandboxes) : can(regex("^[a-z][a-z0-9-]*$", name))])
    error_message = "Names consist of lower-case letters, digits and dashes."
  }
}

variable "token" {
  description = "Handed to every sandbox, shown nowhere"
  type        = string
  default     = "not-a-real-token"
  sensitive   = true

  validation {
    condition     = length(var.token) >= 8
    error_message = "A token has at least 8 characters."
  }
}

sandbox "this" {
  for_each = var.sandboxes
  ttl      = each.value.ttl
  network  = each.value.network ? "host" : "none"
  env      = { API_TOKEN = var.token }
  labels   = { purpose = each.value.purpose }
}

output "ttls" {
  value = { for name, s in sandbox.this : name => s.ttl }
}

output "environment" {
  value     = { for name, s in sandbox.this : name => s.env }
  sensitive = true
}
