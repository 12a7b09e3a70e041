# A Python project with nothing but the standard library: its files are kept
# equal to ./app, its tests run when they are provisioned, and it has to answer
# before the sandbox counts as ready. Needs python3 under /usr of this machine.

sandplan {
  required_version = ">= 0.1"
  project          = "python-project"
}

locals {
  # Runs the tests again when a source changes: the digest is part of the step.
  sources = sha256(join("", [for f in sort(fileset("./app", "**/*.py")) : filesha256("./app/${f}")]))
}

sandbox "app" {
  ttl = "8h"
  env = { PYTHONDONTWRITEBYTECODE = "1" }

  sync {
    from    = "./app"
    to      = "/workspace/app"
    exclude = ["__pycache__", "*.pyc"]
  }

  provision "version" {
    run = ["python3", "--version"]
  }

  provision "test" {
    run     = ["sh", "-c", "cd /workspace/app && python3 -m unittest discover -s tests # ${local.sources}"]
    timeout = "2m"
  }

  ready {
    timeout = "30s"
    probe "answers" {
      exec = ["sh", "-c", "cd /workspace/app && test \"$(python3 words.py 'one two')\" = 2"]
    }
  }
}

output "run" {
  value = "sandplan exec ${sandbox.app.name} -- python3 /workspace/app/words.py 'how many words'"
}
