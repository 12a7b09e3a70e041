# plan
sandplan {
  limits { max_sandboxes = 2 }
}
sandbox "a" { count = 3 }
