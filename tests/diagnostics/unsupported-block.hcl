# validate
module "m" {
  source = "./m"
}
