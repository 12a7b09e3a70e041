# Replacing without a gap: the new sandbox is made, what uses it is updated, and
# the old one is destroyed last. Change `generation` and apply again.

sandplan {
  required_version = ">= 0.1"
  project          = "replace-safely"
}

variable "generation" {
  description = "Counted up to replace the server"
  type        = number
  default     = 1
}

sandbox "marker" {
  labels = { generation = tostring(var.generation) }
}

sandbox "server" {
  ttl = "8h"

  provision "content" {
    run = ["sh", "-c", "echo generation ${var.generation} >~/index.html"]
  }

  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [sandbox.marker.labels]

    precondition {
      condition     = var.generation >= 1
      error_message = "Generations are counted from 1."
    }
  }
}

# Updated between the creation of the new server and the end of the old one.
sandbox "client" {
  env = { SERVER_ID = sandbox.server.id }

  lifecycle {
    prevent_destroy = false
    ignore_changes  = [labels["seen"]]
  }
}

output "server" {
  value = sandbox.server.id
}
