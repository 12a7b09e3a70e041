case_0 {
a = <<EOT
foo ${ bar } baz
  EOT
b = 1
}

case_1 {
a = <<-EOT
    foo ${ bar } baz
      x
    EOT
bbbb = 1
}

case_2 {
a = 1
bbbbb = <<EOT
hey ${ foo( [
1 ])}
EOT
cc = 2
}

case_3 {
x = foo(<<EOT
hey
EOT
)
y = [ <<EOT
hey
EOT
,
  1 ]
}

case_4 {
foo {
a = <<EOT
  %{ if x }
  yes
  %{ else ~}
  no
  %{~ endif }
EOT
b = 1 # c
}
}

case_5 {
a = <<EOT
$${x} %%{y} $ %
EOT
}
