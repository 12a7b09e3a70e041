# validate
sandbox "a" {}
snapshot "warm" { sandbox = sandbox.a }
