case_0 {
a = "$$${ foo }"
}

case_1 {
a = "$${ foo } %%{ bar } $ % $$ {}"
}

case_2 {
a = "%{ if x }y%{ else }z%{ endif }"
b="%{~ for x in [1,2] ~} ${ x } %{~ endfor ~}"
}

case_3 {
a = "\u00e9\n\t\"${x}\\"
}

case_4 {
a = "%{if x}${ y }%{ endif }${z}"
}
