# A sandbox for an agent that works on a task without any network.

sandplan {
  required_version = ">= 0.1"
  project          = "offline-agent"

  limits {
    max_ttl       = "4h"
    max_sandboxes = 2
  }
}

sandbox "agent" {
  ttl     = "1h"
  network = "none"
  env     = { TASK = "/workspace/task.md" }

  sync {
    from    = "./task"
    to      = "/workspace"
    exclude = ["*.log"]
  }

  file "/home/agent/.local/bin/report" {
    mode    = "0755"
    content = <<-EOT
      #!/bin/sh
      # What the agent leaves behind when it is done.
      date -u +%FT%TZ >>/workspace/report.txt
      cat >>/workspace/report.txt
    EOT
  }

  ready {
    timeout = "20s"

    probe "task" {
      exec = ["test", "-s", "/workspace/task.md"]
    }

    # The only network device is the loopback.
    probe "offline" {
      exec = ["sh", "-c", "test \"$(ls /proc/sys/net/ipv4/conf)\" = \"$(printf 'all\\ndefault\\nlo')\""]
    }
  }
}
