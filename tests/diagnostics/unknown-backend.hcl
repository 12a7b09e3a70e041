# validate
sandplan {
  backend "s3" {}
}
