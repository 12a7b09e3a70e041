# validate
sandplan { project = "one" }
sandplan { project = "two" }
